//! What a block reads: slots, and how their values become numbers.

use crate::resolve::Slot;
use crate::value::Value;
use std::collections::HashMap;

/// One feature.
#[derive(Debug)]
pub(crate) struct Feature {
    pub(crate) slot: Slot,
    pub(crate) coding: Coding,
    /// Whether a row without it is not the block's.
    pub(crate) needed: bool,
    /// Whether only numbers of single precision can be told apart.
    pub(crate) single: bool,
}

impl Feature {
    /// A number that each row needs.
    pub(crate) fn number_of(slot: Slot) -> Feature {
        Feature { slot, coding: Coding::Number, needed: true, single: false }
    }
}

/// Features as a model names them one after the other, each slot once for each way to read it.
#[derive(Debug, Default)]
pub(crate) struct Features {
    pub(crate) list: Vec<Feature>,
    numbers: HashMap<Slot, usize>,
    categories: HashMap<Slot, usize>,
}

impl Features {
    /// The place of a slot's number.
    pub(crate) fn number(&mut self, slot: Slot) -> usize {
        let list = &mut self.list;
        *self.numbers.entry(slot).or_insert_with(|| {
            list.push(Feature::number_of(slot));
            list.len() - 1
        })
    }

    /// The place of a slot's categories; `values` are all that the model names. A missing one is not a number.
    pub(crate) fn category(&mut self, slot: Slot, values: &[Value]) -> usize {
        let list = &mut self.list;
        *self.categories.entry(slot).or_insert_with(|| {
            let coding = Coding::categories(values);
            list.push(Feature { slot, coding, needed: false, single: false });
            list.len() - 1
        })
    }
}

/// How values become numbers.
#[derive(Debug)]
pub(crate) enum Coding {
    /// They are numbers.
    Number,
    /// Each value that the model names has a number, all others have the next one.
    Category(Vec<(Key, u32)>),
}

/// A value as something that can be ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Key {
    Number(u64),
    Truth(bool),
    Text(u32),
    Moment(i64),
}

impl Key {
    /// Equal for equal values; `None` for what is no value.
    pub(crate) fn of(value: Value) -> Option<Key> {
        Some(match value {
            // Zeros are equal.
            Value::Num(number) => Key::Number((number + 0.0).to_bits()),
            Value::Bool(truth) => Key::Truth(truth),
            Value::Text(symbol) => Key::Text(symbol.0),
            Value::Moment(moment) => Key::Moment(moment),
            Value::Missing | Value::Invalid => return None,
        })
    }
}

impl Coding {
    /// Categories of these values, each once.
    pub(crate) fn categories(values: &[Value]) -> Coding {
        let mut keys: Vec<Key> = values.iter().filter_map(|value| Key::of(*value)).collect();
        keys.sort_unstable();
        keys.dedup();
        Coding::Category(keys.into_iter().zip(0..).collect())
    }

    /// Whether numbers stay what they are.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Coding::Number)
    }

    /// The number of a value that the model names.
    pub(crate) fn code(&self, value: Value) -> Option<u32> {
        let Coding::Category(codes) = self else { return None };
        let key = Key::of(value)?;
        codes.binary_search_by_key(&key, |(key, _)| *key).ok().map(|at| codes[at].1)
    }
}

impl Feature {
    /// The number of a value, not a number where it is missing; `None` where the row is not the block's.
    #[inline]
    pub(crate) fn number(&self, value: Value) -> Option<f64> {
        if value.is_missing() {
            return (!self.needed).then_some(f64::NAN);
        }
        match &self.coding {
            Coding::Number => self.plain(value.num()?),
            Coding::Category(codes) => {
                let key = Key::of(value)?;
                let found = codes.binary_search_by_key(&key, |(key, _)| *key);
                Some(f64::from(found.map_or(codes.len() as u32, |at| codes[at].1)))
            }
        }
    }

    /// A number as it is, where it can be told from others.
    #[inline]
    pub(crate) fn plain(&self, number: f64) -> Option<f64> {
        let fits = !number.is_nan() && (!self.single || f64::from(number as f32) == number);
        fits.then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Symbol;

    #[test]
    fn each_named_value_has_its_number_and_others_share_one() {
        let coding = Coding::categories(&[Value::Num(2.0), Value::Text(Symbol(9)), Value::Num(2.0)]);
        let feature = Feature { slot: 0, coding, needed: false, single: true };
        assert_eq!(feature.number(Value::Num(2.0)), Some(0.0));
        assert_eq!(feature.number(Value::Text(Symbol(9))), Some(1.0));
        assert_eq!(feature.number(Value::Text(Symbol(8))), Some(2.0));
        assert_eq!(feature.number(Value::Invalid), None);
        assert!(feature.number(Value::Missing).is_some_and(f64::is_nan));
    }

    #[test]
    fn a_number_that_single_precision_cannot_hold_is_not_the_blocks() {
        let feature = Feature { slot: 0, coding: Coding::Number, needed: true, single: true };
        assert_eq!(feature.number(Value::Num(0.5)), Some(0.5));
        assert_eq!(feature.number(Value::Num(0.1)), None);
        assert_eq!(feature.number(Value::Num(f64::NAN)), None);
        assert_eq!(feature.number(Value::Missing), None);
    }
}
