//! List columns: the axes of each row, and the flat values of rows of equal axes.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use landfall_model::Problem;

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
pub(super) fn rows(column: &ArrayRef) -> Result<Rows, Problem> {
    if let Some((axes, values)) = alike(column) {
        return Ok(Rows::Alike { axes, values });
    }
    (0..column.len()).map(|row| row_axes(&column.slice(row, 1))).collect::<Result<_, _>>().map(Rows::Each)
}

/// Peels list after list while all lists of a level are as long.
fn alike(column: &ArrayRef) -> Option<(Vec<usize>, ArrayRef)> {
    let (mut axes, mut values) = (Vec::new(), column.clone());
    while is_list(values.data_type()) {
        if values.null_count() > 0 || values.is_empty() {
            return None;
        }
        let (length, inner) = match values.data_type() {
            DataType::FixedSizeList(_, length) => {
                let list = values.as_fixed_size_list();
                (usize::try_from(*length).ok()?, list.values().clone())
            }
            DataType::List(_) => {
                let list = values.as_list::<i32>();
                let (start, length) = even(list.value_offsets())?;
                (length, list.values().slice(start, length * list.len()))
            }
            _ => {
                let list = values.as_list::<i64>();
                let (start, length) = even(list.value_offsets())?;
                (length, list.values().slice(start, length * list.len()))
            }
        };
        axes.push(length);
        values = inner;
    }
    Some((axes, values))
}

/// Where the values start and how long each list is, when all are as long.
fn even<T: Copy + std::ops::Sub<Output = T> + PartialEq + TryInto<usize>>(
    offsets: &[T],
) -> Option<(usize, usize)> {
    let (first, second) = (*offsets.first()?, *offsets.get(1)?);
    let length = second - first;
    // No early exit, so that the comparison runs several offsets at a time.
    let odd = offsets.windows(2).filter(|pair| pair[1] - pair[0] != length).count();
    (odd == 0).then_some((first.try_into().ok()?, length.try_into().ok()?))
}

/// Axes of a column of one row.
fn row_axes(row: &ArrayRef) -> Result<RowAxes, Problem> {
    if row.is_null(0) {
        return Ok(RowAxes::Null);
    }
    let (mut axes, mut values) = (Vec::new(), row.clone());
    while is_list(values.data_type()) {
        // An empty list says nothing of the axes within: they are 0.
        let Some((length, inner)) = concatenated(&values) else { return Ok(RowAxes::Ragged) };
        axes.push(length);
        values = inner;
    }
    Ok(RowAxes::Axes(axes))
}

/// The common length of some lists, and their values; `None` when lengths differ or one is null.
fn concatenated(lists: &ArrayRef) -> Option<(usize, ArrayRef)> {
    if lists.null_count() > 0 {
        return None;
    }
    match lists.data_type() {
        DataType::FixedSizeList(_, length) => {
            Some((usize::try_from(*length).ok()?, lists.as_fixed_size_list().values().clone()))
        }
        DataType::List(_) => {
            let list = lists.as_list::<i32>();
            let (start, length) = even(list.value_offsets()).unwrap_or((0, 0));
            (list.is_empty() || even(list.value_offsets()).is_some())
                .then(|| (length, list.values().slice(start, length * list.len())))
        }
        _ => {
            let list = lists.as_list::<i64>();
            let (start, length) = even(list.value_offsets()).unwrap_or((0, 0));
            (list.is_empty() || even(list.value_offsets()).is_some())
                .then(|| (length, list.values().slice(start, length * list.len())))
        }
    }
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
        let Rows::Alike { axes, values } = rows(&column).unwrap() else { panic!("not alike") };
        assert_eq!(axes, [2]);
        assert_eq!(values.as_primitive::<Int32Type>().values(), &[1, 2, 3, 4]);
        let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            [Some([Some(1), Some(2)]), Some([Some(3), Some(4)])],
            2,
        );
        let fixed: ArrayRef = Arc::new(fixed);
        let Rows::Alike { axes, values } = rows(&fixed.slice(1, 1)).unwrap() else { panic!("not alike") };
        assert_eq!(
            (axes.as_slice(), values.as_primitive::<Int32Type>().values().to_vec()),
            (&[2][..], vec![3, 4])
        );
    }

    #[test]
    fn rows_that_differ_have_axes_of_their_own() {
        let column = lists(&[Some(&[1]), None, Some(&[2, 3]), Some(&[])]);
        let Rows::Each(each) = rows(&column).unwrap() else { panic!("alike") };
        let axes = |n: usize| RowAxes::Axes(vec![n]);
        assert_eq!(each, [axes(1), RowAxes::Null, axes(2), axes(0)]);
    }
}
