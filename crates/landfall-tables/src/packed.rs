//! Tables in gzip files, unpacked while they are read.

use crate::source::{OpenSource, Source};
use flate2::bufread::MultiGzDecoder;
use landfall_model::Problem;
use std::io::{BufReader, Error, ErrorKind, Read, Result};

/// How a gzip member begins (RFC 1952, section 2.3.1).
const MAGIC: &[u8] = b"\x1f\x8b";

/// The bytes that a source stands for and the first of them, whether it is packed or not; and whether it was.
///
/// # Errors
/// What the operating system said; malformed, where a packed file breaks the format within the first bytes.
pub(crate) fn unpacked(
    (source, first): (OpenSource, Vec<u8>),
    label: &str,
    count: usize,
) -> std::result::Result<(OpenSource, Vec<u8>, bool), Problem> {
    if !first.starts_with(MAGIC) {
        return Ok((source, first, false));
    }
    let unpacking = Unpacking(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, source.stream())));
    let (source, first) = Source::Stream(Box::new(unpacking)).peeked(label, count)?;
    Ok((source, first, true))
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
