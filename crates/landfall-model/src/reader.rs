//! Bounded reading of foreign bytes: every length is held against what is there before it is believed.

use crate::Problem;

/// Reads a file's bytes front to back. Each error carries the offset.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Offset of `bytes[0]` within the file.
    base: usize,
}

impl<'a> Reader<'a> {
    /// Over all bytes of a file; `file` is for messages.
    pub fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Reader { file, bytes, at: 0, base: 0 }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all bytes are read.
    pub fn is_at_end(&self) -> bool {
        self.remaining() == 0
    }

    /// Offset of the next byte within the file.
    pub fn offset(&self) -> u64 {
        (self.base + self.at) as u64
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// Malformed, saying how many more bytes were needed.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        match self.bytes[self.at..].get(..length) {
            Some(taken) => {
                self.at += length;
                Ok(taken)
            }
            None => Err(self.too_short(length)),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        match self.bytes[self.at..].first_chunk() {
            Some(array) => {
                self.at += N;
                Ok(*array)
            }
            None => Err(self.too_short(N)),
        }
    }

    /// The next byte.
    ///
    /// # Errors
    /// As [`Reader::take`].
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Problem> {
        Ok(self.array::<1>()?[0])
    }

    /// A reader over the next `length` bytes, which this one skips; offsets stay those of the file.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn part(&mut self, length: usize) -> Result<Reader<'a>, Problem> {
        let base = self.base + self.at;
        Ok(Reader { file: self.file, bytes: self.take(length)?, at: 0, base })
    }

    /// Refuses bytes after the end of what was to be read.
    ///
    /// # Errors
    /// Malformed, when any are left.
    pub fn finish(self) -> Result<(), Problem> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(self.malformed(format!("{n} bytes follow the end"))),
        }
    }

    #[cold]
    fn too_short(&self, length: usize) -> Problem {
        self.malformed(format!("{length} bytes are announced, {} are there", self.remaining()))
    }

    /// A problem at this place.
    #[cold]
    pub fn malformed(&self, what: impl Into<String>) -> Problem {
        Problem::malformed(self.file, Some(self.offset()), what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_they_are_believed() {
        let mut reader = Reader::new("f", &[1, 2, 3, 4]);
        assert_eq!(reader.byte().unwrap(), 1);
        let mut part = reader.part(2).unwrap();
        assert_eq!(part.array::<2>().unwrap(), [2, 3]);
        let problem = part.take(usize::MAX).unwrap_err();
        assert_eq!(
            problem.to_string(),
            format!("f, byte 3: {} bytes are announced, 0 are there", usize::MAX)
        );
        assert_eq!(reader.finish().unwrap_err().to_string(), "f, byte 3: 1 bytes follow the end");
    }
}
