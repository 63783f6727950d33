//! Object stores that speak S3, and HTTP servers to read from: the one file that names `object_store`.

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, HeaderMap, HeaderValue, ObjectStore,
    ObjectStoreExt as _, PutMode, PutOptions, RetryConfig, UpdateVersion,
};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

use super::store::{Condition, Object, Store, StoreError, Version, cache_control};

/// How long a request is repeated where a store is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most characters of what a store says.
const SAID: usize = 300;

/// An object store, with the runtime that its client needs.
pub(crate) struct Objects {
    store: Box<dyn ObjectStore>,
    prefix: String,
    name: String,
    runtime: Runtime,
}

impl Objects {
    /// A bucket and a prefix, `//bucket/prefix`; keys, region and endpoint come from the environment, as AWS's own tools
    /// have them.
    pub fn s3(name: &str, address: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| StoreError::Address {
            address: name.to_owned(),
            why: why.to_owned(),
        };
        let rest = address.strip_prefix("//");
        let rest = rest.ok_or_else(|| wrong("an address is s3://BUCKET/PREFIX"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_plain) {
            return Err(wrong(
                "an address is s3://BUCKET/PREFIX, and no secret is part of it",
            ));
        }
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retries());
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        let is_plain_http = endpoint.is_some_and(|url| url.starts_with("http://"));
        let options = client(None)?.with_allow_http(is_plain_http);
        let store = builder.with_client_options(options).build();
        let store = store.map_err(|error| wrong(&said(&error)))?;
        Self::new(Box::new(store), prefix, name)
    }

    /// An HTTP server that gives the parts below a URL. It takes no uploads. The token is sent with each request.
    pub fn http(url: &str, token: Option<&str>) -> Result<Self, StoreError> {
        let wrong = |why: String| StoreError::Address {
            address: url.to_owned(),
            why,
        };
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        if host.contains('@') || url.contains(['?', '#']) {
            let why = "an address has no user, no query and no fragment".to_owned();
            // The address may hold a secret.
            return Err(StoreError::Address {
                address: "the URL".to_owned(),
                why,
            });
        }
        let options = client(token)?.with_allow_http(url.starts_with("http://"));
        let builder = HttpBuilder::new()
            .with_url(url.trim_end_matches('/'))
            .with_retry(retries())
            .with_client_options(options);
        let store = builder.build().map_err(|error| wrong(said(&error)))?;
        Self::new(Box::new(store), "", url)
    }

    fn new(store: Box<dyn ObjectStore>, prefix: &str, name: &str) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("servanda-objects")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| StoreError::Failed {
            doing: "starting a thread for requests".to_owned(),
            why: error.to_string(),
        })?;
        let prefix = prefix.trim_matches('/');
        Ok(Self {
            store,
            prefix: match prefix {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
            name: name.trim_end_matches('/').to_owned(),
            runtime,
        })
    }

    fn at(&self, path: &str) -> Path {
        Path::from(format!("{}{path}", self.prefix))
    }

    fn failed(&self, doing: &str, path: &str, error: &Error) -> StoreError {
        let doing = format!("{doing} {}/{path}", self.name);
        let why = said(error);
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                StoreError::NotAllowed { doing, why }
            }
            _ => StoreError::Unreachable { doing, why },
        }
    }
}

/// What a store says, on one line and not too long.
fn said(error: &Error) -> String {
    let all = error.to_string();
    let words: Vec<&str> = all.split_whitespace().collect();
    words.join(" ").chars().take(SAID).collect()
}

fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 4,
        retry_timeout: PATIENCE,
        ..RetryConfig::default()
    }
}

/// How requests are made. TLS is by the provider that the whole program uses.
fn client(token: Option<&str>) -> Result<ClientOptions, StoreError> {
    // Another part of the program may have installed it.
    let _there = rustls::crypto::ring::default_provider().install_default();
    let options = ClientOptions::new()
        .with_timeout(PATIENCE)
        .with_connect_timeout(Duration::from_secs(5));
    let Some(token) = token else {
        return Ok(options);
    };
    let wrong = |_| StoreError::Address {
        address: "the token".to_owned(),
        why: "has characters that no token has".to_owned(),
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(wrong)?;
    value.set_sensitive(true);
    let headers: HeaderMap = std::iter::once((http_authorization(), value)).collect();
    Ok(options.with_default_headers(headers))
}

fn http_authorization() -> reqwest::header::HeaderName {
    reqwest::header::AUTHORIZATION
}

impl Store for Objects {
    fn get(&self, path: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        let at = self.at(path);
        let read = async {
            let found = self.store.get(&at).await?;
            let (size, tag) = (found.meta.size, found.meta.e_tag.clone());
            match size > limit {
                true => Ok((size, tag, Bytes::new())),
                false => Ok((size, tag, found.bytes().await?)),
            }
        };
        match self.runtime.block_on(read) {
            Ok((found, _, _)) if found > limit => Err(StoreError::TooLong {
                path: path.to_owned(),
                found,
                limit,
            }),
            Ok((_, tag, bytes)) => Ok(Some(Object {
                bytes,
                version: Version(tag.unwrap_or_default()),
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("reading", path, &error)),
        }
    }

    fn put(&self, path: &str, bytes: Bytes, when: Condition<'_>) -> Result<bool, StoreError> {
        let mode = match when {
            Condition::Always => PutMode::Overwrite,
            Condition::Absent => PutMode::Create,
            Condition::Unchanged(version) => PutMode::Update(UpdateVersion {
                e_tag: Some(version.0.clone()),
                version: None,
            }),
        };
        let attributes = Attributes::from_iter([
            (Attribute::CacheControl, cache_control(path)),
            (Attribute::ContentType, content_type(path)),
        ]);
        let options = PutOptions {
            mode,
            attributes,
            ..PutOptions::default()
        };
        let at = self.at(path);
        let put = self.store.put_opts(&at, bytes.into(), options);
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            // The object that was to be replaced is gone.
            Err(Error::NotFound { .. }) if matches!(when, Condition::Unchanged(_)) => Ok(false),
            Err(error) => Err(self.failed("writing", path, &error)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        use object_store::ListResult;
        let mut found = Vec::new();
        let mut left = vec![self.at(prefix)];
        while let Some(at) = left.pop() {
            let listed = self.store.list_with_delimiter(Some(&at));
            let listed = self.runtime.block_on(listed);
            let ListResult {
                common_prefixes,
                objects,
                ..
            } = listed.map_err(|error| self.failed("listing", prefix, &error))?;
            left.extend(common_prefixes);
            let paths = objects.iter().map(|object| object.location.as_ref());
            found.extend(
                paths.filter_map(|path| path.strip_prefix(&self.prefix).map(str::to_owned)),
            );
        }
        Ok(found)
    }

    fn delete(&self, path: &str) -> Result<(), StoreError> {
        let at = self.at(path);
        match self.runtime.block_on(self.store.delete(&at)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("deleting", path, &error)),
        }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.starts_with("tile/") {
        true => "application/octet-stream",
        false => "text/plain; charset=utf-8",
    }
}
