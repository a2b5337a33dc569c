//! What can be wrong with JSON, in RapidJSON's words.

use super::Scanner;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Nothing but white space.
    DocumentEmpty,
    /// Where a value should start, or within `true`, `false`, `null`, `NaN`, `Infinity`.
    ValueInvalid,
    /// An object's member starts with no string.
    MissingName,
    /// No `:` after a member's name.
    MissingColon,
    /// Neither `,` nor `}` after a member.
    MissingCommaOrBrace,
    /// Neither `,` nor `]` after an element.
    MissingCommaOrBracket,
    /// `\u` without four hex digits.
    HexInvalid,
    /// Half of a surrogate pair.
    SurrogateInvalid,
    /// `\` and a character that means nothing.
    EscapeInvalid,
    /// The document ends within a string.
    MissingQuote,
    /// A control character within a string.
    EncodingInvalid,
    /// A number beyond a double.
    NumberTooBig,
    /// No digit after the point.
    MissingFraction,
    /// No digit after the `e`.
    MissingExponent,
}

impl Fault {
    /// RapidJSON's sentence for it.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Fault::DocumentEmpty => "The document is empty.",
            Fault::ValueInvalid => "Invalid value.",
            Fault::MissingName => "Missing a name for object member.",
            Fault::MissingColon => "Missing a colon after a name of object member.",
            Fault::MissingCommaOrBrace => "Missing a comma or } after an object member.",
            Fault::MissingCommaOrBracket => "Missing a comma or ] after an array element.",
            Fault::HexInvalid => "Incorrect hex digit after \\u escape in string.",
            Fault::SurrogateInvalid => "The surrogate pair in string is invalid.",
            Fault::EscapeInvalid => "Invalid escape character in string.",
            Fault::MissingQuote => "Missing a closing quotation mark in string.",
            Fault::EncodingInvalid => "Invalid encoding in string.",
            Fault::NumberTooBig => "Number too big to be stored in double.",
            Fault::MissingFraction => "Miss fraction part in number.",
            Fault::MissingExponent => "Miss exponent in number.",
        }
    }
}

impl Scanner<'_> {
    /// RapidJSON's name for the type of the value at this place.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.peek() {
            b'n' => "Null",
            b't' => "True",
            b'f' => "False",
            b'{' => "Object",
            b'[' => "Array",
            b'"' => "String",
            _ => "Number",
        }
    }
}

/// What is wrong with a document, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SyntaxError {
    /// What.
    pub(crate) fault: Fault,
    /// Byte of the document, as RapidJSON counts: a bad escape at its `\`, a number too big at its start, all else
    /// where reading stopped.
    pub(crate) offset: usize,
}
