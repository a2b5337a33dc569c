//! A cursor over a JSON document's bytes.

use super::{Fault, SyntaxError};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A cursor over a JSON document. Reads forward, allocates nothing but for strings with escapes, never recurses.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a> Scanner<'a> {
    /// At the start of a document; a byte order mark is skipped.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, at: if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 } }
    }

    /// The same document at another place.
    #[must_use]
    pub(crate) fn moved_to(&self, at: usize) -> Self {
        Scanner { bytes: self.bytes, at }
    }

    /// Offset of the next byte.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Bytes from here to the end of the document.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The document from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    /// The next byte; 0 at the end.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// The byte after the next one; 0 at the end.
    #[inline]
    pub(crate) fn second(&self) -> u8 {
        self.bytes.get(self.at + 1).copied().unwrap_or(0)
    }

    /// Steps over a byte that was seen by [`Scanner::peek`].
    #[inline]
    pub(crate) fn step(&mut self) {
        self.at += 1;
    }

    /// Steps over the next byte if it is this one.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte && self.at < self.bytes.len();
        self.at += usize::from(there);
        there
    }

    /// Steps over these bytes if they come next.
    #[inline]
    pub(crate) fn take_all(&mut self, bytes: &[u8]) -> bool {
        let there = self.bytes[self.at..].starts_with(bytes);
        if there {
            self.at += bytes.len();
        }
        there
    }

    /// Steps over white space; gives the byte after it, 0 at the end.
    #[inline(always)]
    pub(crate) fn skip_space(&mut self) -> u8 {
        loop {
            let byte = self.peek();
            // One comparison tells nearly every byte that is there apart from white space.
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
    }

    /// What is wrong at this place.
    #[cold]
    pub(crate) fn fault(&self, fault: Fault) -> SyntaxError {
        SyntaxError { fault, offset: self.at }
    }

    /// Steps over white space to the root value.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn root(&mut self) -> Result<u8, SyntaxError> {
        match self.skip_space() {
            0 => Err(self.fault(Fault::DocumentEmpty)),
            byte => Ok(byte),
        }
    }

    /// Within an object (its `{` is stepped over): the next member's name, with its `:` stepped over, or `None` with
    /// the `}` stepped over. `first` is true before the first member.
    ///
    /// # Errors
    /// Where the object is malformed.
    #[inline(always)]
    pub(crate) fn next_name(&mut self, first: bool) -> Result<Option<Cow<'a, [u8]>>, SyntaxError> {
        if !self.next_member(first)? {
            return Ok(None);
        }
        let name = self.string()?;
        self.colon()?;
        Ok(Some(name))
    }

    /// As [`Scanner::next_name`], but stops before the name.
    ///
    /// # Errors
    /// Where the object is malformed.
    #[inline(always)]
    pub(crate) fn next_member(&mut self, first: bool) -> Result<bool, SyntaxError> {
        match self.skip_space() {
            b'}' => {
                self.step();
                return Ok(false);
            }
            b',' if !first => self.step(),
            _ if first => {}
            _ => return Err(self.clone().fault(Fault::MissingCommaOrBrace)),
        }
        match self.skip_space() {
            b'"' => Ok(true),
            _ => Err(self.clone().fault(Fault::MissingName)),
        }
    }

    /// Steps over the `:` after a name and the white space around it.
    ///
    /// # Errors
    /// When there is none.
    #[inline(always)]
    pub(crate) fn colon(&mut self) -> Result<(), SyntaxError> {
        if self.skip_space() != b':' {
            return Err(self.clone().fault(Fault::MissingColon));
        }
        self.step();
        self.skip_space();
        Ok(())
    }

    /// Within an array (its `[` is stepped over): whether a further element comes; else its `]` is stepped over.
    ///
    /// # Errors
    /// Where the array is malformed.
    #[inline(always)]
    pub(crate) fn next_element(&mut self, first: bool) -> Result<bool, SyntaxError> {
        match self.skip_space() {
            b']' => {
                self.step();
                Ok(false)
            }
            b',' if !first => {
                self.step();
                self.skip_space();
                Ok(true)
            }
            _ if first => Ok(true),
            _ => Err(self.clone().fault(Fault::MissingCommaOrBracket)),
        }
    }

    /// Steps over one value of any kind and depth, checking all of it.
    ///
    /// # Errors
    /// Where the value is malformed.
    pub(crate) fn skip_value(&mut self) -> Result<(), SyntaxError> {
        let mut within = Nesting::default();
        loop {
            match self.skip_space() {
                b'{' => {
                    self.step();
                    within.open(true);
                    if self.next_name_skipped(true)? {
                        continue;
                    }
                    within.close();
                }
                b'[' => {
                    self.step();
                    within.open(false);
                    if self.next_element(true)? {
                        continue;
                    }
                    within.close();
                }
                _ => self.skip_scalar()?,
            }
            // A value has ended: go on with whatever it stands in.
            loop {
                let more = match within.innermost() {
                    None => return Ok(()),
                    Some(true) => self.next_name_skipped(false)?,
                    Some(false) => self.next_element(false)?,
                };
                if more {
                    break;
                }
                within.close();
            }
        }
    }

    /// Steps over a string, number or word.
    ///
    /// # Errors
    /// Where it is malformed.
    pub(crate) fn skip_scalar(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number().map(drop),
        }
    }

    /// Steps over `word`, whose first byte is there.
    ///
    /// # Errors
    /// At the first byte that differs.
    pub(crate) fn word(&mut self, word: &[u8]) -> Result<(), SyntaxError> {
        match word.iter().all(|&byte| self.take(byte)) {
            true => Ok(()),
            false => Err(self.fault(Fault::ValueInvalid)),
        }
    }

    fn next_name_skipped(&mut self, first: bool) -> Result<bool, SyntaxError> {
        let more = self.next_member(first)?;
        if more {
            self.string()?;
            self.colon()?;
        }
        Ok(more)
    }
}

/// What a value stands in: one bit for each level, set for an object.
#[derive(Default)]
struct Nesting {
    bits: SmallVec<[u64; 4]>,
    depth: usize,
}

impl Nesting {
    fn open(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
    }

    fn innermost(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        Some(self.bits[last / 64] >> (last % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_rapidjsons_words_with_its_offsets() {
        for (text, fault, offset) in [
            ("", Fault::DocumentEmpty, 0),
            ("   ", Fault::DocumentEmpty, 3),
            ("instances = [1, 2]", Fault::ValueInvalid, 0),
            ("[1,]", Fault::ValueInvalid, 3),
            ("[1 2]", Fault::MissingCommaOrBracket, 3),
            ("{1:2}", Fault::MissingName, 1),
            (r#"{"a":1,}"#, Fault::MissingName, 7),
            (r#"{"a" 1}"#, Fault::MissingColon, 5),
            (r#"{"a":1 "b":2}"#, Fault::MissingCommaOrBrace, 7),
            (r#"{"a":1"#, Fault::MissingCommaOrBrace, 6),
            (r#"["abc"#, Fault::MissingQuote, 5),
            ("[\"a\nb\"]", Fault::EncodingInvalid, 3),
            (r#"["a\x"]"#, Fault::EscapeInvalid, 3),
            (r#"["\u12G4"]"#, Fault::HexInvalid, 2),
            (r#"["\ud800"]"#, Fault::SurrogateInvalid, 2),
            (r#"["\udc00"]"#, Fault::SurrogateInvalid, 2),
            ("[1.]", Fault::MissingFraction, 3),
            ("[1e]", Fault::MissingExponent, 3),
            ("[1e400]", Fault::NumberTooBig, 1),
            ("[nan]", Fault::ValueInvalid, 2),
            ("[+1]", Fault::ValueInvalid, 1),
            ("[01]", Fault::MissingCommaOrBracket, 2),
            ("tru", Fault::ValueInvalid, 3),
        ] {
            let mut scanner = Scanner::new(text.as_bytes());
            let found = scanner.root().and_then(|_| scanner.skip_value());
            assert_eq!(found, Err(SyntaxError { fault, offset }), "{text}");
        }
    }

    #[test]
    fn any_depth_is_stepped_over_without_recursion() {
        let deep = "[".repeat(500_000) + &"]".repeat(500_000);
        let mut scanner = Scanner::new(deep.as_bytes());
        scanner.skip_value().unwrap();
        assert_eq!(scanner.at(), 1_000_000);
        let objects = r#"{"a":["#.repeat(200_000) + "1" + &"]}".repeat(200_000);
        Scanner::new(objects.as_bytes()).skip_value().unwrap();
        assert!(Scanner::new(&deep.as_bytes()[..700_000]).skip_value().is_err());
    }

    #[test]
    fn what_follows_the_value_is_left_alone() {
        let mut scanner = Scanner::new(b"\xef\xbb\xbf {\"a\": [true, null, -1.5e3, \"x\"]} garbage");
        scanner.root().unwrap();
        scanner.skip_value().unwrap();
        assert_eq!(&scanner.bytes[scanner.at()..], b" garbage");
    }

    proptest::proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let _ = Scanner::new(&bytes).skip_value();
        }

        #[test]
        fn no_text_of_json_characters_makes_it_panic(text in r#"[\[\]{}:,"\\u0-9a-fNInfty.eE+\- ]{0,60}"#) {
            let _ = Scanner::new(text.as_bytes()).skip_value();
        }
    }
}
