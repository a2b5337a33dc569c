//! `model.txt` in blocks of `key=value` lines: one for the head, one for each tree. No more of a file is in memory than a block, and
//! what was read along with it.

use landfall_model::Problem;
use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::ops::Range;

/// Bytes that are read at once: with what is made of them, they stay in the core's own cache.
const PIECE: usize = 256 * 1024;

/// Lines that a block has, most of the time.
const USUAL_LINES: usize = 32;

/// A file's text, read from its beginning on.
pub(crate) struct Text<'a> {
    /// For messages.
    pub(crate) file: &'a str,
    /// Of the whole file.
    pub(crate) length: u64,
    bytes: Cow<'a, [u8]>,
    /// Where in `bytes` lies what was read and is not taken yet.
    held: Range<usize>,
    /// Bytes of the file before the first one of `bytes`.
    before: u64,
    /// What follows `bytes`, until its end was seen.
    rest: Option<&'a mut dyn Read>,
}

/// The keys of one block: two dozen, of which the last one of a name counts.
pub(crate) struct Keys<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Keys<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

/// What stands behind a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// The block of a tree.
    Tree,
    /// What follows all trees.
    EndOfTrees,
    /// Nothing.
    EndOfFile,
}

impl Behind {
    /// What a line says that follows it, if it is no line of a block.
    fn of(line: &[u8]) -> Option<Self> {
        if line.starts_with(b"Tree=") {
            return Some(Behind::Tree);
        }
        (line.trim_ascii_end() == b"end of trees").then_some(Behind::EndOfTrees)
    }
}

impl<'a> Text<'a> {
    /// Of bytes that are in memory already.
    pub(crate) fn of_bytes(file: &'a str, bytes: &'a [u8]) -> Self {
        let length = bytes.len() as u64;
        Text { file, length, held: 0..bytes.len(), bytes: bytes.into(), before: 0, rest: None }
    }

    /// Of bytes that are read as they are needed; `length` is how many there should be.
    pub(crate) fn of_reader(file: &'a str, length: u64, reader: &'a mut dyn Read) -> Self {
        Text { file, length, held: 0..0, bytes: Vec::new().into(), before: 0, rest: Some(reader) }
    }

    /// Takes the next block, and the line that ends it; a head may be without keys.
    ///
    /// # Errors
    /// Malformed, with the offset, where it is not UTF-8; what the operating system said of reading.
    pub(crate) fn block(&mut self) -> Result<(Keys<'_>, Behind), Problem> {
        let mut lines = Vec::with_capacity(USUAL_LINES);
        let mut end = 0;
        let behind = loop {
            let Some(line) = self.find_line(end)? else { break Behind::EndOfFile };
            end = line.end + 1;
            match Behind::of(&self.bytes[self.held.clone()][line.clone()]) {
                Some(behind) => break behind,
                None => lines.push(line),
            }
        };
        let text = self.take(end)?;
        let key = |line: Range<usize>| {
            let line = &text[line];
            // A feature's name may hold an equals sign: the key ends at the first one.
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            (key.trim(), value.strip_suffix('\r').unwrap_or(value))
        };
        let keys = lines.into_iter().map(key).filter(|(key, _)| !key.is_empty());
        Ok((Keys(keys.collect()), behind))
    }

    /// Takes the next line, without its end; `None` behind the last one.
    ///
    /// # Errors
    /// As [`Text::block`].
    pub(crate) fn line(&mut self) -> Result<Option<&str>, Problem> {
        let Some(line) = self.find_line(0)? else { return Ok(None) };
        let line = &self.take(line.end + 1)?[line];
        Ok(Some(line.strip_suffix('\r').unwrap_or(line)))
    }

    /// Where the line that begins at `from` lies in what is held, without its end; `None` at the end of the file. Reads on where its end
    /// is not held.
    fn find_line(&mut self, from: usize) -> Result<Option<Range<usize>>, Problem> {
        let mut searched = from;
        loop {
            let held = &self.bytes[self.held.clone()];
            let unseen = held.get(searched..).unwrap_or_default();
            if let Some(place) = memchr::memchr(b'\n', unseen) {
                return Ok(Some(from..searched + place));
            }
            searched = held.len().max(from);
            if !self.read_on()? {
                return Ok((from < searched).then_some(from..searched));
            }
        }
    }

    /// Reads the next piece behind what is held; `false` where the file ends.
    fn read_on(&mut self) -> Result<bool, Problem> {
        let Some(rest) = &mut self.rest else { return Ok(false) };
        let bytes = self.bytes.to_mut();
        bytes.copy_within(self.held.clone(), 0);
        self.before += self.held.start as u64;
        self.held = 0..self.held.len();
        let held = self.held.end;
        if bytes.len() - held < PIECE {
            bytes.resize(held + held.max(PIECE), 0);
        }
        let read = loop {
            match rest.read(&mut bytes[held..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(|error| Problem::io(format!("read {}", self.file), &error))?,
            }
        };
        self.held.end += read;
        if read == 0 {
            self.rest = None;
        }
        Ok(read > 0)
    }

    /// Takes so many bytes of what is held, or all where there are fewer, as text.
    fn take(&mut self, count: usize) -> Result<&str, Problem> {
        let taken = self.held.start..self.held.end.min(self.held.start + count);
        self.held.start = taken.end;
        let place = self.before + taken.start as u64;
        std::str::from_utf8(&self.bytes[taken]).map_err(|error| {
            let place = place + error.valid_up_to() as u64;
            Problem::malformed(self.file, Some(place), "the text is not UTF-8")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes at a time, and now and then none for an interruption.
    struct Slow<'a> {
        bytes: &'a [u8],
        at_once: usize,
        calls: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = self.at_once.min(into.len()).min(self.bytes.len());
            into[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    type Told = (Vec<(String, String)>, Option<Behind>);

    fn all_of(text: &mut Text<'_>) -> Result<Vec<Told>, Problem> {
        let mut told = Vec::new();
        loop {
            let (keys, behind) = text.block()?;
            let own = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
            told.push((keys.0.iter().map(own).collect(), Some(behind)));
            match behind {
                Behind::Tree => {}
                Behind::EndOfFile => return Ok(told),
                Behind::EndOfTrees => break,
            }
        }
        while let Some(line) = text.line()? {
            told.push((vec![(line.to_owned(), String::new())], None));
        }
        Ok(told)
    }

    #[test]
    fn blocks_are_the_same_however_the_file_comes() {
        let long = format!("values={}", "0.25 ".repeat(PIECE / 2));
        let file = format!(
            "tree\r\nversion=v4\r\na=b=é\n\nTree=0\n{long}\n x =1\nTree=1\n{long}\nend of trees \n\nrest\r\nlast"
        );
        let whole = all_of(&mut Text::of_bytes("f", file.as_bytes())).unwrap();
        assert_eq!(whole.len(), 6);
        assert_eq!(whole[0].0[1..], [("version", "v4"), ("a", "b=é")].map(|(k, v)| (k.into(), v.into())));
        assert_eq!(whole[1].0[1], ("x".into(), "1".into()));
        assert_eq!(whole[2].1, Some(Behind::EndOfTrees));
        assert_eq!([whole[4].0[0].0.as_str(), whole[5].0[0].0.as_str()], ["rest", "last"]);
        for at_once in [7_001, PIECE - 1, PIECE, usize::MAX] {
            let mut slow = Slow { bytes: file.as_bytes(), at_once, calls: 0 };
            let read = all_of(&mut Text::of_reader("f", 0, &mut slow)).unwrap();
            assert!(read == whole, "{at_once} bytes at a time");
        }
        for length in [0, 3, 20, 40, file.len() - 20] {
            let mut slow = Slow { bytes: &file.as_bytes()[..length], at_once: 11, calls: 0 };
            let read = all_of(&mut Text::of_reader("f", 0, &mut slow)).unwrap();
            let whole = all_of(&mut Text::of_bytes("f", &file.as_bytes()[..length])).unwrap();
            assert!(read == whole, "the first {length} bytes");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place_in_the_file() {
        let mut file = format!("tree\nTree=0\nvalues={}\nTree=1\nx=", "1 ".repeat(PIECE)).into_bytes();
        let place = file.len();
        file.extend(b"\xff\n");
        let mut slow = Slow { bytes: &file, at_once: 100_000, calls: 0 };
        let problem = all_of(&mut Text::of_reader("f", 0, &mut slow)).unwrap_err();
        assert!(problem.to_string().contains(&format!("byte {place}: the text is not UTF-8")), "{problem}");
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the disk is gone"))
            }
        }
        let problem = all_of(&mut Text::of_reader("f", 0, &mut Broken)).unwrap_err();
        assert!(problem.to_string().contains("the disk is gone"), "{problem}");
    }
}
