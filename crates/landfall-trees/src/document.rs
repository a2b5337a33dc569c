//! A file's tree of named values, whichever notation it was written in: JSON ([`json`]) or Universal Binary JSON
//! ([`ubjson`]). Lists of numbers, which are nearly all of a model, are kept flat.

pub(crate) mod json;
pub(crate) mod ubjson;

use landfall_model::{Kind, Problem};
use std::borrow::Cow;

/// Deepest nesting that is read. LightGBM's dump nests its objects by the depth of a tree.
pub(crate) const MAX_DEPTH: usize = 1500;

/// One value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A list of numbers (true and false are 1 and 0).
    Numbers(Numbers<'a>),
    /// Any other list; an empty one is `Numbers`.
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A list of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Numbers<'a> {
    Parsed(Vec<f64>),
    /// Big-endian bytes of a typed array.
    Typed(Typed, &'a [u8]),
}

/// Element types of Universal Binary JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    I8,
    U8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Typed {
    pub(crate) fn size(self) -> usize {
        match self {
            Typed::I8 | Typed::U8 => 1,
            Typed::I16 => 2,
            Typed::I32 | Typed::F32 => 4,
            Typed::I64 | Typed::F64 => 8,
        }
    }

    fn read(self, bytes: &[u8]) -> f64 {
        let mut read = f64::NAN;
        self.each(bytes, |number| read = number);
        read
    }

    /// Gives each number of a list. The type is asked for once, not for each of them.
    #[inline(always)]
    fn each(self, bytes: &[u8], mut give: impl FnMut(f64)) {
        macro_rules! each {
            ($t:ty, $widen:expr) => {{
                let (elements, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                elements.iter().for_each(|&element| give($widen(<$t>::from_be_bytes(element))));
            }};
        }
        match self {
            Typed::I8 => each!(i8, f64::from),
            Typed::U8 => each!(u8, f64::from),
            Typed::I16 => each!(i16, f64::from),
            Typed::I32 => each!(i32, f64::from),
            Typed::I64 => each!(i64, |number| number as f64),
            Typed::F32 => each!(f32, f64::from),
            Typed::F64 => each!(f64, std::convert::identity),
        }
    }

    fn is_small_integer(self) -> bool {
        matches!(self, Typed::I8 | Typed::U8 | Typed::I16 | Typed::I32)
    }
}

impl Numbers<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Numbers::Parsed(numbers) => numbers.len(),
            Numbers::Typed(typed, bytes) => bytes.len() / typed.size(),
        }
    }

    /// Gives each number.
    #[inline]
    fn each(&self, give: impl FnMut(f64)) {
        match self {
            Numbers::Parsed(numbers) => numbers.iter().copied().for_each(give),
            Numbers::Typed(typed, bytes) => typed.each(bytes, give),
        }
    }

    /// The numbers, each brought to a type.
    #[inline]
    pub(crate) fn collect<T>(&self, convert: impl Fn(f64) -> T) -> Vec<T> {
        let mut numbers = Vec::with_capacity(self.len());
        self.each(|number| numbers.push(convert(number)));
        numbers
    }
}

impl<'a> Value<'a> {
    /// The value of a key of an object; `None` where it is absent or null.
    pub(crate) fn find(&self, key: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(fields) => {
                let found = fields.iter().find(|(name, _)| name == key);
                found.map(|(_, value)| value).filter(|value| **value != Value::Null)
            }
            _ => None,
        }
    }

    /// The value of a key that must be there.
    pub(crate) fn field(&self, key: &str) -> Result<&Value<'a>, Problem> {
        match self {
            Value::Object(_) => self.find(key).ok_or_else(|| wrong(format!("{key} is missing"))),
            other => Err(wrong(format!("expected an object with {key}, found {}", other.kind()))),
        }
    }

    /// What is below a key, with the key named in errors of `read`.
    pub(crate) fn at<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value<'a>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        read(self.field(key)?).map_err(|problem| problem.at(key))
    }

    /// As [`Value::at`]; `None` where the key is absent.
    pub(crate) fn maybe<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value<'a>) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        self.find(key).map(read).transpose().map_err(|problem| problem.at(key))
    }

    pub(crate) fn text(&self) -> Result<&str, Problem> {
        match self {
            Value::Text(text) => Ok(text),
            other => Err(wrong(format!("expected a string, found {}", other.kind()))),
        }
    }

    pub(crate) fn text_owned(&self) -> Result<String, Problem> {
        self.text().map(str::to_owned)
    }

    /// A number, also where it is written as a string.
    pub(crate) fn number(&self) -> Result<f64, Problem> {
        match self {
            Value::Number(number) => Ok(*number),
            Value::Bool(truth) => Ok(f64::from(u8::from(*truth))),
            Value::Text(text) => {
                text.trim().parse().map_err(|_| wrong(format!("expected a number, found {text:?}")))
            }
            other => Err(wrong(format!("expected a number, found {}", other.kind()))),
        }
    }

    /// A whole number from 0 to 2^32 − 1, also where it is written as a string.
    pub(crate) fn count(&self) -> Result<usize, Problem> {
        let number = self.number()?;
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(number as usize)
        } else {
            Err(wrong(format!("expected a count, found {number}")))
        }
    }

    pub(crate) fn numbers(&self) -> Result<&Numbers<'a>, Problem> {
        match self {
            Value::Numbers(numbers) => Ok(numbers),
            other => Err(wrong(format!("expected a list of numbers, found {}", other.kind()))),
        }
    }

    pub(crate) fn f32s(&self) -> Result<Vec<f32>, Problem> {
        let mut numbers = Vec::new();
        self.f32s_into(&mut numbers)?;
        Ok(numbers)
    }

    /// As [`Value::f32s`], in place of what a list holds.
    pub(crate) fn f32s_into(&self, into: &mut Vec<f32>) -> Result<(), Problem> {
        into.clear();
        match self.numbers()? {
            Numbers::Typed(Typed::F32, bytes) => {
                into.extend(bytes.as_chunks().0.iter().map(|&element| f32::from_be_bytes(element)));
            }
            numbers => numbers.each(|number| into.push(number as f32)),
        }
        Ok(())
    }

    pub(crate) fn f64s(&self) -> Result<Vec<f64>, Problem> {
        Ok(self.numbers()?.collect(|number| number))
    }

    /// Whole numbers of 32 bits, in place of what a list holds; the highest for what is none.
    pub(crate) fn u32s_or_max_into(&self, into: &mut Vec<u32>) -> Result<(), Problem> {
        into.clear();
        match self.numbers()? {
            Numbers::Typed(Typed::I32, bytes) => {
                let number = |&element: &[u8; 4]| i32::from_be_bytes(element).max(-1).cast_unsigned();
                into.extend(bytes.as_chunks().0.iter().map(number));
            }
            numbers => numbers.each(|number| {
                into.push(if f64::from(number as u32) == number { number as u32 } else { u32::MAX });
            }),
        }
        Ok(())
    }

    /// Truth values, in place of what a list holds.
    pub(crate) fn flags_into(&self, into: &mut Vec<bool>) -> Result<(), Problem> {
        into.clear();
        match self.numbers()? {
            Numbers::Typed(Typed::I8 | Typed::U8, bytes) => into.extend(bytes.iter().map(|&byte| byte != 0)),
            numbers => numbers.each(|number| into.push(number != 0.0)),
        }
        Ok(())
    }

    /// Whether it is a list of zeros, of a byte each.
    pub(crate) fn is_all_zero_bytes(&self) -> bool {
        let Value::Numbers(Numbers::Typed(Typed::I8 | Typed::U8, bytes)) = self else { return false };
        bytes.chunks(64).all(|bytes| bytes.iter().fold(0, |all, byte| all | byte) == 0)
    }

    /// Whole numbers of 32 bits, signed or not.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Problem> {
        let numbers = self.numbers()?;
        if !matches!(numbers, Numbers::Typed(typed, _) if typed.is_small_integer()) {
            let wrong_one = numbers.collect(|number| number.fract() != 0.0 || number.abs() > 4294967296.0);
            if let Some(place) = wrong_one.iter().position(|&wrong| wrong) {
                return Err(wrong(format!("place {place}: expected a whole number of 32 bits")));
            }
        }
        Ok(numbers.collect(|number| number as i64))
    }

    /// Whole numbers, in place of what a list holds; those beyond 32 bits with a sign as the lowest or highest of these.
    pub(crate) fn i32s_into(&self, into: &mut Vec<i32>) -> Result<(), Problem> {
        into.clear();
        match self.numbers()? {
            Numbers::Typed(Typed::I32, bytes) => {
                into.extend(bytes.as_chunks().0.iter().map(|&element| i32::from_be_bytes(element)));
            }
            _ => {
                let fits = |number: i64| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                into.extend(self.integers()?.into_iter().map(fits));
            }
        }
        Ok(())
    }

    /// The elements of a list of anything but numbers.
    pub(crate) fn list(&self) -> Result<&[Value<'a>], Problem> {
        match self {
            Value::List(values) => Ok(values),
            Value::Numbers(numbers) if numbers.len() == 0 => Ok(&[]),
            other => Err(wrong(format!("expected a list, found {}", other.kind()))),
        }
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, Problem> {
        self.list()?.iter().map(|value| value.text().map(str::to_owned)).collect()
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::Numbers(_) => "a list of numbers",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// A value that is there and is not what the format has.
#[cold]
pub(crate) fn wrong(what: impl Into<String>) -> Problem {
    Problem::worded(Kind::InvalidArgument, what)
}
