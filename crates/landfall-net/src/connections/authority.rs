//! What gRPC's own clients call a server behind a Unix socket.
//!
//! They send the socket's path, percent-encoded (`run%2Fs.sock`), as `:authority`, which is no authority by RFC 3986:
//! percent signs belong to user names there. HTTP libraries refuse it with a protocol error. Nobody here reads the
//! authority, so on Unix sockets its percent signs become underscores before HTTP sees them, within the value alone: no
//! length changes, and HPACK's table keeps what it was given.
//!
//! Layout: frames of RFC 9113 (4.1), literals in field blocks of RFC 7541 (6.2). A value that arrives in two parts, or in Huffman's code, stays as it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What an HTTP/2 client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
/// A literal with the name `:authority`, by its place in the static table or spelt out: with incremental indexing, without,
/// and never indexed.
const LITERALS: [&[u8]; 6] =
    [b"\x41", b"\x01", b"\x11", b"\x40\x0a:authority", b"\x00\x0a:authority", b"\x10\x0a:authority"];

/// A connection over a Unix socket.
pub(crate) struct Respelled<S> {
    stream: S,
    place: Place,
}

/// Where in the client's bytes the reader is.
enum Place {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// Within a frame's head.
    Head { bytes: [u8; FRAME_HEAD], have: usize },
    /// Within a frame's payload.
    Payload { left: usize, fields: bool },
    /// This is no HTTP/2.
    Other,
}

impl<S> Respelled<S> {
    pub(crate) fn new(stream: S) -> Self {
        Respelled { stream, place: Place::Preface(0) }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

impl Place {
    /// Walks over what came, and respells authorities in it.
    fn walk(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let taken = match self {
                Place::Other => return,
                Place::Preface(have) => {
                    let taken = bytes.len().min(PREFACE.len() - *have);
                    let expected = &PREFACE[*have..*have + taken];
                    *have += taken;
                    match (bytes[..taken] == *expected, *have == PREFACE.len()) {
                        (false, _) => *self = Place::Other,
                        (true, true) => *self = Place::Head { bytes: [0; FRAME_HEAD], have: 0 },
                        (true, false) => {}
                    }
                    taken
                }
                Place::Head { bytes: head, have } => {
                    let taken = bytes.len().min(FRAME_HEAD - *have);
                    head[*have..*have + taken].copy_from_slice(&bytes[..taken]);
                    *have += taken;
                    if *have == FRAME_HEAD {
                        let left =
                            usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                        let fields = matches!(head[3], HEADERS | CONTINUATION);
                        *self = Place::Payload { left, fields };
                        self.end_of_payload();
                    }
                    taken
                }
                Place::Payload { left, fields } => {
                    let taken = bytes.len().min(*left);
                    if *fields {
                        respell(&mut bytes[..taken]);
                    }
                    *left -= taken;
                    self.end_of_payload();
                    taken
                }
            };
            bytes = &mut bytes[taken..];
        }
    }

    fn end_of_payload(&mut self) {
        if matches!(self, Place::Payload { left: 0, .. }) {
            *self = Place::Head { bytes: [0; FRAME_HEAD], have: 0 };
        }
    }
}

/// Respells the authority in a field block.
fn respell(block: &mut [u8]) {
    for start in 0..block.len() {
        let Some(literal) = LITERALS.iter().find(|literal| block[start..].starts_with(literal)) else {
            continue;
        };
        let Some((length, from)) = length(block, start + literal.len()) else { continue };
        let Some(value) = block.get_mut(from..from + length) else { continue };
        if value.windows(3).any(|part| part == b"%2F") && value.iter().all(u8::is_ascii_graphic) {
            value.iter_mut().filter(|byte| **byte == b'%').for_each(|byte| *byte = b'_');
        }
    }
}

/// The length of a string that is not in Huffman's code, and where it begins: seven bits, and seven more where all those
/// are set.
fn length(block: &[u8], at: usize) -> Option<(usize, usize)> {
    match *block.get(at)? {
        short @ 0..0x7f => Some((usize::from(short), at + 1)),
        0x7f => {
            let more = *block.get(at + 1)?;
            (more < 0x80).then(|| (0x7f + usize::from(more), at + 2))
        }
        _ => None,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Respelled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(came) = buffer.filled_mut().get_mut(before..) {
            self.place.walk(came);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Respelled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Fuzz body: nothing but percent signs ever changes, and to nothing but underscores, wherever the bytes are cut.
pub(crate) fn fuzz(bytes: &[u8]) {
    for prefix in [&b""[..], PREFACE] {
        let whole = [prefix, bytes].concat();
        for step in [1, 7, whole.len().max(1)] {
            let mut read = whole.clone();
            let mut place = Place::Preface(0);
            read.chunks_mut(step).for_each(|chunk| place.walk(chunk));
            let kept = |(before, after): (&u8, &u8)| before == after || (*before == b'%' && *after == b'_');
            assert!(read.len() == whole.len() && whole.iter().zip(&read).all(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 4, 0, 0, 0, 1], payload].concat()
    }

    fn walked(frames: &[Vec<u8>], step: usize) -> Vec<u8> {
        let mut bytes = [PREFACE, &frames.concat()].concat();
        let mut place = Place::Preface(0);
        bytes.chunks_mut(step).for_each(|chunk| place.walk(chunk));
        bytes.split_off(PREFACE.len())
    }

    fn authority(literal: &[u8], value: &str) -> Vec<u8> {
        let length = match value.len() {
            short @ 0..0x7f => vec![short as u8],
            long => vec![0x7f, (long - 0x7f) as u8],
        };
        [&[0x83], literal, &length[..], value.as_bytes(), &[0x86]].concat()
    }

    #[test]
    fn a_path_as_authority_is_respelled_and_nothing_else() {
        let long = format!("%2F{}", "tmp%2F".repeat(25));
        for literal in LITERALS {
            for path in ["tmp%2Fs.sock", "%2Ftmp%2Fs.sock", &long] {
                let found = walked(&[frame(4, &[]), frame(HEADERS, &authority(literal, path))], usize::MAX);
                let expected = [frame(4, &[]), frame(HEADERS, &authority(literal, &path.replace('%', "_")))];
                assert_eq!(found, expected.concat());
            }
        }
        let data = frame(0, &authority(b"\x41", "%2Ftmp%2Fs.sock"));
        assert_eq!(walked(std::slice::from_ref(&data), usize::MAX), data, "a message is left alone");
        let named = frame(HEADERS, &authority(b"\x41", "localhost%3A1"));
        assert_eq!(walked(std::slice::from_ref(&named), usize::MAX), named, "what is no path stays");
    }

    #[test]
    fn frames_are_followed_wherever_reads_end() {
        let frames = [frame(4, &[0; 12]), frame(0, b"%2F"), frame(HEADERS, &authority(b"\x41", "%2Fs"))];
        let whole = walked(&frames, usize::MAX);
        assert!(whole.ends_with(b"_2Fs\x86"));
        for step in [1, 2, 3, 5, 8] {
            let cut = walked(&frames, step);
            assert_eq!(cut.len(), whole.len());
            assert!(cut[..cut.len() - 6] == whole[..cut.len() - 6], "only the value itself may stay");
        }
    }

    #[test]
    fn other_protocols_pass_untouched() {
        let mut bytes = *b"GET /%2F HTTP/1.1\r\n\r\n\0\0\x09\x01\x04\0\0\0\x01\x41\x03%2F";
        let before = bytes;
        Place::Preface(0).walk(&mut bytes);
        assert_eq!(bytes, before);
    }

    #[test]
    fn bounded_fuzzing_of_frames() {
        for bytes in [
            &b"\0\0\x05\x01\x04\0\0\0\x01\x41\x7f\x7f%2"[..],
            b"\xff\xff\xff\x01",
            b"\0\0\0\x09\0\0\0\0\0%2F",
        ] {
            fuzz(bytes);
        }
    }
}
