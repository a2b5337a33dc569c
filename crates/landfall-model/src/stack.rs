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
        let mut inputs = Vec::with_capacity(first.inputs().len());
        for slot in 0..first.inputs().len() {
            if let Some(Input::Columns(columns)) = first.input(slot) {
                inputs.push(Some(stacked_columns(calls, slot, columns.len())?));
                continue;
            }
            let mut tensors: SmallVec<[&Tensor; 64]> = SmallVec::new();
            for call in calls {
                match call.input(slot) {
                    Some(Input::Dense(tensor)) => tensors.push(tensor),
                    Some(_) => return Err(Problem::internal("only arrays and columns are stacked")),
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
        let mut inputs = Vec::with_capacity(self.inputs().len());
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
        let mut inputs = Vec::with_capacity(self.inputs().len());
        for input in self.inputs() {
            inputs.push(match input {
                Some(Input::Dense(tensor)) => Some(Input::Dense(pad_rows(tensor, rows)?)),
                Some(Input::Columns(columns)) => {
                    let padded =
                        |column: &Option<Tensor>| column.as_ref().map(|c| pad_rows(c, rows)).transpose();
                    Some(Input::Columns(columns.iter().map(padded).collect::<Result<_, _>>()?))
                }
                None => None,
                Some(_) => return Err(Problem::internal("only arrays and columns are padded")),
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
            for (row, problem) in part.failed() {
                all.fail_row(start + row, problem.clone().of_row(start + row));
            }
            start += part.iter().next().and_then(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(0);
            if let Some(steps) = part.steps() {
                all.add_steps(steps.iter().cloned());
            }
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

/// A matrix of named columns with the rows of all calls, column by column.
fn stacked_columns(calls: &[&Call], slot: usize, count: usize) -> Result<Input, Problem> {
    let mut stacked = Vec::with_capacity(count);
    for column in 0..count {
        let mut tensors: SmallVec<[&Tensor; 64]> = SmallVec::new();
        for call in calls {
            let Some(Input::Columns(columns)) = call.input(slot) else {
                return Err(Problem::internal("columns are stacked with columns"));
            };
            tensors.extend(columns.get(column).and_then(Option::as_ref));
        }
        stacked.push(match tensors.len() {
            0 => None,
            many if many == calls.len() => Some(stack(&tensors)?),
            _ => return Err(Problem::internal("columns that some calls lack are not stacked")),
        });
    }
    Ok(Input::Columns(stacked))
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
pub(crate) fn pad_rows(tensor: &Tensor, rows: usize) -> Result<Tensor, Problem> {
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
    fn matrices_by_their_columns_join_and_stack() {
        use crate::{Column, Dim, InputSpec, Method, OutputSpec, ShapeRule, Signature};
        let free = Dim::Free(None);
        let mut spec = InputSpec::new("features", DType::F32, Some(vec![free.clone(), Dim::Known(2)]));
        spec.columns = ["a", "b"].map(|name| Column { name: name.to_owned(), doc: String::new() }).to_vec();
        let outputs = vec![OutputSpec::new("y", DType::F32, None)];
        let signature = Signature::new(
            "s",
            Method::Predict,
            vec![spec],
            outputs,
            RowRule::Independent,
            ShapeRule::Checked,
        );
        let signature = signature.unwrap().shared();
        let call = |a: &[f32], b: Option<&[f32]>| {
            let column = |values: &[f32]| Tensor::from_slice(&[values.len()], values).unwrap();
            let columns = Input::Columns(vec![Some(column(a)), b.map(column)]);
            Call::checked(signature.clone(), [Some(columns)], signature.default_outputs().clone()).unwrap()
        };
        let (one, two) = (call(&[1.0], Some(&[10.0])), call(&[2.0, 3.0], Some(&[20.0, 30.0])));
        assert!(one.joins(&two) && !one.joins(&call(&[1.0], None)), "other columns came");
        let both = Call::stacked(&[&one, &two]).unwrap();
        assert_eq!(both.rows(), Some(3));
        let Some(Input::Columns(columns)) = both.input(0) else { panic!("columns stay columns") };
        assert_eq!(columns[0].as_ref().unwrap().values::<f32>().unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(columns[1].as_ref().unwrap().values::<f32>().unwrap(), [10.0, 20.0, 30.0]);
        let padded = one.padded(3).unwrap();
        let Some(Input::Columns(columns)) = padded.input(0) else { panic!("columns stay columns") };
        assert_eq!(columns[1].as_ref().unwrap().values::<f32>().unwrap(), [10.0; 3]);
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
