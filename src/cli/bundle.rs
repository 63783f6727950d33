//! `export --bundle`: one file that holds a ledger, what vouches for it, and the means to check both.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, value_parser};
use tar::{Builder, EntryType, Header};

use super::checkpoint::sign;
use super::error::{CliError, Exit};
use super::session::Session;
use super::verify::{COSIGNED, read_policy};
use super::{files, raw};

const FORMAT: &str = include_str!("../../docs/format.md");
const VERIFIER: &str = include_str!("../../docs/verify.py");

/// The options of `export` that are about bundles.
pub(super) fn args() -> [Arg; 3] {
    [
        Arg::new("bundle")
            .long("bundle")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with("raw")
            .help("Write a tar file with the raw export, the checkpoint, and all that is needed to verify them"),
        super::checkpoint::log_key_arg()
            .help("The log's private key: the checkpoint in the bundle is signed with it"),
        Arg::new("policy")
            .long("policy")
            .value_name("FILE")
            .requires("bundle")
            .value_parser(value_parser!(PathBuf))
            .help("A policy of witnesses, to go into the bundle"),
    ]
}

/// The bundle that is asked for, if one is.
pub(super) fn asked(matches: &ArgMatches) -> Result<Option<&PathBuf>, CliError> {
    let path = matches.get_one::<PathBuf>("bundle");
    // The environment may name the key for other commands.
    let given = matches.value_source("key") == Some(ValueSource::CommandLine);
    if path.is_none() && given {
        return Err(
            CliError::new(Exit::Usage, "--key signs the checkpoint of a bundle")
                .hint("give --bundle FILE too"),
        );
    }
    Ok(path)
}

/// Writes a bundle, whole or not at all. The same ledger, key and policy give the same bytes.
pub(super) fn write(
    path: &Path,
    matches: &ArgMatches,
    session: &Session,
) -> Result<Exit, CliError> {
    let ledger = session.open()?;
    let checkpoint = ledger.checkpoint()?;
    let signed = sign(checkpoint.clone(), matches)?;
    let mut records = Vec::new();
    // Writing to memory does not fail.
    super::session::written(raw::write_raw(ledger.log(), &mut records)?)?;
    let mut files = vec![("records.ndjson", records)];
    let is_signed = signed.is_some();
    let text = signed.map_or_else(|| checkpoint.to_string(), |signed| signed.to_string());
    files.push(("checkpoint", text.into_bytes()));
    let beside = session.beside(COSIGNED)?;
    if let Some(cosigned) = files::if_there(&beside, std::fs::read(&beside))? {
        files.push(("cosigned", cosigned));
    }
    if let Some(policy) = matches.get_one::<PathBuf>("policy") {
        let parsed = read_policy(policy)?;
        files.push(("policy", parsed.to_string().into_bytes()));
    }
    files.push(("format.md", FORMAT.into()));
    files.push(("verify.py", VERIFIER.into()));
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
    files::write_whole(path, &bytes)?;
    session.say(&path.display().to_string())?;
    if !is_signed {
        session.hint("the checkpoint in it is unsigned: with --key FILE the log vouches for it");
    }
    session.hint("next: unpack it and read README.txt; keep the checkpoint apart from the bundle");
    Ok(Exit::Ok)
}

/// A tar file that depends on nothing but the files' names and bytes.
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
VKEY is the log's public key, NAME+ID+BASE64. Take it from whoever keeps the log, by a way that does not lead
through this bundle: a key that comes with what it signs proves nothing."
    } else {
        "\
The checkpoint in this bundle is not signed: it says no more than the records beside it. Compare with one that you
got another way."
    };
    let witnesses = if cosigned && !policy {
        "\n`cosigned` carries cosignatures of witnesses; `--policy FILE`, a policy of your own, has them checked.\n"
    } else if policy {
        "\nThe witnesses that count are for you to choose: read `policy` before you rely on it, or use your own.\n"
    } else {
        ""
    };
    format!(
        "\
The ledger {origin}, with all that is needed to check it. Python 3.8 or later is enough:

    {command}

{key}
{witnesses}
Exit code 0: sound. 10: integrity broken. 11: a signature or witness is bad. 2: the command makes no sense.

What is here
    records.ndjson  every record, verbatim, and the head
    checkpoint      origin, number of records and root of their tree{}
{}{}    format.md       what every byte means
    verify.py       a verifier that was written from format.md alone; read it before you run it
    README.txt      this

What it proves: that the records are whole and unchanged since the checkpoint; that no record was put in, taken out
or moved; that the recorders and parties whose keys the ledger holds signed what it says they signed.

What it does not prove: that this bundle is the whole ledger, or the same that others were given. For that, compare
with a checkpoint that was kept elsewhere: --checkpoint FILE, as often as you have one. Nor that the recording clock
was right, that the keys in the ledger belong to whom it says, or that what was recorded is true. The rules of events
are not checked here; `servanda verify` does.
",
        if signed { ", signed by the log" } else { "" },
        if cosigned { "    cosigned        the newest checkpoint that witnesses cosigned\n" } else { "" },
        if policy { "    policy          which witnesses are enough\n" } else { "" },
    )
}
