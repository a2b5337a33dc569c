//! Messages of Arrow's IPC formats, each held against the bytes that are there: the library takes memory for what a message
//! declares before it reads that. (Arrow Columnar Format 1.5, "Serialization and Interprocess Communication".)

use crate::read_at::read_at;
use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{Block, Message, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, SchemaRef};
use std::fs::File;
use std::io::{ErrorKind, Read};

type Result<T> = std::result::Result<T, ArrowError>;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Stands before a message's length since format version 5.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// A message of no length ends a stream.
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
/// The alignment that arrays are read best with.
const ALIGNMENT: usize = 64;
/// How much is read at once at first; then as much as has come so far.
const PIECE: usize = 1 << 20;
/// How many bytes a packed one may become at most: both LZ4 and Zstandard stay below it.
const MOST_UNPACKED: u64 = 1 << 16;

fn broken(what: &str) -> ArrowError {
    ArrowError::IpcError(what.to_owned())
}

/// The batches of a stream. Memory follows the bytes that come.
pub(super) struct StreamBatches {
    stream: Box<dyn Read + Send>,
    decoder: StreamDecoder,
    /// What the decoder has not taken yet.
    pending: Buffer,
    /// A batch that came while the schema was looked for.
    first: Option<RecordBatch>,
    ended: bool,
}

impl StreamBatches {
    /// Reads the schema.
    pub(super) fn open(stream: Box<dyn Read + Send>) -> Result<(Self, SchemaRef)> {
        let (decoder, pending) = (StreamDecoder::new(), Buffer::default());
        let mut batches = StreamBatches { stream, decoder, pending, first: None, ended: false };
        loop {
            batches.first = batches.step()?;
            if let Some(schema) = batches.decoder.schema() {
                return Ok((batches, schema));
            }
            if batches.is_done() {
                return Err(broken("there is no schema"));
            }
        }
    }

    fn is_done(&self) -> bool {
        self.ended && self.pending.is_empty()
    }

    /// Gives the decoder one message more, or what it left of the last one.
    fn step(&mut self) -> Result<Option<RecordBatch>> {
        if self.pending.is_empty() && !self.ended {
            self.pending = match self.message()? {
                Some(message) => message,
                None => {
                    self.ended = true;
                    // All messages were whole: this one makes the decoder look at the last of them, too.
                    Buffer::from(&END[..])
                }
            };
        }
        self.decoder.decode(&mut self.pending)
    }

    /// The bytes of the next message, its body aligned; `None` at the end.
    fn message(&mut self) -> Result<Option<Buffer>> {
        let Some(mut length) = self.four_bytes()? else { return Ok(None) };
        let mut head = Vec::new();
        if length == CONTINUATION {
            head.extend_from_slice(&length);
            length = self.four_bytes()?.ok_or_else(|| broken("the file ends too early"))?;
        }
        head.extend_from_slice(&length);
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 {
            return Ok(None);
        }
        let lead = (head.len() + length).next_multiple_of(ALIGNMENT) - (head.len() + length);
        let mut bytes = MutableBuffer::from_len_zeroed(lead);
        bytes.extend_from_slice(&head);
        let metadata = bytes.len();
        self.append(&mut bytes, length)?;
        let body = bytes.len();
        let declared = body_length(&parsed(&bytes[metadata..])?)?;
        self.append(&mut bytes, declared)?;
        let (message, body) = (parsed(&bytes[metadata..body])?, &bytes[body..]);
        check_packed(&message, body.len() as u64, |place| {
            let place = usize::try_from(place).ok()?;
            body.get(place..)?.first_chunk().copied()
        })?;
        Ok(Some(Buffer::from(bytes).slice(lead)))
    }

    /// Four bytes; `None` where the stream ends before the first.
    fn four_bytes(&mut self) -> Result<Option<[u8; 4]>> {
        let mut bytes = [0; 4];
        loop {
            match self.stream.read(&mut bytes[..1]) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.stream.read_exact(&mut bytes[1..]).map_err(cut_off)?;
        Ok(Some(bytes))
    }

    fn append(&mut self, bytes: &mut MutableBuffer, mut count: usize) -> Result<()> {
        while count > 0 {
            let start = bytes.len();
            let piece = count.min(start.max(PIECE));
            bytes.resize(start + piece, 0);
            self.stream.read_exact(&mut bytes.as_slice_mut()[start..]).map_err(cut_off)?;
            count -= piece;
        }
        Ok(())
    }
}

impl Iterator for StreamBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        while !self.is_done() {
            match self.step() {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Err(error) => {
                    (self.ended, self.pending) = (true, Buffer::default());
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

fn cut_off(error: std::io::Error) -> ArrowError {
    match error.kind() {
        ErrorKind::UnexpectedEof => broken("the file ends too early"),
        _ => error.into(),
    }
}

fn parsed(metadata: &[u8]) -> Result<Message<'_>> {
    root_as_message(metadata).map_err(|error| broken(&format!("a message is broken: {error}")))
}

fn body_length(message: &Message<'_>) -> Result<usize> {
    usize::try_from(message.bodyLength()).map_err(|_| broken("a message's body has no length"))
}

/// Holds what the packed buffers of a batch say they unpack to against their own lengths. `first` gives the eight bytes at
/// a place of the body.
fn check_packed(message: &Message<'_>, body: u64, first: impl Fn(u64) -> Option<[u8; 8]>) -> Result<()> {
    let dictionary = || message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let batch = message.header_as_record_batch().or_else(dictionary);
    let Some(batch) = batch.filter(|batch| batch.compression().is_some()) else { return Ok(()) };
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(start), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(broken("a buffer has no place"));
        };
        if start.checked_add(length).is_none_or(|end| end > body) {
            return Err(broken("a buffer ends beyond its message"));
        }
        // Nothing, or a length of −1 for bytes that are not packed.
        let unpacked = first(start).filter(|_| length >= 8).map_or(0, i64::from_le_bytes);
        if u64::try_from(unpacked).is_ok_and(|unpacked| unpacked > length.saturating_mul(MOST_UNPACKED)) {
            return Err(broken("a buffer says that it unpacks to more than it can"));
        }
    }
    Ok(())
}

/// Holds the blocks that a file's footer lists against the file's length.
pub(super) fn check_file(file: &File) -> Result<()> {
    let length = file.metadata()?.len();
    let end: [u8; 10] = at(file, length.saturating_sub(10)).ok_or_else(|| broken("the file is too short"))?;
    let Some((size, MAGIC)) = end.split_first_chunk::<4>().and_then(|(size, magic)| {
        Some((u64::from(u32::from_le_bytes(*size)), <&[u8; 6]>::try_from(magic).ok()?))
    }) else {
        return Err(broken("the file has no end"));
    };
    let start = length.checked_sub(10 + size).ok_or_else(|| broken("the footer is larger than the file"))?;
    let footer = bytes_at(file, start, size)?;
    let footer =
        root_as_footer(&footer).map_err(|error| broken(&format!("the footer is broken: {error}")))?;
    let blocks =
        footer.recordBatches().into_iter().flatten().chain(footer.dictionaries().into_iter().flatten());
    blocks.into_iter().try_for_each(|block| check_block(file, length, block))
}

fn check_block(file: &File, length: u64, block: &Block) -> Result<()> {
    let beyond = || broken("a batch ends beyond the file");
    let [start, metadata, body] = [block.offset(), block.metaDataLength().into(), block.bodyLength()]
        .map(|number| u64::try_from(number).ok());
    let (Some(start), Some(metadata), Some(body)) = (start, metadata, body) else { return Err(beyond()) };
    let inner = start.checked_add(metadata).ok_or_else(beyond)?;
    if inner.checked_add(body).is_none_or(|end| end > length) {
        return Err(beyond());
    }
    let bytes = bytes_at(file, start, metadata)?;
    let prefix = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
    let message = parsed(bytes.get(prefix..).ok_or_else(beyond)?)?;
    check_packed(&message, body, |place| at(file, inner.checked_add(place)?))
}

/// So many bytes at a place, which are known to be there.
fn bytes_at(file: &File, place: u64, count: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(count).map_err(|_| broken("a message is too long"))?];
    let mut have = 0;
    while have < bytes.len() {
        match read_at(file, &mut bytes[have..], place + have as u64)? {
            0 => return Err(broken("the file ends too early")),
            read => have += read,
        }
    }
    Ok(bytes)
}

fn at<const N: usize>(file: &File, place: u64) -> Option<[u8; N]> {
    bytes_at(file, place, N as u64).ok()?.try_into().ok()
}
