//! Calls put together into a batch, cut into parts, and padded.

use crate::{Call, Input, Kind, Outputs, Problem, RowRule, Tensor, TensorMut};
use smallvec::SmallVec;
use std::ops::Range;

impl Call {
    /// One call with the rows of all of `calls`, in order. They must [`Call::joins`] each other; a single call comes back
    /// as it is, without a copy.
    ///
    /// # Errors
    /// Internal, when there is no call or the calls do not join.
    pub fn stacked(calls: &[&Call]) -> Result<Call, Problem> {
        let (first, rest) = calls.split_first().ok_or_else(|| Problem::internal("a batch of no calls"))?;
        if rest.is_empty() {
            return Ok((*first).clone());
        }
        let rows = calls.iter().map(|call| call.rows().unwrap_or(0)).sum();
        let mut inputs = SmallVec::new();
        for slot in 0..first.inputs().len() {
            let mut tensors: SmallVec<[&Tensor; 64]> = SmallVec::new();
            for call in calls {
                match call.input(slot) {
                    Some(Input::Dense(tensor)) => tensors.push(tensor),
                    Some(_) => return Err(Problem::internal("only arrays are stacked")),
                    None => {}
                }
            }
            inputs.push(if tensors.is_empty() { None } else { Some(Input::Dense(stack(&tensors)?)) });
        }
        Ok(first.regrouped(inputs, rows))
    }

    /// The rows `range` of this call, sharing the elements; `None` where rows mean nothing or are not arrays.
    pub fn part(&self, range: Range<usize>) -> Option<Call> {
        let rows = self.rows().filter(|_| *self.signature().rows() != RowRule::None)?;
        assert!(range.start <= range.end && range.end <= rows, "rows {range:?} of {rows}");
        let mut inputs = SmallVec::new();
        for input in self.inputs() {
            inputs.push(match input {
                None => None,
                Some(Input::Dense(tensor)) if tensor.shape().is_empty() => Some(Input::Dense(tensor.clone())),
                Some(Input::Dense(tensor)) => Some(Input::Dense(tensor.rows(range.clone()))),
                Some(Input::Columns(columns)) => Some(Input::Columns(
                    columns.iter().map(|column| column.as_ref().map(|c| c.rows(range.clone()))).collect(),
                )),
                Some(Input::Csr(_) | Input::Ragged(_)) => return None,
            });
        }
        Some(self.regrouped(inputs, range.len()))
    }

    /// The same call with its last row repeated until it has `rows` rows.
    ///
    /// # Errors
    /// Internal, when the call has no rows to repeat.
    pub fn padded(&self, rows: usize) -> Result<Call, Problem> {
        let mut inputs = SmallVec::new();
        for input in self.inputs() {
            inputs.push(match input {
                Some(Input::Dense(tensor)) => Some(Input::Dense(pad_rows(tensor, rows)?)),
                None => None,
                Some(_) => return Err(Problem::internal("only arrays are padded")),
            });
        }
        Ok(self.regrouped(inputs, rows))
    }
}

impl Outputs {
    /// One set of outputs with the rows of all `parts`, in order.
    ///
    /// # Errors
    /// Internal, when the parts' tensors differ in type or in dims other than rows.
    pub fn stacked(parts: &[Outputs]) -> Result<Outputs, Problem> {
        let mut all = Outputs::new();
        let mut start = 0;
        for part in parts {
            part.failed().iter().for_each(|(row, problem)| all.fail_row(start + row, problem.clone()));
            start += part.iter().next().and_then(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(0);
        }
        for (place, _) in parts.first().into_iter().flat_map(Outputs::iter) {
            let tensors: Option<Vec<&Tensor>> = parts.iter().map(|part| part.get(place)).collect();
            let tensors =
                tensors.ok_or_else(|| Problem::internal("parts of a batch differ in their outputs"))?;
            all.set(place, stack(&tensors)?);
        }
        Ok(all)
    }
}

/// One tensor with the rows of all, in order.
///
/// # Errors
/// Internal, when types or dims other than rows differ, or there are none.
pub fn stack(tensors: &[&Tensor]) -> Result<Tensor, Problem> {
    let first = tensors.first().ok_or_else(|| Problem::internal("a stack of no tensors"))?;
    let alike = |t: &&Tensor| {
        t.dtype() == first.dtype() && !t.shape().is_empty() && t.shape().get(1..) == first.shape().get(1..)
    };
    if !tensors.iter().all(alike) {
        return Err(Problem::worded(Kind::Internal, "tensors of unlike types or dims cannot be stacked"));
    }
    let rows = tensors.iter().map(|t| t.shape()[0]).sum();
    let mut builder = TensorMut::with_capacity(first.dtype(), tensors.iter().map(|t| t.len()).sum());
    for tensor in tensors {
        append(&mut builder, tensor);
    }
    builder.freeze(first.shape().with_rows(rows))
}

/// The tensor with its last row repeated until it has `rows` rows; itself, when it has as many already.
///
/// # Errors
/// Internal, when it has no row to repeat.
pub fn pad_rows(tensor: &Tensor, rows: usize) -> Result<Tensor, Problem> {
    let have = tensor.shape().first().copied().unwrap_or(0);
    if have == 0 {
        return Err(Problem::internal("there is no row to repeat"));
    }
    if have >= rows {
        return Ok(tensor.clone());
    }
    let last = tensor.rows(have - 1..have);
    let mut parts = vec![tensor];
    parts.extend(std::iter::repeat_n(&last, rows - have));
    stack(&parts)
}

fn append(builder: &mut TensorMut, tensor: &Tensor) {
    let start = builder.len();
    match tensor.bytes() {
        Some(bytes) => builder.plain_mut().extend_from_bytes(bytes),
        None => {
            if let Ok(strings) = tensor.strings() {
                builder.strings_mut().extend_from(strings);
            }
        }
    }
    builder.copy_marks(start, tensor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, NullRule, Shape};

    #[test]
    fn a_stack_keeps_rows_and_marks_in_order() {
        let with_gap = |value: f64| {
            let mut builder = TensorMut::new(DType::F64);
            builder.push(value);
            builder.push_missing(&NullRule::Accept, "x", 0).unwrap();
            builder.freeze(Shape::new(&[2])).unwrap()
        };
        let stacked = stack(&[&with_gap(1.0), &with_gap(2.0)]).unwrap();
        assert_eq!(stacked.values::<f64>().unwrap(), [1.0, 0.0, 2.0, 0.0]);
        assert_eq!(stacked.missing().unwrap().ones().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn padding_repeats_the_last_row() {
        let tensor = Tensor::from_slice(&[2, 2], &[1i32, 2, 3, 4]).unwrap();
        assert_eq!(pad_rows(&tensor, 4).unwrap().values::<i32>().unwrap(), [1, 2, 3, 4, 3, 4, 3, 4]);
        assert!(pad_rows(&Tensor::from_slice::<i32>(&[0, 2], &[]).unwrap(), 1).is_err());
    }

    #[test]
    fn unlike_tensors_do_not_stack() {
        let a = Tensor::from_slice(&[1, 2], &[1i32, 2]).unwrap();
        assert!(stack(&[&a, &Tensor::from_slice(&[1, 1], &[1i32]).unwrap()]).is_err());
        assert!(stack(&[&a, &Tensor::from_slice(&[1, 2], &[1i64, 2]).unwrap()]).is_err());
    }
}
