//! Rows that are made up for a model, of small valid values: nobody gave any.

use landfall_model::{Call, DType, Dim, Input, InputSpec, Problem, Scalar, Shape, Signature, TensorMut};
use std::sync::Arc;

/// A large value, beside small ones. Not larger: a model may go round a loop as often as an input says.
const LARGE: f64 = 1e3;

/// Lengths that free axes other than rows get, one after the other until a run succeeds; after the first one another is
/// tried all the same.
pub(super) const LENGTHS: [usize; 3] = [1, 8, 64];

/// Kinds of small values, in the order in which they are tried.
pub(super) const SMALL: [Small; 3] = [Small::FromZero, Small::FromOne, Small::Distinct];

/// Two different rows, each alone: inputs by slot.
pub(super) struct Pair(pub(super) [Vec<Option<Input>>; 2]);

impl Pair {
    /// The first two rows of tensors; `None` for inputs of another kind.
    pub(super) fn of(together: &[Option<Input>]) -> Option<Self> {
        let part = |row: usize| -> Option<Vec<Option<Input>>> {
            let cut = |input: &Option<Input>| match input {
                None => Some(None),
                Some(Input::Dense(tensor)) => Some(Some(Input::Dense(tensor.rows(row..row + 1)))),
                Some(_) => None,
            };
            together.iter().map(cut).collect()
        };
        Some(Pair([part(0)?, part(1)?]))
    }

    fn is_of_one_row(&self) -> bool {
        let mut both = self.0[0].iter().zip(&self.0[1]);
        both.all(|(a, b)| a.as_ref().and_then(Input::dense) == b.as_ref().and_then(Input::dense))
    }
}

/// Which small values rows are made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Small {
    /// 0 and 1, and the texts `` and `1`: nearly any model takes them.
    FromZero,
    /// 1 and 2, and the texts `1` and `2`: for models that divide by what comes, or read numbers out of texts.
    FromOne,
    /// Numbers that differ within a row and between inputs: for models that divide by a difference.
    Distinct,
}

/// How many distinct numbers there are: beyond, they come again. Any type of numbers holds them.
const DISTINCT: usize = 100;

impl Small {
    /// The value of an element of a row. Rows differ in their sums and their means too, so that what a model makes of a
    /// whole batch differs from what it makes of one row.
    fn value(self, slot: usize, row: usize, element: usize) -> usize {
        // 0, 1, 0, 1, … and 1, 1, 0, 1, 1, 0, …
        let alternating = if row == 0 { element % 2 } else { usize::from(element % 3 != 2) };
        match self {
            Small::FromZero => alternating,
            Small::FromOne => 1 + alternating,
            Small::Distinct => 2 + (element + 31 * slot + 3 * row) % DISTINCT,
        }
    }
}

/// Of the values of the second row of a pair.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    Small,
    /// Large numbers where the input has floats (integers are often places in a table), texts of several words.
    Large,
}

/// A row that a model with this signature can be called with, which `runs` tells: with free axes as long as they may be.
pub(crate) fn made_row(signature: &Arc<Signature>, mut runs: impl FnMut(&Call) -> bool) -> Option<Call> {
    let call = |(length, small): (usize, Small)| {
        let Pair([row, _]) = made_pair(signature, length, small).ok()?;
        Call::checked(signature.clone(), row, signature.default_outputs().clone()).ok()
    };
    let kinds = LENGTHS.iter().rev().flat_map(|length| SMALL.map(|small| (*length, small)));
    kinds.filter_map(call).find(|call| runs(call))
}

/// Two rows of small values.
///
/// # Errors
/// Invalid argument: an input declares no rank, or is too large, or has no two rows of such values.
pub(super) fn made_pair(signature: &Signature, length: usize, small: Small) -> Result<Pair, Problem> {
    Maker::of(signature, length, small).pair(Second::Small)
}

/// A row of small values, and one of large ones.
///
/// # Errors
/// As [`made_pair`].
pub(super) fn made_pair_beside_large(
    signature: &Signature,
    length: usize,
    small: Small,
) -> Result<Pair, Problem> {
    Maker::of(signature, length, small).pair(Second::Large)
}

/// Makes rows for a signature.
struct Maker<'a> {
    signature: &'a Signature,
    /// Of free axes.
    length: usize,
    small: Small,
    strings_alone: bool,
}

impl<'a> Maker<'a> {
    fn of(signature: &'a Signature, length: usize, small: Small) -> Self {
        let mut required = signature.inputs().iter().filter(|input| !input.optional);
        let strings_alone = required.all(|input| input.dtype == DType::String);
        Maker { signature, length, small, strings_alone }
    }

    fn pair(&self, second: Second) -> Result<Pair, Problem> {
        let inputs = self.signature.inputs().iter().enumerate();
        let together =
            inputs.map(|(slot, input)| self.two_rows(slot, input, second)).collect::<Result<Vec<_>, _>>()?;
        let pair =
            Pair::of(&together).ok_or_else(|| Problem::internal("rows that were made cannot be cut"))?;
        // Of truth values, and of texts that have to be declared ones, there may be no second row without the first's.
        if self.small != Small::FromZero && pair.is_of_one_row() {
            return Err(Problem::invalid("no two rows without zeros can be made"));
        }
        Ok(pair)
    }

    fn two_rows(&self, slot: usize, input: &InputSpec, second: Second) -> Result<Option<Input>, Problem> {
        if input.optional {
            return Ok(None);
        }
        let Some(dims) = &input.dims else {
            return Err(Problem::invalid(format!("input {:?} declares no rank to make rows of", input.name)));
        };
        let inner = dims.iter().skip(1).map(|dim| match dim {
            Dim::Known(known) => *known,
            Dim::Free(_) => self.length,
        });
        let shape: Shape = std::iter::once(2).chain(inner).collect();
        // A declared shape can be absurd; nothing is allocated for one.
        if shape.elements()? > 1 << 24 {
            return Err(Problem::invalid(format!("input {:?} is too large to make rows of", input.name)));
        }
        let elements = shape.elements()? / 2;
        let mut tensor = TensorMut::with_capacity(input.dtype, 2 * elements);
        for row in 0..2 {
            let second = if row == 1 { second } else { Second::Small };
            for element in 0..elements {
                self.push(&mut tensor, input, self.small.value(slot, row, element), second)?;
            }
        }
        Ok(Some(Input::Dense(tensor.freeze(shape)?)))
    }

    fn push(
        &self,
        tensor: &mut TensorMut,
        input: &InputSpec,
        value: usize,
        second: Second,
    ) -> Result<(), Problem> {
        let declared = input.categories.as_ref().and_then(|all| all.get(value).or_else(|| all.first()));
        if let Some(category) = declared {
            return tensor.push_scalar(category);
        }
        let scalar = match (input.dtype, second) {
            (DType::Bool, _) => Scalar::Bool(value > 0),
            (DType::String, Second::Large) => Scalar::Bytes(b"1 1 1 1".to_vec()),
            (DType::String, Second::Small) => Scalar::Bytes(self.text(value)),
            (DType::Complex64, _) => {
                tensor.push([value as f32, 0.0]);
                return Ok(());
            }
            (DType::Complex128, _) => {
                tensor.push([value as f64, 0.0]);
                return Ok(());
            }
            (dtype, Second::Large) if dtype.is_float() => Scalar::Float(self.large(value)),
            _ => Scalar::UInt(value as u64),
        };
        tensor.push_scalar(&scalar)
    }

    /// As far apart as the small values are, where those are not zeros.
    fn large(&self, value: usize) -> f64 {
        if self.small == Small::FromZero { LARGE } else { LARGE + value as f64 }
    }

    fn text(&self, value: usize) -> Vec<u8> {
        match self.small {
            Small::FromZero if !self.strings_alone || value == 0 => Vec::new(),
            _ => value.to_string().into_bytes(),
        }
    }
}
