//! The key under which a conversion is kept: a hash of all that decides what comes out of it.

use ring::digest::{Context, SHA256};
use std::fmt;

/// A hash under construction (SHA-256). Parts are separated, so that no two lists of parts are one.
#[derive(Clone)]
pub struct Key(Context);

impl Key {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Key(Context::new(&SHA256))
    }

    /// Adds a part: its length, then its bytes.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }
}

impl Default for Key {
    fn default() -> Self {
        Key::new()
    }
}

/// 128 bits of the hash, in hexadecimal.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.0.clone().finish();
        digest.as_ref().iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_every_process() {
        assert_eq!(Key::new().to_string(), "e3b0c44298fc1c149afbf4c8996fb924");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let (one, other) = (Key::new().with("ab").with("c"), Key::new().with("a").with("bc"));
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(one.to_string().len(), 32);
    }
}
