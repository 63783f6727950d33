//! `export --bundle`: one file with a ledger, its signatures, and the means to check both.

use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::checkpoint::LogKey;
use super::error::{CliError, Exit};
use super::files::{self, Overwrite};
use super::raw::write_raw;
use super::session::{Session, written};
use super::verify::{COSIGNED, read_policy};

const FORMAT: &str = include_str!("../../docs/format.md");
/// The verifiers that were written from the page alone: in Python, in JavaScript, and the page for that one.
const VERIFIERS: [(&str, &str); 3] = [
    ("verify.py", include_str!("../../docs/verify.py")),
    ("verify.js", include_str!("../../docs/verify.js")),
    ("verify.html", include_str!("../../docs/verify.html")),
];

/// The options of `export` for bundles.
#[derive(clap::Args)]
pub(super) struct Bundle {
    /// Write a tar file with the raw export, the checkpoint, and all that is needed to verify them
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub bundle: Option<PathBuf>,
    #[command(flatten)]
    log_key: LogKey,
    /// A policy of witnesses, to put into the bundle
    #[arg(long, value_name = "FILE", requires = "bundle")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

impl Bundle {
    /// Refuses a key without a bundle. The environment may name the key for other commands.
    pub fn check(&self) -> Result<(), CliError> {
        let key = self.log_key.key.as_ref().map(|path| path.as_os_str());
        if self.bundle.is_none()
            && key.is_some()
            && key != std::env::var_os("SERVANDA_LOG_KEY").as_deref()
        {
            return Err(
                CliError::new(Exit::Usage, "--key signs the checkpoint of a bundle")
                    .hint("give --bundle FILE too"),
            );
        }
        Ok(())
    }

    /// Writes a bundle, whole or not at all. The same ledger, key and policy give the same bytes.
    pub fn write(&self, path: &Path, session: &Session) -> Result<Exit, CliError> {
        let signer = self.log_key.signer()?;
        let policy = self.policy.as_deref().map(read_policy).transpose()?;
        let ledger = session.open()?;
        let checkpoint = ledger.checkpoint()?;
        let mut records = Vec::new();
        // Writing to memory does not fail.
        written(write_raw(ledger.log(), &mut records)?)?;
        let mut files = vec![("records.ndjson", records)];
        let text = match &signer {
            Some(signer) => signer.sign(checkpoint.clone())?.to_string(),
            None => checkpoint.to_string(),
        };
        files.push(("checkpoint", text.into_bytes()));
        let beside = session.beside(COSIGNED)?;
        if let Some(cosigned) = files::if_there(&beside)? {
            files.push(("cosigned", cosigned));
        }
        if let Some(policy) = &policy {
            files.push(("policy", policy.to_string().into_bytes()));
        }
        files.push(("format.md", FORMAT.into()));
        files.extend(VERIFIERS.map(|(name, text)| (name, text.into())));
        let is_signed = signer.is_some();
        let has = |name: &str| files.iter().any(|(held, _)| *held == name);
        let readme = readme(
            checkpoint.origin(),
            is_signed,
            has("cosigned"),
            has("policy"),
        );
        files.push(("README.txt", readme.into_bytes()));
        let bytes = pack(&files).map_err(|error| CliError::file("write", path, &error))?;
        if session.dry_run {
            session.talk(&format!("would write {}", path.display()));
            return Ok(Exit::Ok);
        }
        files::write(path, &bytes, self.overwrite.existing())?;
        session.say(&path.display().to_string())?;
        if !is_signed {
            session.hint("the checkpoint in it is unsigned: with --key FILE the log signs it");
        }
        session
            .hint("next: unpack it and read README.txt; keep the checkpoint apart from the bundle");
        Ok(Exit::Ok)
    }
}

/// Makes a tar file that depends only on the names and bytes of the files.
fn pack(files: &[(&str, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice())?;
    }
    builder.into_inner()
}

fn readme(origin: &str, signed: bool, cosigned: bool, policy: bool) -> String {
    let mut command = "python3 verify.py records.ndjson --checkpoint checkpoint".to_owned();
    if cosigned {
        command.push_str(" --checkpoint cosigned");
    }
    if policy && cosigned {
        command.push_str(" --policy policy");
    }
    if signed {
        command.push_str(" --log-key 'VKEY'");
    }
    let key = if signed {
        "\
VKEY is the log's public key, NAME+ID+BASE64. Get it from the keeper of the log, and not together with this bundle: a
key that arrives with the data that it signs proves nothing."
    } else {
        "\
The checkpoint in this bundle is not signed: it proves no more than the records beside it. Compare it with one that
you received in another way."
    };
    let witnesses = if cosigned && !policy {
        "\n`cosigned` holds cosignatures of witnesses; `--policy FILE`, with a policy of your own, checks them.\n"
    } else if policy {
        "\nYou choose the witnesses that count: read `policy` before you rely on it, or use your own.\n"
    } else {
        ""
    };
    format!(
        "\
The ledger {origin}, and everything that is needed to check it. Python 3.8 or later is enough:

    {command}

Or a browser, also with the network off: open verify.html and give it this bundle, packed as it was sent.

{key}
{witnesses}
Exit code 0: sound. 10: integrity broken. 11: a signature is bad. 12: sound, but too few witnesses cosigned. 1: a file
cannot be read. 2: the command line is wrong.

What is here
    records.ndjson  every record, verbatim, and the head
    checkpoint      origin, number of records and root of their tree{}
{}{}    format.md       what every byte means
    verify.py       a verifier, written from format.md alone; read it before you run it
    verify.js       another one, for browsers and node
    verify.html     the page for verify.js
    README.txt      this file

What it proves: the records are complete and unchanged since the checkpoint; no record was inserted, removed or moved;
the recorders and parties whose keys the ledger holds signed what the ledger says they signed.

What it does not prove: that this bundle is the whole ledger, or the same bundle that others received. For that, compare
it with checkpoints that were kept elsewhere: --checkpoint FILE for each. Nor does it prove that the recorder's clock was
right, that the keys belong to the people whom the ledger names, or that the recorded statements are true. verify.py
and verify.js do not check the rules of events; `servanda verify` does.
",
        if signed { ", signed by the log" } else { "" },
        if cosigned { "    cosigned        the newest checkpoint that witnesses cosigned\n" } else { "" },
        if policy { "    policy          which witnesses are enough\n" } else { "" },
    )
}
