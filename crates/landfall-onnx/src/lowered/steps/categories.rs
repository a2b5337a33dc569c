//! `ai.onnx.ml` operators on categories and labels: LabelEncoder, OneHotEncoder, ZipMap.

use super::super::{Refusal, constant};
use super::cast::whole;
use super::{Ask, Built, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Strings, Tensor};
use std::collections::HashMap;

/// Places of known values.
enum Keys {
    Texts(HashMap<Box<[u8]>, usize>),
    Integers(HashMap<i64, usize>),
    /// By their bits; `None` for a value that is never found.
    Floats(HashMap<u64, usize>, fn(f64) -> Option<u64>),
}

impl Keys {
    /// The first place of each value wins.
    fn of(keys: &Tensor, nan_is_found: bool) -> Result<Self, Refusal> {
        let bits = if nan_is_found { bits_or_nan } else { bits };
        let floats = |values: Vec<f64>| first_places(values.into_iter().map(bits));
        Ok(match keys.dtype() {
            DType::String => {
                Keys::Texts(first_places(keys.strings()?.iter().map(|key| Some(Box::from(key)))))
            }
            DType::I64 => Keys::Integers(first_places(keys.values::<i64>()?.iter().map(|&key| Some(key)))),
            DType::F32 => {
                Keys::Floats(floats(keys.values::<f32>()?.iter().map(|&v| v.into()).collect()), bits)
            }
            DType::F64 => Keys::Floats(floats(keys.values::<f64>()?.to_vec()), bits),
            other => return Err(Refusal::not(format!("keys of {other}"))),
        })
    }

    /// The place of each value of a tensor, and `unknown` for those that are not among the keys.
    fn places(&self, x: &Tensor, unknown: usize) -> Result<Vec<usize>, Problem> {
        let or = |place: Option<&usize>| place.copied().unwrap_or(unknown);
        Ok(match (self, x.dtype()) {
            (Keys::Texts(known), _) => x.strings()?.iter().map(|text| or(known.get(text))).collect(),
            (Keys::Integers(known), _) => x.values::<i64>()?.iter().map(|key| or(known.get(key))).collect(),
            (Keys::Floats(known, bits), DType::F32) => {
                let place = |&key: &f32| or(bits(key.into()).and_then(|bits| known.get(&bits)));
                x.values::<f32>()?.iter().map(place).collect()
            }
            (Keys::Floats(known, bits), _) => {
                let place = |&key: &f64| or(bits(key).and_then(|bits| known.get(&bits)));
                x.values::<f64>()?.iter().map(place).collect()
            }
        })
    }
}

fn first_places<K: Eq + std::hash::Hash>(keys: impl Iterator<Item = Option<K>>) -> HashMap<K, usize> {
    let mut places = HashMap::new();
    for (place, key) in keys.enumerate() {
        if let Some(key) = key {
            places.entry(key).or_insert(place);
        }
    }
    places
}

/// Zeros of both signs are one key.
fn bits(key: f64) -> Option<u64> {
    (!key.is_nan()).then(|| (key + 0.0).to_bits())
}

fn bits_or_nan(key: f64) -> Option<u64> {
    Some(bits(key).unwrap_or(f64::NAN.to_bits()))
}

/// The version of the operator set from which NaN is a key.
const NAN_IS_KEY: i64 = 4;

/// Values by keys, and a default for all others.
pub(super) fn label_encoder(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let input = ask.one_of(0, &[DType::String, DType::I64, DType::F32, DType::F64])?;
    let attributes = &ask.node.attributes;
    let (keys, values) = if attributes.has("classes_strings") {
        let texts = list(ask, "classes_strings", DType::String)?;
        let places = owned::tensor(Shape::new(&[texts.len()]), (0..texts.len() as i64).collect())?;
        if input == DType::String { (texts, places) } else { (places, texts) }
    } else {
        (listed(ask, "keys")?, listed(ask, "values")?)
    };
    if keys.dtype() != input || keys.len() != values.len() {
        let what = format!("{} keys of {} and {} values for {input}", keys.len(), keys.dtype(), values.len());
        return Err(Refusal::not(what));
    }
    let output = values.dtype();
    let unknown = values.len();
    let values = with_default(ask, &values)?;
    let keys = Keys::of(&keys, ask.versions.ml >= NAN_IS_KEY)?;
    Ok(Built::one(output, move |inputs| {
        let x = given(inputs, 0)?;
        owned::taken(&values, x.shape().clone(), &keys.places(x, unknown)?)
    }))
}

/// `keys_strings`, `keys_int64s`, `keys_floats` or `keys_tensor`.
fn listed(ask: &Ask<'_>, what: &str) -> Result<Tensor, Refusal> {
    for (suffix, dtype) in [("strings", DType::String), ("int64s", DType::I64), ("floats", DType::F32)] {
        let name = format!("{what}_{suffix}");
        if ask.node.attributes.has(&name) {
            return list(ask, &name, dtype);
        }
    }
    let tensor = constant::of(&ask.node.attributes, &format!("{what}_tensor"))?;
    let tensor = tensor.ok_or_else(|| Refusal::not(format!("no {what}")))?;
    let shape = Shape::new(&[tensor.len()]);
    Ok(tensor.reshaped(shape)?)
}

fn list(ask: &Ask<'_>, name: &str, dtype: DType) -> Result<Tensor, Refusal> {
    let attributes = &ask.node.attributes;
    Ok(match dtype {
        DType::String => {
            let texts = attributes.texts(name)?;
            Tensor::from_strings(Shape::new(&[texts.len()]), texts.iter().collect())?
        }
        DType::I64 => {
            let integers = attributes.integers(name)?;
            owned::tensor(Shape::new(&[integers.len()]), integers)?
        }
        _ => {
            let floats = attributes.floats(name)?;
            owned::tensor(Shape::new(&[floats.len()]), floats)?
        }
    })
}

/// The values with the default behind them.
fn with_default(ask: &Ask<'_>, values: &Tensor) -> Result<Tensor, Refusal> {
    let attributes = &ask.node.attributes;
    let given = constant::of(attributes, "default_tensor")?;
    if let Some(given) = &given
        && (given.dtype() != values.dtype() || given.len() != 1)
    {
        return Err(Refusal::not("a default of another type"));
    }
    let shape = Shape::new(&[values.len() + 1]);
    Ok(match values.dtype() {
        DType::String => {
            let default = match &given {
                Some(given) => given.strings()?.get(0).to_vec(),
                None => attributes.text("default_string")?.unwrap_or(b"_Unused").to_vec(),
            };
            let texts = values.strings()?.iter().chain([&default[..]]);
            Tensor::from_strings(shape, texts.collect::<Strings>())?
        }
        DType::I64 => {
            let default = match &given {
                Some(given) => given.values::<i64>()?[0],
                None => attributes.integer("default_int64")?.unwrap_or(-1),
            };
            owned::tensor(shape, [values.values::<i64>()?, &[default]].concat())?
        }
        DType::F32 => {
            let default = match &given {
                Some(given) => given.values::<f32>()?[0],
                None => attributes.float("default_float")?.unwrap_or(-0.0),
            };
            owned::tensor(shape, [values.values::<f32>()?, &[default]].concat())?
        }
        DType::F64 => {
            let default = match &given {
                Some(given) => given.values::<f64>()?[0],
                None => attributes.float("default_float")?.map_or(-0.0, f64::from),
            };
            owned::tensor(shape, [values.values::<f64>()?, &[default]].concat())?
        }
        other => return Err(Refusal::not(format!("values of {other}"))),
    })
}

/// 1 in the place of the category, 0 in all others: an axis more. Numbers are cut to whole ones first.
pub(super) fn one_hot_encoder(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let input = ask.one_of(0, &[DType::String, DType::I64, DType::F32, DType::F64])?;
    let attributes = &ask.node.attributes;
    let refuses_unknown = attributes.integer("zeros")?.unwrap_or(1) == 0;
    let integers = attributes.integers("cats_int64s")?;
    let texts = attributes.texts("cats_strings")?;
    if texts.is_empty() == integers.is_empty() || (input == DType::String) == texts.is_empty() {
        return Err(Refusal::not(format!("other categories than of {input}")));
    }
    let count = texts.len() + integers.len();
    // The last place of a category wins.
    let keys = if input == DType::String {
        Keys::Texts(texts.into_iter().map(Box::from).zip(0..).collect())
    } else {
        Keys::Integers(integers.into_iter().zip(0..).collect())
    };
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        let shape = x.shape().clone();
        if shape.len() > 2 {
            return Err(Problem::invalid(format!("a one-hot encoder takes a matrix, found shape {shape}")));
        }
        let whole = match x.dtype() {
            DType::F32 => Some(x.values::<f32>()?.iter().map(|&v| whole(v.into())).collect::<Vec<i64>>()),
            DType::F64 => Some(x.values::<f64>()?.iter().map(|&v| whole(v)).collect()),
            _ => None,
        };
        let whole = whole.map(|whole| owned::tensor(shape.clone(), whole)).transpose()?;
        let places = keys.places(whole.as_ref().unwrap_or(x), count)?;
        if let Some(element) = places.iter().position(|&place| place == count).filter(|_| refuses_unknown) {
            let text = format!("element {element}: {} is none of the model's categories", x.scalar(element));
            return Err(Problem::invalid(text));
        }
        let mut values = vec![0f32; x.len() * count];
        for (element, place) in places.into_iter().enumerate().filter(|(_, place)| *place < count) {
            values[element * count + place] = 1.0;
        }
        let mut shape = shape;
        shape.push(count);
        owned::tensor(shape, values)
    }))
}

/// Scores by class: they stay a matrix, whose columns the signature names.
pub(super) fn zip_map(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let attributes = &ask.node.attributes;
    let classes =
        attributes.texts("classlabels_strings")?.len().max(attributes.integers("classlabels_int64s")?.len());
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        match x.shape()[..] {
            [_, width] if width == classes => Ok(x.clone()),
            [width] if width == classes => x.clone().reshaped(Shape::new(&[1, width])),
            _ => Err(Problem::invalid(format!("scores of shape {} for {classes} classes", x.shape()))),
        }
    }))
}
