//! Writers of JSON's scalars, and of small indented documents.

/// Appends a string with its quotes. What JSON does not force to be escaped is passed as it is.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let short = match byte {
        b'"' | b'\\' => byte,
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

/// Appends an integer.
#[inline]
pub(crate) fn integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `true` or `false`.
pub(crate) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes a small document, each member and element on a line of its own.
pub(crate) struct Indented<'a> {
    out: &'a mut Vec<u8>,
    step: usize,
    depth: usize,
    /// Whether the innermost object or array has no member yet.
    fresh: bool,
}

impl<'a> Indented<'a> {
    /// A writer that appends to `out` and indents by `step` blanks.
    pub(crate) fn new(out: &'a mut Vec<u8>, step: usize) -> Self {
        Indented { out, step, depth: 0, fresh: true }
    }

    /// An object; `members` writes what is in it.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.nest(b'{', b'}', members);
    }

    /// An array; `elements` writes what is in it, each after [`Indented::element`].
    pub(crate) fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.nest(b'[', b']', elements);
    }

    /// The name of the object's next member; its value must follow.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.element();
        string(self.out, name.as_bytes());
        self.out.extend_from_slice(b": ");
        self
    }

    /// The place of the array's next element; its value must follow.
    pub(crate) fn element(&mut self) -> &mut Self {
        if !self.fresh {
            self.out.push(b',');
        }
        self.fresh = false;
        self.line();
        self
    }

    /// A string.
    pub(crate) fn string(&mut self, text: &str) {
        string(self.out, text.as_bytes());
    }

    /// A number, as its JSON.
    pub(crate) fn number(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: bool) {
        boolean(self.out, value);
    }

    fn nest(&mut self, open: u8, close: u8, within: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.depth += 1;
        let outer = std::mem::replace(&mut self.fresh, true);
        within(self);
        self.depth -= 1;
        if !self.fresh {
            self.line();
        }
        self.fresh = outer;
        self.out.push(close);
    }

    fn line(&mut self) {
        self.out.push(b'\n');
        self.out.extend(std::iter::repeat_n(b' ', self.depth * self.step));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scanner;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_are_indented() {
        let mut out = Vec::new();
        Indented::new(&mut out, 1).object(|o| {
            o.name("a").array(|a| {
                a.element().string("x");
                a.element().object(|_| {});
            });
            o.name("b").boolean(true);
        });
        assert_eq!(out, b"{\n \"a\": [\n  \"x\",\n  {}\n ],\n \"b\": true\n}");
    }

    proptest! {
        #![proptest_config(crate::seeded::seeded(256))]

        #[test]
        fn any_bytes_come_back_from_their_string(bytes: Vec<u8>) {
            let mut out = Vec::new();
            string(&mut out, &bytes);
            prop_assert_eq!(&*Scanner::new(&out).string().unwrap(), &bytes[..]);
        }
    }
}
