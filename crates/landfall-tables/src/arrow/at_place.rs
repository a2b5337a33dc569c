//! A file that several readers read at once, each at places of its own: the library's own way shares one position.

use super::page_header;
use crate::read_at::read_at;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

/// A page's header takes less than this, unless it holds long texts.
const HEADER: usize = 256;

/// Bytes at the end of a file in which no page can begin.
const TAIL: u64 = 8;

/// The file, shared by all of its readers.
#[derive(Clone)]
pub(super) struct AtPlace {
    file: Arc<File>,
    length: u64,
}

impl AtPlace {
    pub(super) fn new(file: File) -> std::io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(AtPlace { file: Arc::new(file), length })
    }
}

impl AtPlace {
    fn read_from(&self, place: u64) -> BufReader<From> {
        BufReader::with_capacity(HEADER, From { file: self.file.clone(), place })
    }
}

impl Length for AtPlace {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for AtPlace {
    type T = Page;

    /// A reader of a page, or of the file's end: nothing else is read so.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let header =
            start.checked_add(TAIL).is_some_and(|end| end < self.length).then(|| self.read_from(start));
        Ok(Page { unchecked: header, bytes: self.read_from(start) })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // Before anything is allocated: the length is what the file says of itself.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let text = format!("{length} bytes at {start} of a file of {} bytes", self.length);
            return Err(ParquetError::EOF(text));
        }
        let mut buffer = Vec::with_capacity(length);
        let from = From { file: self.file.clone(), place: start };
        if from.take(length as u64).read_to_end(&mut buffer)? != length {
            return Err(ParquetError::EOF("the file has become shorter".to_owned()));
        }
        Ok(buffer.into())
    }
}

/// A page from its header on, whose sizes are looked at before its first byte is read. (A reader that knows the header already
/// asks for one that begins behind it, and reads nothing.)
pub(super) struct Page {
    unchecked: Option<BufReader<From>>,
    bytes: BufReader<From>,
}

impl Read for Page {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if let Some(mut header) = self.unchecked.take() {
            page_header::check(&mut header).map_err(std::io::Error::other)?;
        }
        self.bytes.read(out)
    }
}

/// Reads on from a place that is this reader's own.
pub(super) struct From {
    file: Arc<File>,
    place: u64,
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = read_at(&self.file, out, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn readers_of_one_file_do_not_move_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&(0..=255).collect::<Vec<u8>>()).unwrap();
        let file = AtPlace::new(file).unwrap();
        let (mut front, mut back) = (file.read_from(0), file.read_from(250));
        let mut two = [0; 2];
        front.read_exact(&mut two).unwrap();
        assert_eq!(two, [0, 1]);
        back.read_exact(&mut two).unwrap();
        assert_eq!(two, [250, 251]);
        assert_eq!(file.get_bytes(100, 3).unwrap().as_ref(), [100, 101, 102]);
        front.read_exact(&mut two).unwrap();
        assert_eq!(two, [2, 3]);
        assert!(file.get_bytes(255, 2).is_err());
        assert!(
            file.get_bytes(u64::MAX, usize::MAX).is_err(),
            "nothing is allocated for a length that is not there"
        );
    }
}
