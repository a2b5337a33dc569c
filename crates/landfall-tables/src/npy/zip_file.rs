//! A zip file of stored entries whose sizes and checksums are known before they are written: readers that take the
//! entries front to back, as well as those that start at the directory, find them. PKWARE's APPNOTE 6.3.

use std::io::{Result, Write};

/// What is known of an entry before it is written.
pub(super) struct StoredEntry<'a> {
    /// At most 65,535 bytes.
    pub(super) name: &'a str,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

/// Writes entries, then the directory.
pub(super) struct ZipWriter<W> {
    sink: W,
    at: u64,
    directory: Vec<u8>,
    entries: u64,
}

/// A size or place this large stands in the 64-bit extra field, and this number in its own place.
const LIMIT: u64 = 0xFFFF_FFFF;
/// 1980-01-01, the first day that a zip file can say: files are the same whenever they are made.
const DATE: u16 = 0x21;
const UTF8_NAMES: u16 = 1 << 11;
const VERSION: u16 = 45;

impl<W: Write> ZipWriter<W> {
    pub(super) fn new(sink: W) -> Self {
        ZipWriter { sink, at: 0, directory: Vec::new(), entries: 0 }
    }

    /// Writes an entry; `body` writes exactly the bytes that were announced.
    pub(super) fn entry(
        &mut self,
        entry: &StoredEntry<'_>,
        body: impl FnOnce(&mut W) -> Result<()>,
    ) -> Result<()> {
        let start = self.at;
        let large = entry.bytes >= LIMIT;
        let mut head = Vec::new();
        head.extend_from_slice(b"PK\x03\x04");
        self.fields(&mut head, entry, if large { 20 } else { 0 });
        head.extend_from_slice(entry.name.as_bytes());
        if large {
            extra(&mut head, &[entry.bytes, entry.bytes]);
        }
        self.sink.write_all(&head)?;
        body(&mut self.sink)?;
        self.at += head.len() as u64 + entry.bytes;
        self.list(entry, start);
        Ok(())
    }

    /// Writes the directory and gives the sink back.
    pub(super) fn finish(mut self) -> Result<W> {
        let (start, bytes) = (self.at, self.directory.len() as u64);
        let mut end = std::mem::take(&mut self.directory);
        if self.entries >= 0xFFFF || start >= LIMIT || bytes >= LIMIT {
            let record = start + bytes;
            end.extend_from_slice(b"PK\x06\x06");
            end.extend_from_slice(&44u64.to_le_bytes());
            [VERSION, VERSION].iter().for_each(|v| end.extend_from_slice(&v.to_le_bytes()));
            end.extend_from_slice(&[0; 8]);
            [self.entries, self.entries, bytes, start]
                .iter()
                .for_each(|v| end.extend_from_slice(&v.to_le_bytes()));
            end.extend_from_slice(b"PK\x06\x07\0\0\0\0");
            end.extend_from_slice(&record.to_le_bytes());
            end.extend_from_slice(&1u32.to_le_bytes());
        }
        end.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        let count = self.entries.min(0xFFFF) as u16;
        [count, count].iter().for_each(|v| end.extend_from_slice(&v.to_le_bytes()));
        [bytes, start].iter().for_each(|&v| end.extend_from_slice(&(v.min(LIMIT) as u32).to_le_bytes()));
        end.extend_from_slice(&[0; 2]);
        self.sink.write_all(&end)?;
        Ok(self.sink)
    }

    /// What the entry's head and its line in the directory have in common.
    fn fields(&self, out: &mut Vec<u8>, entry: &StoredEntry<'_>, extra_bytes: u16) {
        let size = entry.bytes.min(LIMIT) as u32;
        [VERSION, UTF8_NAMES, 0, 0, DATE].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        [entry.crc, size, size].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        [entry.name.len() as u16, extra_bytes].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    }

    fn list(&mut self, entry: &StoredEntry<'_>, start: u64) {
        let mut large = Vec::new();
        if entry.bytes >= LIMIT {
            large.extend([entry.bytes, entry.bytes]);
        }
        if start >= LIMIT {
            large.push(start);
        }
        let mut line = b"PK\x01\x02".to_vec();
        line.extend_from_slice(&VERSION.to_le_bytes());
        let extra_bytes = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        self.fields(&mut line, entry, extra_bytes);
        line.extend_from_slice(&[0; 10]);
        line.extend_from_slice(&(start.min(LIMIT) as u32).to_le_bytes());
        line.extend_from_slice(entry.name.as_bytes());
        if !large.is_empty() {
            extra(&mut line, &large);
        }
        self.directory.extend_from_slice(&line);
        self.entries += 1;
    }
}

fn extra(out: &mut Vec<u8>, values: &[u64]) {
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&(8 * values.len() as u16).to_le_bytes());
    values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};

    #[test]
    fn a_zip_reader_finds_what_was_stored() {
        let mut writer = ZipWriter::new(Vec::new());
        for (name, body) in [("a.npy", &b"hello"[..]), ("\u{e9}.npy", b"")] {
            let mut crc = flate2::Crc::new();
            crc.update(body);
            let entry = StoredEntry { name, bytes: body.len() as u64, crc: crc.sum() };
            writer.entry(&entry, |sink| sink.write_all(body)).unwrap();
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(writer.finish().unwrap())).unwrap();
        assert_eq!(archive.len(), 2);
        let mut first = String::new();
        archive.by_name("a.npy").unwrap().read_to_string(&mut first).unwrap();
        assert_eq!(first, "hello");
        assert_eq!(archive.by_index(1).unwrap().name_raw(), "\u{e9}.npy".as_bytes());
    }
}
