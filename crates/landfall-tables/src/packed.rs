//! Tables in gzip files, unpacked while they are read.

use flate2::bufread::MultiGzDecoder;
use std::io::{BufReader, Error, ErrorKind, Read, Result};

/// How a gzip member begins (RFC 1952, section 2.3.1).
const MAGIC: &[u8] = b"\x1f\x8b";

/// Whether bytes that begin so are packed.
pub(crate) fn is_packed(first: &[u8]) -> bool {
    first.starts_with(MAGIC)
}

/// What packed bytes stand for.
pub(crate) fn unpacking(packed: impl Read) -> impl Read {
    Unpacking(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, packed)))
}

/// The name of what a packed file holds: `rows.csv` of `rows.csv.gz`.
pub(crate) fn plain_name(label: &str) -> &str {
    let ending = label.len().checked_sub(3).filter(|&at| label.is_char_boundary(at));
    ending.filter(|&at| label[at..].eq_ignore_ascii_case(".gz")).map_or(label, |at| &label[..at])
}

struct Unpacking<R: Read>(MultiGzDecoder<BufReader<R>>);

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.0.read(out).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                Error::new(ErrorKind::InvalidData, format!("the gzip file is damaged or cut short ({error})"))
            }
            _ => error,
        })
    }
}
