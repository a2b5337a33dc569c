//! Features that are numbers of the data as they come: a single row's go straight to where a block reads them.

use super::Feature;
use super::way::{Origin, Way};
use crate::value::Value;

/// A feature that is a number of the data as it comes.
#[derive(Debug)]
pub(super) struct Straight {
    /// Its field's place in the dictionary.
    field: usize,
    /// Whether only numbers of single precision can be told apart.
    single: bool,
    /// What becomes of a missing one; `None` where the row is then not the block's.
    missing: Option<f64>,
}

impl Straight {
    /// `None` where it comes another way.
    pub(super) fn of(feature: &Feature, way: &Way) -> Option<Straight> {
        let (Origin::Field(field), Some(missing)) = (way.from, way.plain) else { return None };
        let missing = feature.number(Value::number(missing));
        Some(Straight { field, single: feature.single, missing })
    }

    /// The number of a value; `None` where the row needs a closer look.
    #[inline(always)]
    fn number(&self, value: Value) -> Option<f64> {
        match value {
            Value::Num(number) => {
                let fits = !number.is_nan() && (!self.single || f64::from(number as f32) == number);
                fits.then_some(number)
            }
            Value::Missing => self.missing,
            _ => None,
        }
    }
}

/// A row's numbers from their places; whether all could be told.
pub(super) fn fill_straight(features: &[Straight], values: &[Value], into: &mut [f64]) -> bool {
    let mut all = true;
    for (feature, into) in features.iter().zip(into) {
        let number = feature.number(values[feature.field]);
        *into = number.unwrap_or(f64::NAN);
        all &= number.is_some();
    }
    all
}
