//! Blocks of whole records off a stream of text: lines, or CSV records with line breaks in quotes.

use crate::opened::{Raw, RawSource, TextRows};
use landfall_model::{Kind, Problem};
use std::io::{ErrorKind, Read};
use std::ops::Range;

/// A block ends with the record that makes it this large, so that long rows do not make large chunks.
const BLOCK_BYTES: usize = 8 << 20;
/// No record is longer: a quote that is never closed must not pull a whole file into memory.
const RECORD_BYTES: usize = 256 << 20;
const READ_BYTES: usize = 256 << 10;

/// Finds where records end; goes on where it stopped when more bytes are there.
pub(crate) trait Splitter: Send {
    /// Looks at `bytes` from `from` on (where the last look ended): the place after the content of the record, and
    /// the place after its terminator; `None` when it does not end here.
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<(usize, usize)>;

    /// Whether a record is a blank line, which is passed over.
    fn is_blank(&self, record: &[u8]) -> bool {
        record.trim_ascii().is_empty()
    }
}

/// One record for each line.
pub(crate) struct Lines;

impl Splitter for Lines {
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let newline = from + bytes[from..].iter().position(|&byte| byte == b'\n')?;
        Some((newline, newline + 1))
    }
}

/// Records off a stream, in blocks.
pub(crate) struct RecordReader<S> {
    name: String,
    stream: Box<dyn Read + Send>,
    splitter: S,
    /// Hand out what is there, instead of waiting for a full block.
    eager: bool,
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
    /// Up to where the splitter has looked.
    looked: usize,
    ended: bool,
    at_start: bool,
}

impl<S: Splitter> RecordReader<S> {
    pub(crate) fn new(name: &str, stream: Box<dyn Read + Send>, splitter: S, eager: bool) -> Self {
        RecordReader {
            name: name.to_owned(),
            stream,
            splitter,
            eager,
            buffer: Vec::new(),
            filled: 0,
            looked: 0,
            ended: false,
            at_start: true,
        }
    }

    /// What finds the ends of records from here on.
    pub(crate) fn splitter(&mut self) -> &mut S {
        &mut self.splitter
    }

    /// The next records: at most `max`, at least one unless the stream has ended. Blank lines are no records.
    pub(crate) fn block(&mut self, max: usize) -> Result<Option<TextRows>, Problem> {
        let mut records: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        // A table that goes as one chunk has no limit but memory.
        let (limit, eager) = if max == usize::MAX { (usize::MAX, false) } else { (BLOCK_BYTES, self.eager) };
        while self.at_start {
            self.fill()?;
        }
        loop {
            while records.len() < max
                && start < limit
                && let Some((end, next)) = self.splitter.end(&self.buffer[..self.filled], self.looked)
            {
                self.push_record(&mut records, start..end);
                (start, self.looked) = (next, next);
            }
            let full = records.len() == max || start >= limit;
            if full || (eager && !records.is_empty()) {
                break;
            }
            self.looked = self.filled;
            if self.ended {
                self.push_record(&mut records, start..self.filled);
                start = self.filled;
                break;
            }
            if self.filled - start > RECORD_BYTES {
                return Err(self.problem(format!("a row is longer than {} MiB", RECORD_BYTES >> 20)));
            }
            self.fill()?;
        }
        Ok(self.hand_out(records, start))
    }

    /// Takes the block out; the rest goes on in a new buffer.
    fn hand_out(&mut self, records: Vec<Range<usize>>, end: usize) -> Option<TextRows> {
        let rest = self.buffer[end..self.filled].to_vec();
        let mut block = std::mem::replace(&mut self.buffer, rest);
        block.truncate(end);
        (self.filled, self.looked) = (self.filled - end, self.looked - end);
        (!records.is_empty()).then(|| TextRows::new(block, records))
    }

    fn fill(&mut self) -> Result<(), Problem> {
        if self.buffer.len() < self.filled + READ_BYTES {
            // Zeroed memory comes from the system as it is; growing by doubling copies each byte about once.
            let mut larger = vec![0; (2 * self.filled).max(self.filled + READ_BYTES)];
            larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = larger;
        }
        let read = loop {
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::io(format!("read {}", self.name), &error)),
            }
        };
        self.filled += read;
        self.ended = read == 0;
        // A byte order mark is no part of the first name.
        if self.at_start && (self.filled >= 3 || self.ended || self.buffer[0] != 0xEF) {
            self.at_start = false;
            if self.buffer[..self.filled].starts_with(b"\xEF\xBB\xBF") {
                self.buffer.drain(..3);
                self.filled -= 3;
            }
        }
        Ok(())
    }

    fn push_record(&self, records: &mut Vec<Range<usize>>, mut record: Range<usize>) {
        if self.buffer[record.clone()].ends_with(b"\r") {
            record.end -= 1;
        }
        if !self.splitter.is_blank(&self.buffer[record.clone()]) {
            records.push(record);
        }
    }

    fn problem(&self, text: String) -> Problem {
        Problem::worded(Kind::ResourceExhausted, text).at(self.name.clone())
    }
}

impl<S: Splitter> RawSource for RecordReader<S> {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        Ok(self.block(max_rows)?.map(Raw::Text))
    }
}

/// A record that was looked at to decide how the file is read, then it and the others as rows.
pub(crate) struct FirstThenRest<S> {
    pub(crate) first: Option<TextRows>,
    pub(crate) records: RecordReader<S>,
}

impl<S: Splitter> RawSource for FirstThenRest<S> {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        let Some(first) = self.first.take() else { return self.records.next(max_rows) };
        let alone = max_rows == 1 || (self.records.eager && max_rows != usize::MAX);
        let rest =
            if alone { None } else { self.records.block(max_rows - usize::from(max_rows != usize::MAX))? };
        Ok(Some(Raw::Text(rest.map_or_else(|| first.clone(), |rest| first.followed_by(&rest)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Dripping(std::vec::IntoIter<u8>);

    impl Read for Dripping {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            Ok(self.0.next().map_or(0, |byte| {
                out[0] = byte;
                1
            }))
        }
    }

    fn lines(text: &str, max: usize, eager: bool) -> Vec<Vec<String>> {
        let stream = Box::new(Dripping(text.as_bytes().to_vec().into_iter()));
        let mut reader = RecordReader::new("t", stream, Lines, eager);
        let mut blocks = Vec::new();
        while let Some(block) = reader.block(max).unwrap() {
            blocks.push(block.iter().map(|r| String::from_utf8(r.to_vec()).unwrap()).collect());
        }
        blocks
    }

    #[test]
    fn records_come_whole_however_the_bytes_come() {
        let text = "\u{feff}a\r\n\n  \nbb\nccc";
        assert_eq!(lines(text, 2, false), [vec!["a", "bb"], vec!["ccc"]]);
        assert_eq!(lines(text, 100, false), [vec!["a", "bb", "ccc"]]);
    }

    #[test]
    fn a_line_is_handed_out_as_soon_as_it_is_there() {
        assert_eq!(lines("a\nb\nc\n", 100, true), [["a"], ["b"], ["c"]]);
    }
}
