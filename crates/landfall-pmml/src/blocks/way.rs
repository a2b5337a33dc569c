//! How a feature is made of the data: found once, then followed for each block of rows.

use super::{Block, Feature};
use crate::expression::{Expr, of_one};
use crate::resolve::{Slot, Source};
use crate::run::Compiled;
use crate::value::{DataType, Value};
use smallvec::SmallVec;

/// The way of a feature's values.
#[derive(Debug)]
pub(crate) struct Way {
    pub(super) from: Origin,
    /// Slots whose treatments and expressions a value goes through, in order.
    steps: SmallVec<[Slot; 2]>,
    /// Where numbers stay what they are: what becomes of a missing one (not a number where it stays missing).
    pub(super) plain: Option<f64>,
}

/// Where values come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A field of the data.
    Field(usize),
    /// What a model has answered.
    Answer(Slot),
}

/// The ways of all features of a block; `None` where one is made of more than one value.
pub(crate) fn ways(m: &Compiled, block: &dyn Block) -> Option<Vec<Way>> {
    block.features().iter().map(|feature| way(m, feature)).collect()
}

fn way(m: &Compiled, feature: &Feature) -> Option<Way> {
    let mut steps: SmallVec<[Slot; 2]> = SmallVec::new();
    let mut at = feature.slot;
    let from = loop {
        at = match &m.slots[at as usize].source {
            Source::Input(field) => break Origin::Field(*field),
            Source::Set => break Origin::Answer(at),
            Source::Treated { from, .. } => {
                steps.push(at);
                *from
            }
            Source::Derived(expr) => {
                let (slot, as_it_is) = inner_field(expr)?;
                if !as_it_is {
                    steps.push(at);
                }
                slot
            }
        }
    };
    steps.reverse();
    let number = match from {
        Origin::Field(field) => {
            let field = &m.dictionary[field];
            field.dtype.is_number() && !field.missing.iter().any(|value| !is_nan(*value))
        }
        Origin::Answer(_) => true,
    };
    let mut plain = (number && feature.coding.is_number()).then_some(f64::NAN);
    for step in &steps {
        plain = plain.and_then(|missing| match &m.slots[*step as usize].source {
            Source::Treated { treatment, .. } => treatment.of_any_number(missing),
            _ => None,
        });
    }
    Some(Way { from, steps, plain })
}

fn is_nan(value: Value) -> bool {
    matches!(value, Value::Num(number) if number.is_nan())
}

/// The slot that an expression over one other is about, and whether it leaves its values as they are; `None` for
/// expressions over more.
fn inner_field(expr: &Expr) -> Option<(Slot, bool)> {
    match expr {
        Expr::Field { slot, if_missing } => Some((*slot, if_missing.is_missing())),
        Expr::Cast { of, from, to: DataType::Double } if from.is_number() => inner_field(of),
        Expr::Cast { of, from, to: DataType::Float } if from.is_number() => {
            inner_field(of).map(|(slot, _)| (slot, false))
        }
        Expr::NormContinuous { of, .. }
        | Expr::NormDiscrete { of, .. }
        | Expr::Discretize { of, .. }
        | Expr::Present { of, .. } => inner_field(of).map(|(slot, _)| (slot, false)),
        _ => None,
    }
}

/// What an expression that [`inner_field`] knows makes of its field's value; `None` where the row itself must say.
fn derive(expr: &Expr, value: Value) -> Option<Value> {
    let inner = match expr {
        Expr::Field { .. } => value,
        Expr::Cast { of, .. }
        | Expr::NormContinuous { of, .. }
        | Expr::NormDiscrete { of, .. }
        | Expr::Discretize { of, .. }
        | Expr::Present { of, .. } => derive(of, value)?,
        _ => return None,
    };
    match (expr, inner) {
        (Expr::Cast { to: DataType::Float, .. }, Value::Num(number)) => {
            Some(Value::Num(f64::from(number as f32)))
        }
        (Expr::Cast { .. }, Value::Num(_) | Value::Missing) => Some(inner),
        (Expr::Cast { .. }, _) => None,
        _ => Some(of_one(expr, inner)),
    }
}

impl Way {
    /// A value at its end; `None` where the row is not the block's: it fails, or needs a closer look.
    pub(super) fn follow(&self, m: &Compiled, value: Value) -> Option<Value> {
        let value = match self.from {
            Origin::Field(field) if m.dictionary[field].missing.contains(&value) => Value::Missing,
            _ => value,
        };
        self.steps.iter().try_fold(value, |value, step| match &m.slots[*step as usize].source {
            Source::Treated { treatment, .. } => match treatment.apply(value)? {
                // What is used though invalid is for the row itself to judge.
                (_, true) => None,
                (value, false) => Some(value),
            },
            Source::Derived(expr) => derive(expr, value),
            Source::Input(_) | Source::Set => Some(value),
        })
    }
}
