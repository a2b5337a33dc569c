//! Sockets that listen: one for each I/O thread, so that none waits for another to accept.

use crate::limits::{BACKLOG, TCP_KEEPALIVE};
use crate::{Bound, Endpoint};
use landfall_model::Problem;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};

/// One thread's socket of a door.
pub(crate) enum Listener {
    Tcp(std::net::TcpListener),
    Unix(unix::UnixListener),
}

/// One door: a listener for each thread.
pub(crate) struct Opened {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) bound: Bound,
    /// Of a Unix socket.
    pub(crate) file: Option<SocketFile>,
}

/// The file of a Unix socket, which is removed with this.
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl SocketFile {
    fn of(path: &Path) -> Self {
        SocketFile { path: path.to_owned(), inode: inode(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have taken the path over.
        if self.inode.is_some() && inode(&self.path) == self.inode {
            // Somebody may have tidied up already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

/// Opens a door: as many listeners on one address as there are threads. `take_over`: a Unix socket is replaced even
/// where somebody answers on it.
///
/// # Errors
/// What the operating system said, with the address.
pub(crate) fn bind(endpoint: &Endpoint, threads: usize, take_over: bool) -> Result<Opened, Problem> {
    let failed = |error: &io::Error| Problem::io(format!("listen on {endpoint}"), error);
    match endpoint {
        Endpoint::Tcp(text) => {
            let mut addresses = text.to_socket_addrs().map_err(|e| failed(&e))?.peekable();
            let nothing = || io::Error::other("the name has no address");
            let mut last = addresses.peek().is_none().then(nothing);
            for address in addresses {
                match bind_tcp(address, threads) {
                    Ok((listeners, bound)) => {
                        let listeners = listeners.into_iter().map(Listener::Tcp).collect();
                        return Ok(Opened { listeners, bound: Bound::Tcp(bound), file: None });
                    }
                    Err(error) => last = Some(error),
                }
            }
            Err(failed(&last.unwrap_or_else(nothing)))
        }
        Endpoint::Unix(path) => {
            let listeners = bind_unix(path, threads, take_over).map_err(|e| failed(&e))?;
            let listeners = listeners.into_iter().map(Listener::Unix).collect();
            let file = Some(SocketFile::of(path));
            Ok(Opened { listeners, bound: Bound::Unix(path.clone()), file })
        }
    }
}

/// Binds and lets go, without listening: nobody's connection is taken.
///
/// # Errors
/// As [`bind`].
pub(crate) fn probe(endpoint: &Endpoint) -> Result<(), Problem> {
    let tried = match endpoint {
        Endpoint::Tcp(text) => text.to_socket_addrs().and_then(|addresses| {
            let mut last = Err(io::Error::other("the name has no address"));
            for address in addresses {
                last = tcp_socket(address, false).map(drop);
                if last.is_ok() {
                    break;
                }
            }
            last
        }),
        Endpoint::Unix(path) => probe_unix(path),
    };
    tried.map_err(|error| Problem::io(format!("listen on {endpoint}"), &error))
}

fn probe_unix(path: &Path) -> io::Result<()> {
    // The name may be too long for a socket's.
    unix::SocketAddr::from_pathname(path)?;
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(io::Error::other("a file that is no socket lies there"))
        }
        Ok(_) if unix::UnixStream::connect(path).is_err() => Ok(()),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(_) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            std::fs::metadata(folder.unwrap_or(Path::new("."))).map(drop)
        }
    }
}

fn bind_tcp(address: SocketAddr, threads: usize) -> io::Result<(Vec<std::net::TcpListener>, SocketAddr)> {
    // Sockets that share a port would also share it with another server of the same user, in silence: each would get
    // half of the requests. A first socket that shares with nobody finds that out.
    if address.port() != 0 {
        tcp_socket(address, false)?;
    }
    let first = tcp_socket(address, true)?;
    let bound = std::net::TcpListener::from(first.try_clone()?).local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..threads {
        sockets.push(tcp_socket(bound, true)?);
    }
    for socket in &sockets {
        socket.listen(BACKLOG)?;
    }
    Ok((sockets.into_iter().map(Into::into).collect(), bound))
}

/// Bound, not yet listening. Accepted connections take over the options.
fn tcp_socket(address: SocketAddr, shares: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a server that just ended may linger on the port.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shares)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_unix(path: &Path, threads: usize, take_over: bool) -> io::Result<Vec<unix::UnixListener>> {
    remove_stale(path, take_over)?;
    let first = unix::UnixListener::bind(path)?;
    first.set_nonblocking(true)?;
    let mut listeners = Vec::new();
    for _ in 1..threads {
        listeners.push(first.try_clone()?);
    }
    listeners.push(first);
    Ok(listeners)
}

/// Removes the socket that a server left behind which was killed. A socket on which somebody answers stays, as does
/// anything else.
fn remove_stale(path: &Path, take_over: bool) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && (take_over || unix::UnixStream::connect(path).is_err()) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn threads_share_a_free_port_but_servers_do_not() {
        let endpoint = Endpoint::Tcp("127.0.0.1:0".into());
        let Opened { listeners, bound, .. } = bind(&endpoint, 3, false).unwrap();
        assert_eq!(listeners.len(), 3);
        let Bound::Tcp(address) = bound else { panic!("a TCP address") };
        assert_ne!(address.port(), 0);
        let again = bind(&Endpoint::Tcp(address.to_string()), 2, false).err().unwrap();
        assert!(again.to_string().contains(&format!("listen on {address}")), "{again}");
        let probed = probe(&Endpoint::Tcp(address.to_string())).unwrap_err();
        assert_eq!(probed, again, "known before anything is loaded");
        drop(listeners);
        probe(&Endpoint::Tcp(address.to_string())).unwrap();
        bind(&Endpoint::Tcp(address.to_string()), 2, false).unwrap();
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.sock");
        let endpoint = Endpoint::Unix(path.clone());
        let opened = bind(&endpoint, 1, false).unwrap();
        assert!(bind(&endpoint, 1, false).is_err() && probe(&endpoint).is_err(), "in use");
        drop(opened.listeners);
        // As if the server had been killed.
        std::mem::forget(opened.file);
        assert!(path.exists());
        probe(&endpoint).unwrap();
        assert!(probe(&Endpoint::Unix(folder.path().join("none/l.sock"))).is_err());
        let mut opened = bind(&endpoint, 1, false).unwrap();
        let mut client = unix::UnixStream::connect(&path).unwrap();
        client.write_all(b"x").unwrap();
        let Some(Listener::Unix(listener)) = opened.listeners.pop() else { panic!("a Unix socket") };
        listener.set_nonblocking(false).unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"x");
        drop(opened.file);
        assert!(!path.exists());
        let file = folder.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        assert!(bind(&Endpoint::Unix(file.clone()), 1, false).is_err());
        let probed = |path| probe(&Endpoint::Unix(path)).unwrap_err().to_string();
        assert!(probed(file.clone()).contains("no socket lies there"));
        assert_eq!(std::fs::read(file).unwrap(), b"kept");
        let long = probed(folder.path().join("x".repeat(120)));
        assert!(long.contains("path must be shorter"), "{long}");
    }

    #[test]
    fn a_socket_that_is_taken_over_belongs_to_the_heir() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.sock");
        let endpoint = Endpoint::Unix(path.clone());
        let first = bind(&endpoint, 1, false).unwrap();
        let heir = bind(&endpoint, 1, true).unwrap();
        drop(first);
        assert!(unix::UnixStream::connect(&path).is_ok(), "the heir's socket stays");
        drop(heir);
        assert!(!path.exists());
    }
}
