//! HTTP/1.1 by hand, so that a test decides each byte.

use crate::house::LONG;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body without white space.
    pub(crate) fn dense(&self) -> String {
        self.text().split_whitespace().collect()
    }
}

/// One connection.
pub(crate) struct Http {
    stream: TcpStream,
    came: Vec<u8>,
    asked_head: bool,
}

impl Http {
    pub(crate) fn to(address: SocketAddr) -> Http {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Http { stream, came: Vec::new(), asked_head: false }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The client will send no more.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads until the server closes.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut self.came);
        self.came
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(length) => {
                self.came.extend_from_slice(&piece[..length]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// The next response, `None` when the server closed instead.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        let head = loop {
            if let Some(end) = self.came.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.came.drain(..end + 4).collect();
                break String::from_utf8(head).unwrap();
            }
            if !self.more() {
                return None;
            }
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        // An answer to HEAD says how long its body would be.
        let length = answer.header("content-length").filter(|_| !self.asked_head);
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.came.len() < length {
            assert!(self.more(), "the body is cut off");
        }
        answer.body = self.came.drain(..length).collect();
        Some(answer)
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.next().expect("the server closed the connection without an answer")
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        self.asked_head = method == "HEAD";
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        self.send([head.as_bytes(), body].concat());
        self.answer()
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: impl AsRef<[u8]>,
) -> Answer {
    Http::to(address).ask(method, path, headers, body)
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "", "")
}

/// A TensorFlow Serving body.
pub(crate) fn tfs(values: &[f32]) -> String {
    format!("{{\"instances\":{values:?}}}")
}

/// An Open Inference Protocol body.
pub(crate) fn oip(values: &[f32]) -> String {
    let length = values.len();
    format!(
        "{{\"inputs\":[{{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[{length}],\"data\":{values:?}}}]}}"
    )
}
