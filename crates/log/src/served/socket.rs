//! The socket in the directory of a ledger, for processes of the same user.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// The name of the socket in the directory.
pub const SOCKET: &str = "socket";

/// The longest path that every system takes for a socket, in bytes.
const MAX_PATH: usize = 100;

/// Does something with the path of the socket. Where it is too long for the system, with one that leads there through
/// the open directory.
fn at<T>(dir: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join(SOCKET);
    if path.as_os_str().len() <= MAX_PATH {
        return act(&path);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let opened = fs::File::open(dir)?;
        act(Path::new(&format!(
            "/proc/self/fd/{}/{SOCKET}",
            opened.as_raw_fd()
        )))
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the path of a socket has at most {MAX_PATH} bytes here"),
    ))
}

/// Makes the socket, in place of one that a killed process left. The caller has the directory's lock.
pub(super) fn bind(dir: &Path) -> io::Result<UnixListener> {
    at(dir, |path| {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => {
                let what = "there is something else than a socket";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(listener)
    })
}

/// Connects to the process that listens at the socket, if it is one of the same user.
pub(super) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let stream = at(dir, |path| UnixStream::connect(path))?;
    check_peer(&stream)?;
    Ok(stream)
}

/// Refuses a process of another user. Root may do what it likes, with the files too.
#[cfg(target_os = "linux")]
pub(super) fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let (own, other) = (
        rustix::process::geteuid(),
        rustix::net::sockopt::socket_peercred(stream)?.uid,
    );
    match own == other || own.is_root() || other.is_root() {
        true => Ok(()),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// Elsewhere the mode of the socket decides.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_peer(_: &UnixStream) -> io::Result<()> {
    Ok(())
}

/// Removes the socket.
pub(super) fn remove(dir: &Path) {
    // What stays is in nobody's way.
    let _rubbish = fs::remove_file(dir.join(SOCKET));
}
