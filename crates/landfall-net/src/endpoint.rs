//! Where a door listens, and where it turned out to be.

use landfall_model::Problem;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a door is to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// `HOST:PORT`; the host may be a name, the port 0 for a free one.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Whether only this machine reaches it. A name other than `localhost` is taken to be reachable.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Endpoint::Unix(_) => true,
            Endpoint::Tcp(text) => {
                let host = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host.eq_ignore_ascii_case("localhost")
                    || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
        }
    }
}

impl FromStr for Endpoint {
    type Err = Problem;

    /// `HOST:PORT`, a port alone for all interfaces, or `unix:PATH`.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = || Problem::invalid(format!("{text:?}: expected HOST:PORT, a port alone, or unix:PATH"));
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(wrong().at(format!("an address is meant, without {scheme}://")));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Endpoint::Unix(path.into())) };
        }
        if text.parse::<u16>().is_ok() {
            return Ok(Endpoint::Tcp(format!("0.0.0.0:{text}")));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Endpoint::Tcp(text.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(text) => f.write_str(text),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where a door listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bound {
    /// With the real port, where a free one was asked for.
    Tcp(SocketAddr),
    /// The socket's path.
    Unix(PathBuf),
}

impl Bound {
    /// The port, for TCP.
    pub fn port(&self) -> Option<u16> {
        match self {
            Bound::Tcp(address) => Some(address.port()),
            Bound::Unix(_) => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Tcp(address) => address.fmt(f),
            Bound::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written_alike() {
        for text in ["127.0.0.1:8000", "localhost:0", "[::1]:80", "unix:/run/landfall.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("8000".parse::<Endpoint>().unwrap(), Endpoint::Tcp("0.0.0.0:8000".into()));
        for wrong in ["", "unix:", "host", ":80", "host:99999"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_loopback_and_unix_sockets_are_local() {
        for local in ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/x", "127.9.9.9:1"] {
            assert!(local.parse::<Endpoint>().unwrap().is_local(), "{local}");
        }
        for open in ["8000", "0.0.0.0:1", "[::]:1", "example.org:1", "10.0.0.1:1"] {
            assert!(!open.parse::<Endpoint>().unwrap().is_local(), "{open}");
        }
    }
}
