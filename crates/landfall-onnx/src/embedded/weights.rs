//! How large the numbers of a constant are: one pass over its bytes, wherever they lie.

use crate::declared::ElementType;
use half::f16;
use landfall_model::protobuf::Fields;
use landfall_model::{Buffer, DType, Problem};
use std::collections::BTreeMap;

/// What is known of a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    /// Whether it holds whole numbers, or truth values.
    pub(super) is_whole: bool,
    /// The largest of its numbers, without signs; infinite where one is NaN, or where they are not known.
    pub(super) largest: f64,
    /// The smallest.
    pub(super) smallest: f64,
    /// Whether one of them is below zero.
    pub(super) has_negative: bool,
    /// Length of each axis.
    pub(super) dims: Vec<u64>,
}

impl Weights {
    /// A single number.
    pub(super) fn number(value: f64, is_whole: bool) -> Self {
        let mut extent = Extent::default();
        extent.take(value);
        extent.of(is_whole, Vec::new())
    }

    /// Numbers of which nothing is known.
    pub(super) fn unknown(is_whole: bool) -> Self {
        Extent::UNKNOWN.of(is_whole, Vec::new())
    }

    /// How many numbers there are.
    pub(super) fn elements(&self) -> f64 {
        self.dims.iter().map(|&dim| dim as f64).product()
    }

    /// Reads a `TensorProto`: its name, and what is known of it. `externals` holds files beside the model, by location.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn read<'a>(
        mut fields: Fields<'a>,
        externals: &BTreeMap<String, Buffer>,
    ) -> Result<(&'a str, Self), Problem> {
        let (mut name, mut element, mut dims) = ("", ElementType::default(), Vec::new());
        let (mut raw, mut typed, mut place) = (&[][..], Extent::default(), External::default());
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => value.varints(|dim| dims.push(dim))?,
                2 => element = ElementType(value.varint()?),
                4 => value.fixed::<4>(|bytes| floats(bytes).for_each(|value| typed.take(value)))?,
                5 | 7 if element.dtype() == Some(DType::F16) => {
                    value.varints(|bits| typed.take(f16::from_bits(bits as u16).to_f64()))?;
                }
                5 | 7 => value.varints(|number| typed.take(number as i64 as f64))?,
                8 => name = value.text()?,
                9 => raw = value.bytes()?,
                10 => value.fixed::<8>(|bytes| doubles(bytes).for_each(|value| typed.take(value)))?,
                13 => place.take(value.message()?)?,
                14 => place.is_used = value.varint()? == 1,
                _ => {}
            }
        }
        let bytes = if place.is_used { place.bytes(externals) } else { Some(raw) };
        let dtype = element.dtype();
        let extent = match (bytes, dtype) {
            (Some([]), _) if !place.is_used => typed,
            (Some(bytes), Some(DType::F32)) => floats(bytes).collect(),
            (Some(bytes), Some(DType::F64)) => doubles(bytes).collect(),
            (Some(bytes), Some(DType::F16)) => {
                bytes.as_chunks::<2>().0.iter().map(|bits| f16::from_le_bytes(*bits).to_f64()).collect()
            }
            (Some(bytes), Some(DType::I32)) => {
                bytes.as_chunks::<4>().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect()
            }
            (Some(bytes), Some(DType::U8)) => bytes.iter().map(|&value| value.into()).collect(),
            (Some(bytes), Some(DType::I8)) => bytes.iter().map(|&value| (value as i8).into()).collect(),
            _ => Extent::UNKNOWN,
        };
        Ok((name, extent.of(dtype.is_some_and(|dtype| !dtype.is_float()), dims)))
    }
}

/// The largest and the smallest of numbers, without signs.
#[derive(Default)]
struct Extent {
    largest: f64,
    smallest: f64,
    has_negative: bool,
    is_any: bool,
}

impl Extent {
    const UNKNOWN: Extent =
        Extent { largest: f64::INFINITY, smallest: 0.0, has_negative: true, is_any: true };

    fn of(self, is_whole: bool, dims: Vec<u64>) -> Weights {
        let Extent { largest, smallest, has_negative, .. } = self;
        Weights { is_whole, largest, smallest, has_negative, dims }
    }

    fn take(&mut self, value: f64) {
        let size = size(value);
        self.largest = self.largest.max(size);
        self.smallest = if self.is_any { self.smallest.min(size) } else { size };
        self.has_negative |= value < 0.0;
        self.is_any = true;
    }
}

impl FromIterator<f64> for Extent {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut extent = Extent::default();
        values.into_iter().for_each(|value| extent.take(value));
        extent
    }
}

fn size(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value.abs() }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into())
}

fn doubles(bytes: &[u8]) -> impl Iterator<Item = f64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes))
}

/// Where in a file beside the model a constant lies.
#[derive(Default)]
struct External<'a> {
    is_used: bool,
    location: &'a str,
    offset: usize,
    length: Option<usize>,
}

impl<'a> External<'a> {
    /// An entry of `external_data` (`StringStringEntryProto`).
    fn take(&mut self, mut fields: Fields<'a>) -> Result<(), Problem> {
        let (mut key, mut text) = ("", "");
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => key = value.text()?,
                2 => text = value.text()?,
                _ => {}
            }
        }
        match key {
            "location" => self.location = text,
            "offset" => self.offset = text.parse().unwrap_or(usize::MAX),
            "length" => self.length = text.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    /// The constant's bytes, or more of its file where its length is not given.
    fn bytes<'b>(&self, externals: &'b BTreeMap<String, Buffer>) -> Option<&'b [u8]> {
        let rest = externals.get(self.location)?.bytes().get(self.offset..)?;
        self.length.map_or(Some(rest), |length| rest.get(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, stored};

    fn read(tensor: &Message, externals: &BTreeMap<String, Buffer>) -> Weights {
        Weights::read(Fields::new("test", &tensor.0), externals).unwrap().1
    }

    #[test]
    fn sizes_are_those_of_the_numbers_however_they_are_stored() {
        let values = [-3.5f32, 0.25, 2.0];
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let expected =
            Weights { is_whole: false, largest: 3.5, smallest: 0.25, has_negative: true, dims: vec![3] };
        let float = ElementType::of(DType::F32);
        assert_eq!(read(&stored("w", float, &[3], &raw), &BTreeMap::new()), expected);

        let mut typed = stored("w", float, &[3], &[]);
        typed.bytes(4, &raw);
        assert_eq!(read(&typed, &BTreeMap::new()), expected);

        let mut beside = stored("w", float, &[3], &[]);
        for (key, value) in [("location", "w.data"), ("offset", "4"), ("length", "12")] {
            let mut entry = Message::default();
            entry.bytes(1, key.as_bytes());
            entry.bytes(2, value.as_bytes());
            beside.bytes(13, &entry.0);
        }
        beside.number(14, 1);
        let file = [&f32::MAX.to_le_bytes()[..], &raw].concat();
        let externals = BTreeMap::from([("w.data".to_owned(), Buffer::copy_of(&file))]);
        assert_eq!(read(&beside, &externals), expected);
        assert_eq!(read(&beside, &BTreeMap::new()).largest, f64::INFINITY);

        let halves: Vec<u8> = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
        assert_eq!(
            read(&stored("w", ElementType::of(DType::F16), &[3], &halves), &BTreeMap::new()),
            expected
        );
    }

    #[test]
    fn a_constant_with_nan_is_of_no_known_size() {
        let raw = [f32::NAN.to_le_bytes(), 1f32.to_le_bytes()].concat();
        let found = read(&stored("w", ElementType::of(DType::F32), &[2], &raw), &BTreeMap::new());
        assert_eq!((found.largest, found.smallest), (f64::INFINITY, 1.0));
    }
}
