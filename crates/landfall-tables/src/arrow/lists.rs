//! List columns: the axes of each row, and the flat values of rows of equal axes.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow_schema::DataType;

/// What the rows of a column look like.
pub(super) enum Rows {
    /// All alike: the axes of each row, and the values of all rows in one flat array.
    Alike { axes: Vec<usize>, values: ArrayRef },
    /// Not alike, or some are null: axes by row.
    Each(Vec<RowAxes>),
}

/// The axes of one row.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum RowAxes {
    Axes(Vec<usize>),
    /// The list itself is null.
    Null,
    /// Lists within the row differ in length.
    Ragged,
}

/// Whether a column of this type holds lists.
pub(super) fn is_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}

/// Looks at all rows of a column, at memory speed where they are alike.
pub(super) fn rows(column: &ArrayRef) -> Rows {
    if let Some((axes, values)) = alike(column) {
        return Rows::Alike { axes, values };
    }
    Rows::Each((0..column.len()).map(|row| row_axes(&column.slice(row, 1))).collect())
}

/// Peels list after list while all lists of a level are as long.
fn alike(column: &ArrayRef) -> Option<(Vec<usize>, ArrayRef)> {
    let (mut axes, mut values) = (Vec::new(), column.clone());
    while is_list(values.data_type()) {
        if values.null_count() > 0 || values.is_empty() {
            return None;
        }
        let (length, inner) = peeled(&values)?;
        axes.push(length);
        values = inner;
    }
    Some((axes, values))
}

/// The common length of some lists without nulls, and their values; `None` where lengths differ.
fn peeled(lists: &ArrayRef) -> Option<(usize, ArrayRef)> {
    match lists.data_type() {
        DataType::FixedSizeList(_, length) => {
            Some((usize::try_from(*length).ok()?, lists.as_fixed_size_list().values().clone()))
        }
        DataType::List(_) => even(lists.as_list::<i32>()),
        _ => even(lists.as_list::<i64>()),
    }
}

fn even<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> Option<(usize, ArrayRef)> {
    let [first, second, ..] = *lists.value_offsets() else { return Some((0, lists.values().slice(0, 0))) };
    // No early exit, so that the comparison runs several offsets at a time.
    let odd = lists.value_offsets().windows(2).filter(|pair| pair[1] - pair[0] != second - first).count();
    let length = (second - first).as_usize();
    (odd == 0).then(|| (length, lists.values().slice(first.as_usize(), length * lists.len())))
}

/// Axes of a column of one row.
fn row_axes(row: &ArrayRef) -> RowAxes {
    if row.is_null(0) {
        return RowAxes::Null;
    }
    let (mut axes, mut values) = (Vec::new(), row.clone());
    while is_list(values.data_type()) {
        // An empty list says nothing of the axes within: they are 0.
        let Some((length, inner)) = peeled(&values).filter(|_| values.null_count() == 0) else {
            return RowAxes::Ragged;
        };
        axes.push(length);
        values = inner;
    }
    RowAxes::Axes(axes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{FixedSizeListArray, ListArray};
    use std::sync::Arc;

    fn lists(rows: &[Option<&[i32]>]) -> ArrayRef {
        let rows = rows.iter().map(|row| row.map(|row| row.iter().map(|&v| Some(v))));
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows))
    }

    #[test]
    fn rows_of_equal_length_share_one_flat_array() {
        let column = lists(&[Some(&[9, 9]), Some(&[1, 2]), Some(&[3, 4])]).slice(1, 2);
        let Rows::Alike { axes, values } = rows(&column) else { panic!("not alike") };
        assert_eq!(axes, [2]);
        assert_eq!(values.as_primitive::<Int32Type>().values(), &[1, 2, 3, 4]);
        let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            [Some([Some(1), Some(2)]), Some([Some(3), Some(4)])],
            2,
        );
        let fixed: ArrayRef = Arc::new(fixed);
        let Rows::Alike { axes, values } = rows(&fixed.slice(1, 1)) else { panic!("not alike") };
        assert_eq!(
            (axes.as_slice(), values.as_primitive::<Int32Type>().values().to_vec()),
            (&[2][..], vec![3, 4])
        );
    }

    #[test]
    fn rows_that_differ_have_axes_of_their_own() {
        let column = lists(&[Some(&[1]), None, Some(&[2, 3]), Some(&[])]);
        let Rows::Each(each) = rows(&column) else { panic!("alike") };
        let axes = |n: usize| RowAxes::Axes(vec![n]);
        assert_eq!(each, [axes(1), RowAxes::Null, axes(2), axes(0)]);
    }
}
