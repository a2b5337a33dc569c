//! `tensorflow.Example`: features = 1; `Features`: feature = 1 (map); `Feature`: bytes_list = 1, float_list = 2,
//! int64_list = 3, each with value = 1.

use crate::protobuf::Writer;
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};
use smallvec::SmallVec;

/// The values of a feature.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) enum Feature<'a> {
    /// No kind: as if the feature were not there.
    #[default]
    None,
    Bytes(SmallVec<[&'a [u8]; 1]>),
    Floats(SmallVec<[f32; 4]>),
    Ints(SmallVec<[i64; 2]>),
}

impl<'a> Feature<'a> {
    /// Of its kinds the last one counts; one that comes in parts is one list.
    fn merge(&mut self, mut fields: Fields<'a>) -> Result<(), Problem> {
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => {
                    let mut values = match std::mem::take(self) {
                        Feature::Bytes(values) => values,
                        _ => SmallVec::new(),
                    };
                    each(value, |value| {
                        values.push(value.bytes()?);
                        Ok(())
                    })?;
                    *self = Feature::Bytes(values);
                }
                2 => {
                    let mut values = match std::mem::take(self) {
                        Feature::Floats(values) => values,
                        _ => SmallVec::new(),
                    };
                    each(value, |value| value.fixed::<4>(|bytes| push_floats(&mut values, bytes)))?;
                    *self = Feature::Floats(values);
                }
                3 => {
                    let mut values = match std::mem::take(self) {
                        Feature::Ints(values) => values,
                        _ => SmallVec::new(),
                    };
                    each(value, |value| value.varints(|number| values.push(number as i64)))?;
                    *self = Feature::Ints(values);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Feature::None => 0,
            Feature::Bytes(values) => values.len(),
            Feature::Floats(values) => values.len(),
            Feature::Ints(values) => values.len(),
        }
    }

    /// The name of its kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Feature::None => "nothing",
            Feature::Bytes(_) => "bytes",
            Feature::Floats(_) => "float",
            Feature::Ints(_) => "int64",
        }
    }
}

fn push_floats(values: &mut SmallVec<[f32; 4]>, bytes: &[u8]) {
    values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
}

/// The values of a list: value = 1.
fn each<'a>(list: Value<'a>, mut take: impl FnMut(Value<'a>) -> Result<(), Problem>) -> Result<(), Problem> {
    let mut fields = list.message()?;
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            take(value)?;
        }
    }
    Ok(())
}

/// Hands over each feature of an example, in the order in which they lie there: of a name that comes twice the last one
/// counts.
pub(super) fn each_feature<'a>(
    example: &'a [u8],
    mut take: impl FnMut(&'a str, Feature<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut example = Fields::new("tf.Example", example);
    while let Some((field, value)) = example.next()? {
        if field != 1 {
            continue;
        }
        let mut features = value.message()?;
        while let Some((field, value)) = features.next()? {
            if field != 1 {
                continue;
            }
            let (mut name, mut feature) = ("", Feature::None);
            let mut entry = value.message()?;
            while let Some((field, value)) = entry.next()? {
                match field {
                    1 => name = value.text()?,
                    2 => feature.merge(value.message()?)?,
                    _ => {}
                }
            }
            take(name, feature)?;
        }
    }
    Ok(())
}

/// A feature that is put together value by value. The first value fixes the kind.
#[derive(Debug)]
pub(in crate::tfs) enum FeatureWriter {
    /// No value yet.
    Open,
    /// Values as they lie in a `BytesList`.
    Bytes(Vec<u8>),
    /// Little-endian.
    Floats(Vec<u8>),
    Ints(Vec<i64>),
}

impl FeatureWriter {
    /// The name of the kind that later values must have.
    pub(in crate::tfs) fn kind(&self) -> &'static str {
        match self {
            FeatureWriter::Open => "UNKNOWN",
            FeatureWriter::Bytes(_) => "bytes",
            FeatureWriter::Floats(_) => "float",
            FeatureWriter::Ints(_) => "int64",
        }
    }

    /// Appends bytes; says whether the kind fits.
    pub(in crate::tfs) fn push_bytes(&mut self, value: &[u8]) -> bool {
        if matches!(self, FeatureWriter::Open) {
            *self = FeatureWriter::Bytes(Vec::new());
        }
        let FeatureWriter::Bytes(list) = self else { return false };
        Writer::new(list).bytes_field(1, value);
        true
    }

    /// Appends a float; says whether the kind fits.
    pub(in crate::tfs) fn push_float(&mut self, value: f32) -> bool {
        if matches!(self, FeatureWriter::Open) {
            *self = FeatureWriter::Floats(Vec::new());
        }
        let FeatureWriter::Floats(values) = self else { return false };
        values.extend_from_slice(&value.to_le_bytes());
        true
    }

    /// Appends an integer; says whether the kind fits.
    pub(in crate::tfs) fn push_int(&mut self, value: i64) -> bool {
        if matches!(self, FeatureWriter::Open) {
            *self = FeatureWriter::Ints(Vec::new());
        }
        let FeatureWriter::Ints(values) = self else { return false };
        values.push(value);
        true
    }

    /// Appends the feature under its name to an example's features.
    pub(in crate::tfs) fn write(&self, name: &[u8], features: &mut Writer<'_>) {
        features.message(1, |entry| {
            entry.bytes_field(1, name);
            entry.message(2, |feature| match self {
                FeatureWriter::Open => {}
                FeatureWriter::Bytes(list) => feature.bytes_field(1, list),
                FeatureWriter::Floats(values) => feature.message(2, |list| list.packed_fixed(1, values)),
                FeatureWriter::Ints(values) => {
                    feature.message(3, |list| list.packed_varints(1, values.iter().map(|&v| v as u64)));
                }
            });
        });
    }
}
