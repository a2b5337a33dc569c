//! What rows are: whether axis 0 of a call's tensors may be batched, split or cut.

use crate::{Dim, InputSpec, OutputSpec};

/// What the rows of a call are to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowRule {
    /// Each row's answer depends on that row alone: rows may be batched across callers and split over threads.
    Independent,
    /// Axis 0 looks like rows; a probe at load decides between [`RowRule::Independent`] and [`RowRule::None`].
    Unproven,
    /// Answers depend on the rows before: one pass, in order, one caller.
    Ordered,
    /// Rows with one value in this field are one record.
    GroupedBy(String),
    /// The model takes exactly this many rows at a time: calls are cut into such pieces, the last one padded.
    Pieces(usize),
    /// Never batched, never split.
    None,
}

impl RowRule {
    /// What the declared axes alone say. Axis 0 is rows if it is free everywhere (or no rank is declared), which a probe
    /// then has to prove; one fixed length of it everywhere asks for pieces of that length; all else is no row.
    pub fn declared(inputs: &[InputSpec], outputs: &[OutputSpec]) -> RowRule {
        let mut axes = inputs
            .iter()
            .map(|input| first(input.dims.as_deref()))
            .chain(outputs.iter().map(|output| first(output.dims.as_deref())));
        let Some(axis) = axes.next().filter(|_| !inputs.is_empty()) else { return RowRule::None };
        match axis {
            _ if axes.any(|other| other != axis) => RowRule::None,
            Axis::Free => RowRule::Unproven,
            Axis::Fixed(0) | Axis::Absent => RowRule::None,
            Axis::Fixed(rows) => RowRule::Pieces(rows),
        }
    }

    /// The same where a fixed length may be no number of rows: pieces of one row are always right, longer ones only if
    /// configuration says so.
    #[must_use]
    pub fn without_long_pieces(self) -> RowRule {
        match self {
            RowRule::Pieces(2..) => RowRule::None,
            rule => rule,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Axis {
    Free,
    Fixed(usize),
    /// A scalar has none.
    Absent,
}

fn first(dims: Option<&[Dim]>) -> Axis {
    match dims.map(<[Dim]>::first) {
        None | Some(Some(Dim::Free(_))) => Axis::Free,
        Some(Some(Dim::Known(n))) => Axis::Fixed(*n),
        Some(None) => Axis::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn rule(inputs: &[Option<&[i64]>], outputs: &[Option<&[i64]>]) -> RowRule {
        let dims = |dims: &Option<&[i64]>| {
            dims.map(|dims| {
                let dim = |&dim: &i64| usize::try_from(dim).map_or(Dim::Free(None), Dim::Known);
                dims.iter().map(dim).collect()
            })
        };
        let inputs: Vec<_> = inputs.iter().map(|d| InputSpec::new("x", DType::F32, dims(d))).collect();
        let outputs: Vec<_> = outputs.iter().map(|d| OutputSpec::new("y", DType::F32, dims(d))).collect();
        RowRule::declared(&inputs, &outputs)
    }

    #[test]
    fn a_free_axis_everywhere_is_to_be_proven() {
        assert_eq!(rule(&[Some(&[-1, 4]), None], &[Some(&[-1])]), RowRule::Unproven);
        assert_eq!(rule(&[Some(&[-1, 4])], &[Some(&[])]), RowRule::None);
        assert_eq!(rule(&[], &[Some(&[-1])]), RowRule::None);
    }

    #[test]
    fn one_fixed_length_everywhere_is_pieces() {
        assert_eq!(rule(&[Some(&[8, 4])], &[Some(&[8])]), RowRule::Pieces(8));
        assert_eq!(rule(&[Some(&[8, 4])], &[Some(&[1])]), RowRule::None);
        assert_eq!(rule(&[Some(&[0, 4])], &[Some(&[0])]), RowRule::None);
        assert_eq!(RowRule::Pieces(8).without_long_pieces(), RowRule::None);
        assert_eq!(RowRule::Pieces(1).without_long_pieces(), RowRule::Pieces(1));
    }
}
