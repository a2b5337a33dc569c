//! gRPC's frames: a flag, a length of four bytes, a message (`PROTOCOL-HTTP2.md`, Length-Prefixed-Message).

use crate::body::too_large;
use crate::compression::{Coding, unpack};
use crate::memory::Hold;
use landfall_model::{Buffer, Kind, Problem};

/// Room for messages that a stream keeps between them.
const IDLE_ROOM: usize = 16 << 10;

/// Bytes in front of each message.
pub(crate) const PREFIX: usize = 5;

/// One message as it came.
#[derive(Debug)]
pub(crate) struct Message {
    packed: bool,
    bytes: Buffer,
}

impl Message {
    /// The bare message.
    ///
    /// # Errors
    /// Internal, when it is packed but the call does not say how; as [`unpack`].
    pub(crate) fn unpacked(
        self,
        coding: Option<Coding>,
        limit: usize,
        hold: Hold,
    ) -> Result<Buffer, Problem> {
        match (self.packed, coding) {
            (false, _) => Ok(self.bytes),
            (true, Some(coding)) => {
                unpack(coding, self.bytes.bytes(), limit, hold).map_err(|error| error.problem())
            }
            (true, None) => {
                Err(Problem::internal("a message is compressed, but there is no grpc-encoding that says how"))
            }
        }
    }

    /// Bytes that came.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Flag and length, when all five bytes are there.
fn prefix(bytes: &[u8], limit: usize) -> Result<Option<(bool, usize)>, Problem> {
    let Some((&[flag, a, b, c, d], _)) = bytes.split_first_chunk() else { return Ok(None) };
    let packed = match flag {
        0 => false,
        1 => true,
        _ => {
            return Err(Problem::internal(format!(
                "a message's compression flag is {flag}, expected 0 or 1"
            )));
        }
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > limit {
        return Err(too_large(limit));
    }
    Ok(Some((packed, length)))
}

fn cut_off() -> Problem {
    Problem::internal("the stream ended within a message")
}

/// The one message of a unary call's body.
///
/// # Errors
/// Unimplemented for none or more than one, internal for a frame that makes no sense or is cut off, resource exhausted
/// over the limit: gRPC's own codes for these.
pub(crate) fn only(body: &Buffer, limit: usize) -> Result<Message, Problem> {
    if body.is_empty() {
        return Err(Problem::worded(Kind::Unimplemented, "a unary call must hold one message, found none"));
    }
    let (packed, length) = prefix(body.bytes(), limit)?.ok_or_else(cut_off)?;
    match body.len() - PREFIX {
        rest if rest < length => Err(cut_off()),
        rest if rest > length => {
            Err(Problem::worded(Kind::Unimplemented, "a unary call must hold one message, found more"))
        }
        _ => Ok(Message { packed, bytes: body.slice(PREFIX..PREFIX + length) }),
    }
}

/// Messages of a stream, put together from pieces. It holds no more than the message under way and what came with it.
#[derive(Debug)]
pub(crate) struct Frames {
    came: Vec<u8>,
    read: usize,
    limit: usize,
}

impl Frames {
    pub(crate) fn new(limit: usize) -> Self {
        Frames { came: Vec::new(), read: 0, limit }
    }

    /// Bytes that came and belong to no message yet.
    pub(crate) fn len(&self) -> usize {
        self.came.len() - self.read
    }

    /// A further piece of the body.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.came.extend_from_slice(piece);
    }

    /// Lets go of what was read, and of the room that a large message needed.
    pub(crate) fn compact(&mut self) {
        self.came.drain(..std::mem::take(&mut self.read));
        self.came.shrink_to(IDLE_ROOM);
    }

    /// The next message, when it is whole.
    ///
    /// # Errors
    /// As [`only`].
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Problem> {
        let rest = &self.came[self.read..];
        let Some((packed, length)) = prefix(rest, self.limit)? else { return Ok(None) };
        let Some(message) = rest[PREFIX..].get(..length) else { return Ok(None) };
        let bytes = Buffer::copy_of(message);
        self.read += PREFIX + length;
        Ok(Some(Message { packed, bytes }))
    }

    /// The body ended.
    ///
    /// # Errors
    /// Internal, when it ended within a message.
    pub(crate) fn end(&self) -> Result<(), Problem> {
        if self.read == self.came.len() { Ok(()) } else { Err(cut_off()) }
    }
}

/// Writes a message: `write` appends it to the vector, whose prefix is then filled in.
///
/// # Errors
/// Those of `write`; resource exhausted for a message over 4 GiB.
pub(crate) fn framed<E: From<Problem>>(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut frame = vec![0; PREFIX];
    write(&mut frame)?;
    let length = u32::try_from(frame.len() - PREFIX).map_err(|_| {
        E::from(Problem::worded(Kind::ResourceExhausted, "the answer is larger than a gRPC message may be"))
    })?;
    frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Flag and bytes of each message, and how the body ended.
type Read = (Vec<(bool, Vec<u8>)>, Result<(), Problem>);

/// Fuzz body: however a body is cut into pieces, the same messages come out, or the same error.
pub(crate) fn fuzz(bytes: &[u8]) {
    const LIMIT: usize = 1 << 16;
    let (step, body) =
        bytes.split_first().map_or((1, bytes), |(first, rest)| (1 + usize::from(*first), rest));
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| -> Read {
        let (mut frames, mut found) = (Frames::new(LIMIT), Vec::new());
        for piece in pieces {
            frames.compact();
            frames.push(piece);
            loop {
                match frames.next() {
                    Ok(Some(message)) => found.push((message.packed, message.bytes.bytes().to_vec())),
                    Ok(None) => break,
                    Err(problem) => return (found, Err(problem)),
                }
            }
        }
        let end = frames.end();
        (found, end)
    };
    let whole = read(&mut std::iter::once(body));
    assert_eq!(whole, read(&mut body.chunks(step)));
    if let Ok(message) = only(&Buffer::copy_of(body), LIMIT) {
        assert_eq!(whole, (vec![(message.packed, message.bytes.bytes().to_vec())], Ok(())));
        let _ = message.unpacked(Some(Coding::Gzip), LIMIT, Hold::boundless());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::pack;

    fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
        let mut bytes = framed::<Problem>(|out| {
            out.extend_from_slice(message);
            Ok(())
        })
        .unwrap();
        bytes[0] = flag;
        bytes
    }

    #[test]
    fn a_message_comes_back_without_a_copy() {
        let body = Buffer::copy_of(&frame(0, b"hello"));
        let message = only(&body, 5).unwrap().unpacked(None, 5, Hold::boundless()).unwrap();
        assert_eq!(message.bytes(), b"hello");
        assert_eq!(message.bytes().as_ptr(), body.bytes()[PREFIX..].as_ptr());
        assert_eq!(only(&Buffer::copy_of(&frame(0, b"")), 0).unwrap().len(), 0);
    }

    #[test]
    fn a_packed_message_needs_to_say_how_and_stays_within_the_limit() {
        let body = Buffer::copy_of(&frame(1, &pack(Coding::Gzip, &[7; 100])));
        let message =
            |limit| only(&body, 1000).unwrap().unpacked(Some(Coding::Gzip), limit, Hold::boundless());
        assert_eq!(message(100).unwrap().bytes(), [7; 100]);
        assert_eq!(message(99).unwrap_err().kind(), Kind::ResourceExhausted);
        assert_eq!(
            only(&body, 1000).unwrap().unpacked(None, 100, Hold::boundless()).unwrap_err().kind(),
            Kind::Internal
        );
    }

    #[test]
    fn frames_that_make_no_sense_get_grpcs_own_codes() {
        let two = [frame(0, b"a"), frame(0, b"b")].concat();
        for (body, kind) in [
            (&b""[..], Kind::Unimplemented),
            (&two, Kind::Unimplemented),
            (&frame(0, b"abc")[..7], Kind::Internal),
            (&[0, 0, 0], Kind::Internal),
            (&frame(2, b"a"), Kind::Internal),
            (&[0, 0xff, 0xff, 0xff, 0xff, 1], Kind::ResourceExhausted),
        ] {
            assert_eq!(only(&Buffer::copy_of(body), 100).unwrap_err().kind(), kind, "{body:?}");
        }
    }

    #[test]
    fn messages_come_out_whole_however_their_bytes_came() {
        let all = [frame(0, b"one"), frame(1, b""), frame(0, &[9; 300])].concat();
        for step in [1, 2, 7, 300, 1000] {
            let mut frames = Frames::new(1000);
            let mut lengths = Vec::new();
            for piece in all.chunks(step) {
                frames.push(piece);
                while let Some(message) = frames.next().unwrap() {
                    lengths.push(message.len());
                }
                frames.compact();
            }
            frames.end().unwrap();
            assert_eq!(lengths, [3, 0, 300]);
        }
        let mut frames = Frames::new(1 << 20);
        frames.push(&frame(0, &[7; 1 << 20]));
        assert_eq!(frames.next().unwrap().unwrap().len(), 1 << 20);
        frames.push(&all[..4]);
        frames.compact();
        assert!(frames.len() == 4 && frames.came.capacity() <= IDLE_ROOM, "{}", frames.came.capacity());
        assert!(frames.next().unwrap().is_none());
        assert_eq!(frames.end().unwrap_err().kind(), Kind::Internal);
    }
}
