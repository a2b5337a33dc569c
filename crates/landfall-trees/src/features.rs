//! What a model knows of its features: names, categories, and what its library does to values before it looks at them.

use landfall_forest::Real;
use landfall_model::{Kind, Problem, Scalar};
use std::collections::HashMap;
use std::fmt::Debug;

/// Features that a file need not name: what is made of a declared number alone has to be bounded. A model of sparse rows may have
/// as many as the first; more than the second only where it holds something for every so many of them.
const MAX_UNNAMED: usize = 1 << 20;
const FEW_UNNAMED: usize = 1 << 16;
const UNNAMED_FOR_EACH: usize = 1 << 10;

/// One feature.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) name: String,
    /// Its categories, where the file names them: their places are what trees ask for.
    pub(crate) categories: Option<Categories>,
}

/// Named categories, each with its code: its place in the list.
#[derive(Clone, Debug)]
pub(crate) enum Categories {
    Names {
        codes: HashMap<Box<[u8]>, u32>,
        names: Vec<Box<[u8]>>,
    },
    /// By the bits of the number, −0 being 0.
    Numbers {
        codes: HashMap<u64, u32>,
        numbers: Vec<f64>,
    },
    /// Any text: what trees ask for is derived from its hash ([`Derive`]).
    Hashed,
}

/// Columns that a library computes of a row's categories, behind the features.
pub(crate) trait Derive<X>: Send + Sync + Debug {
    /// How many there are.
    fn columns(&self) -> usize;

    /// Categories of a row.
    fn categories(&self) -> usize;

    /// What a category is known by.
    fn category(&self, text: &[u8]) -> u32;

    /// Fills the columns of a row whose numbers stand at their places, by its categories in order.
    fn fill(&self, row: &mut [X], categories: &[u32]);

    /// What contributions are told of, before they are shared out.
    fn players(&self) -> usize;

    /// Gives each feature its part of the contributions of players.
    fn share(&self, players: &[f64], features: &mut [f64]);

    /// Bytes held.
    fn memory_bytes(&self) -> usize;
}

impl Categories {
    pub(crate) fn of_names<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> Self {
        let names: Vec<Box<[u8]>> = names.into_iter().map(|name| name.as_ref().into()).collect();
        let codes = names.iter().cloned().zip(0..).collect();
        Categories::Names { codes, names }
    }

    pub(crate) fn of_numbers(numbers: &[f64]) -> Self {
        let codes = numbers.iter().map(|&number| bits(number)).zip(0..).collect();
        Categories::Numbers { codes, numbers: numbers.to_vec() }
    }

    /// Whether they are text.
    pub(crate) fn are_names(&self) -> bool {
        matches!(self, Categories::Names { .. } | Categories::Hashed)
    }

    /// Whether names are there in part only, which no row's text is equal to.
    pub(crate) fn lack_names(&self) -> bool {
        matches!(self, Categories::Names { names, .. } if names.iter().any(|name| str::from_utf8(name).is_err()))
    }

    /// Code of a name.
    pub(crate) fn of_name(&self, name: &[u8]) -> Option<u32> {
        match self {
            Categories::Names { codes, .. } => codes.get(name).copied(),
            Categories::Numbers { .. } | Categories::Hashed => None,
        }
    }

    /// Code of a number.
    pub(crate) fn of_number(&self, number: f64) -> Option<u32> {
        match self {
            Categories::Names { .. } | Categories::Hashed => None,
            Categories::Numbers { codes, .. } => codes.get(&bits(number)).copied(),
        }
    }

    /// All of them, for the signature; `None` where any is taken.
    pub(crate) fn scalars(&self) -> Option<Vec<Scalar>> {
        match self {
            Categories::Names { names, .. } => {
                Some(names.iter().map(|name| Scalar::Bytes(name.to_vec())).collect())
            }
            Categories::Numbers { numbers, .. } => Some(numbers.iter().copied().map(Scalar::Float).collect()),
            Categories::Hashed => None,
        }
    }
}

fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// What a category that the model does not know becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unseen {
    /// Its row fails (XGBoost).
    Refuse,
    /// A missing value (LightGBM).
    Missing,
}

/// What a library does to values before it looks at them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowRules<X> {
    /// A value that means missing.
    pub(crate) missing: Option<X>,
    /// Whether values that are zero but for rounding become zero (LightGBM).
    pub(crate) tiny_is_zero: bool,
    /// What a value is that a sparse row leaves out.
    pub(crate) absent: X,
    pub(crate) unseen: Unseen,
}

/// Values that are looked at before the next ones are.
const LOOKED_AT: usize = 256;

/// LightGBM's bound for zero: the float32 nearest to 1e-35.
pub(crate) const TINY: f64 = 1.000_000_018_002_509_5e-35;

impl<X: Real> RowRules<X> {
    /// Whether values stay as they are.
    pub(crate) fn keep_values(&self) -> bool {
        self.missing.is_none() && !self.tiny_is_zero
    }

    /// Whether any of these values would be changed.
    pub(crate) fn change(&self, values: &[X]) -> bool {
        let changes = |&value: &X| {
            let is_tiny = (value.wide().abs() <= TINY) & (value != X::ZERO);
            (self.tiny_is_zero & is_tiny) | self.missing.is_some_and(|missing| value == missing)
        };
        // No jump for each of them.
        let any = |values: &[X]| values.iter().fold(false, |any, value| any | changes(value));
        !self.keep_values() && values.chunks(LOOKED_AT).any(any)
    }

    /// Brings values to what trees look at.
    pub(crate) fn apply(&self, values: &mut [X]) {
        if let Some(missing) = self.missing {
            values.iter_mut().filter(|value| **value == missing).for_each(|value| *value = X::NAN);
        }
        if self.tiny_is_zero {
            for value in values {
                *value = if value.wide().abs() <= TINY { X::ZERO } else { *value };
            }
        }
    }

    /// Numbers as the library takes them, in the type that trees compare, in place of what a list holds.
    pub(crate) fn take(&self, numbers: &[f32], into: &mut Vec<X>) {
        into.clear();
        if self.missing.is_none() && self.tiny_is_zero {
            // In one pass, and told in float32, which holds the bound exactly: this is a fifth of what rows of small models take.
            let kept = |number: f32| if number.abs() <= TINY as f32 { 0.0 } else { number };
            into.extend(numbers.iter().map(|&number| X::of(f64::from(kept(number)))));
            return;
        }
        into.extend(numbers.iter().map(|&number| X::of(f64::from(number))));
        self.apply(into);
    }
}

/// Refuses a number of features that no name stands behind, in a file that holds so many nodes, coefficients or the like.
///
/// # Errors
/// Resource exhausted.
pub(crate) fn check_count(features: usize, held: impl FnOnce() -> usize) -> Result<(), Problem> {
    if features <= FEW_UNNAMED {
        return Ok(());
    }
    let most = held().saturating_mul(UNNAMED_FOR_EACH).clamp(FEW_UNNAMED, MAX_UNNAMED);
    if features > most {
        let what = format!(
            "{features} features without names: of a file of this size no more than {most} are taken"
        );
        return Err(Problem::worded(Kind::ResourceExhausted, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_values_are_changed() {
        let bound = TINY as f32;
        assert_eq!(f64::from(bound), TINY);
        let above = f32::from_bits(bound.to_bits() + 1);
        let numbers = [0.0, -0.0, bound, -bound, above, -above, 1e-40, f32::NAN, f32::INFINITY, -7.5, 1.0];
        for (missing, tiny_is_zero) in [(None, true), (None, false), (Some(-7.5), true), (Some(0.0), false)] {
            let rules = RowRules { missing, tiny_is_zero, absent: 0.0, unseen: Unseen::Missing };
            let mut expected = numbers.map(f64::from);
            rules.apply(&mut expected);
            let mut taken = vec![3.0];
            rules.take(&numbers, &mut taken);
            assert_eq!(taken.len(), numbers.len());
            for (taken, expected) in taken.iter().zip(expected) {
                assert_eq!(taken.to_bits(), expected.to_bits(), "{missing:?}, {tiny_is_zero}");
            }
        }
    }
}
