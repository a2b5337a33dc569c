//! The words of a text, and where each stands.

use landfall_model::Problem;

/// One word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'a> {
    /// A name: letters, digits and `_`, no digit in front.
    Name(&'a str),
    /// What starts as a number does, as it is written.
    Number(&'a str),
    /// A quoted text, without its quotes; escapes are not resolved yet.
    Quoted(&'a str),
    /// Any other character.
    Sign(char),
    /// The end of the text.
    End,
}

/// A text, word by word.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Name of the message that is read, for problems.
    root: &'a str,
    /// Where the next word may start.
    at: usize,
    /// Where the present word starts.
    start: usize,
    token: Token<'a>,
}

impl<'a> Lexer<'a> {
    /// At the first word of a text.
    pub(super) fn new(text: &'a str, root: &'a str) -> Result<Self, Problem> {
        let mut lexer = Lexer { text, root, at: 0, start: 0, token: Token::End };
        lexer.advance()?;
        Ok(lexer)
    }

    /// The present word.
    pub(super) fn token(&self) -> Token<'a> {
        self.token
    }

    /// Where the present word starts.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Steps over the present word.
    pub(super) fn advance(&mut self) -> Result<(), Problem> {
        self.skip_blanks();
        self.start = self.at;
        let rest = &self.text[self.at..];
        self.token = match rest.chars().next() {
            None => Token::End,
            Some('"' | '\'') => return self.quoted(),
            Some(first) if first.is_ascii_digit() => self.number(),
            Some('.') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                Token::Name(self.take(rest.find(|c| !is_part(c)).unwrap_or(rest.len())))
            }
            Some(sign) => {
                self.at += sign.len_utf8();
                Token::Sign(sign)
            }
        };
        Ok(())
    }

    /// Steps over a sign, if it is the present word; says whether it was.
    pub(super) fn take_sign(&mut self, sign: char) -> Result<bool, Problem> {
        let there = self.token == Token::Sign(sign);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    /// Steps over a sign that must be there.
    pub(super) fn expect_sign(&mut self, sign: char) -> Result<(), Problem> {
        if self.take_sign(sign)? {
            return Ok(());
        }
        Err(self.problem(format!("Expected \"{sign}\", found \"{}\".", self.shown())))
    }

    /// The present word as it is written.
    pub(super) fn shown(&self) -> &'a str {
        &self.text[self.start..self.at]
    }

    /// What is wrong with the present word.
    #[cold]
    pub(super) fn problem(&self, what: impl std::fmt::Display) -> Problem {
        self.problem_at(self.start, what)
    }

    /// What is wrong at a place. Lines and columns count from 1, columns in characters.
    #[cold]
    pub(super) fn problem_at(&self, at: usize, what: impl std::fmt::Display) -> Problem {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Problem::invalid(format!("Error parsing text-format {}: {line}:{column}: {what}", self.root))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blanks = rest.len() - rest.trim_ascii_start().len();
            self.at += blanks;
            if !rest[blanks..].starts_with('#') {
                return;
            }
            let comment = &rest[blanks..];
            self.at += comment.find('\n').unwrap_or(comment.len());
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        taken
    }

    /// Digits, letters and points; a sign belongs to the number right after the `e` of a decimal exponent.
    fn number(&mut self) -> Token<'a> {
        let bytes = &self.text.as_bytes()[self.at..];
        let is_hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
        let length = (0..bytes.len()).find(|&i| match bytes[i] {
            b'+' | b'-' => is_hex || !matches!(bytes[i - 1], b'e' | b'E'),
            b'.' | b'_' => false,
            byte => !byte.is_ascii_alphanumeric(),
        });
        Token::Number(self.take(length.unwrap_or(bytes.len())))
    }

    fn quoted(&mut self) -> Result<(), Problem> {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        let mut end = self.at + 1;
        loop {
            match bytes.get(end) {
                Some(&byte) if byte == quote => break,
                Some(b'\\') => end += 2,
                Some(b'\n') => {
                    return Err(self.problem_at(end, "String literals cannot cross line boundaries."));
                }
                Some(_) => end += 1,
                None => return Err(self.problem_at(bytes.len(), "Unexpected end of string.")),
            }
        }
        self.token = Token::Quoted(&self.text[self.at + 1..end]);
        self.at = end + 1;
        Ok(())
    }
}
