//! The arrays of an NPZ file, each read as a stream of its own.

use crate::read_at::read_at;
use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;
use landfall_model::Problem;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use zip::{CompressionMethod, ZipArchive};

/// One array: where it lies in the file.
pub(super) struct Entry {
    pub(super) name: String,
    start: u64,
    packed_bytes: u64,
    deflated: bool,
    crc: u32,
}

/// The arrays by name, in the file's order.
pub(super) fn entries(name: &str, file: &File) -> Result<Vec<Entry>, Problem> {
    let broken = |error: zip::result::ZipError| Problem::malformed(name, None, error.to_string());
    let length = file.metadata().map_err(|e| Problem::io(format!("read {name}"), &e))?.len();
    let copy = file.try_clone().map_err(|e| Problem::io(format!("open {name} again"), &e))?;
    let mut archive = ZipArchive::new(BufReader::new(copy)).map_err(broken)?;
    let mut entries = Vec::new();
    for place in 0..archive.len() {
        let entry = archive.by_index_raw(place).map_err(broken)?;
        let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let Some(array) = path.strip_suffix(".npy") else {
            return Err(Problem::malformed(
                name,
                None,
                format!("{path:?} is no array (.npy): an archive of other files has to be unpacked first"),
            ));
        };
        let deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(Problem::unsupported(format!("{name}: compression {other} of {path:?}"), ""));
            }
        };
        if entry.encrypted() {
            return Err(Problem::unsupported(format!("{name}: {path:?} is encrypted"), ""));
        }
        let start =
            entry.data_start().ok_or_else(|| Problem::malformed(name, None, "an array is nowhere"))?;
        let packed_bytes = entry.compressed_size();
        if start.checked_add(packed_bytes).is_none_or(|end| end > length) {
            return Err(Problem::malformed(name, Some(start), format!("{path:?} ends beyond the file")));
        }
        entries.push(Entry { name: array.to_owned(), start, packed_bytes, deflated, crc: entry.crc32() });
    }
    Ok(entries)
}

impl Entry {
    /// The array's bytes, unpacked; the checksum is looked at when they end.
    pub(super) fn reader(&self, file: &File) -> Result<Box<dyn Read + Send>, Problem> {
        let file = file.try_clone().map_err(|e| Problem::io("open the file again", &e))?;
        let packed = Section { file, at: self.start, left: self.packed_bytes };
        let packed = BufReader::with_capacity(256 << 10, packed);
        let bytes: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(Checked { bytes: CrcReader::new(bytes), crc: self.crc }))
    }
}

/// A part of a file, read without moving the place that other readers of the file share.
struct Section {
    file: File,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = read_at(&self.file, &mut out[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Compares the checksum at the end.
struct Checked {
    bytes: CrcReader<Box<dyn Read + Send>>,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(out)?;
        if read == 0 && !out.is_empty() && self.bytes.crc().sum() != self.crc {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "the checksum does not hold"));
        }
        Ok(read)
    }
}
