//! Inputs of a tabular model: columns of any number type, and a matrix given as its named columns.

use landfall_model::{
    Column, Input, InputSpec, NullRule, NullRuleSource, Problem, Reason, Shape, Signature, Tensor, TensorMut,
};

/// A column as the model's type: floats are rounded, integers are checked, missing values become what the rule says.
///
/// # Errors
/// Wrong shape, for anything but [n] and [n,1]; an invalid value by row, for a number that the model's type cannot hold.
pub(crate) fn column(spec: &InputSpec, name: &str, tensor: Tensor) -> Result<Tensor, Problem> {
    let rows = tensor.shape().first().copied().unwrap_or(1);
    if !matches!(tensor.shape()[..], [_] | [_, 1]) {
        let (input, expected, found) = (name.to_owned(), "[-1,1]".to_owned(), tensor.shape().clone());
        return Err(Problem::new(Reason::WrongShape { input, expected, found }));
    }
    if tensor.dtype() == spec.dtype && (tensor.missing().is_none() || spec.null == NullRule::Accept) {
        return tensor.reshaped(Shape::new(&[rows]));
    }
    if !(tensor.dtype().is_number() && spec.dtype.is_number()) {
        let (input, expected, found) = (name.to_owned(), spec.dtype, tensor.dtype());
        return Err(Problem::new(Reason::WrongDType { input, expected, found }));
    }
    let mut cast = TensorMut::with_capacity(spec.dtype, rows);
    let mut invalid = tensor.invalid().iter().peekable();
    for row in 0..rows {
        if let Some(marked) = invalid.next_if(|marked| marked.element == row) {
            cast.push_invalid(&marked.text);
        } else if tensor.is_missing(row) {
            cast.push_missing(&spec.null, name, row)?;
        } else if cast.push_scalar(&tensor.scalar(row)).is_err() {
            if !spec.accepts_invalid {
                return Err(misfit(spec, name, row, &tensor));
            }
            cast.push_invalid(tensor.scalar(row).to_string().as_bytes());
        }
    }
    cast.freeze(Shape::new(&[rows]))
}

/// A whole input: a column of numbers in the model's type, any other as it came.
///
/// # Errors
/// As [`column`].
pub(crate) fn whole(spec: &InputSpec, tensor: Tensor) -> Result<Tensor, Problem> {
    let casts = spec.is_number_column() && tensor.dtype().is_number() && tensor.dtype() != spec.dtype;
    let tensor = if casts { column(spec, &spec.name, tensor)? } else { tensor };
    match flat(spec, &tensor) {
        Some(shape) => tensor.reshaped(shape),
        None => Ok(tensor),
    }
}

/// Takes one column of a matrix.
///
/// # Errors
/// As [`column`]; input repeated.
pub(crate) fn put(
    spec: &InputSpec,
    input: &mut Option<Input>,
    place: usize,
    tensor: Tensor,
) -> Result<(), Problem> {
    let name = &spec.columns[place].name;
    let tensor = column(spec, name, tensor)?;
    match input.get_or_insert_with(|| Input::Columns(vec![None; spec.columns.len()])) {
        Input::Columns(columns) if columns[place].is_none() => {
            columns[place] = Some(tensor);
            Ok(())
        }
        _ => Err(Problem::new(Reason::InputRepeated { input: name.clone() })),
    }
}

/// Completes matrices that were given as columns: those that did not come follow the rule for missing values.
///
/// # Errors
/// Inputs missing, naming all columns that did not come; rows differ, naming the column.
pub(crate) fn complete(signature: &Signature, inputs: &mut [Option<Input>]) -> Result<(), Problem> {
    for (spec, input) in signature.inputs().iter().zip(inputs) {
        if let Some(Input::Columns(columns)) = input {
            complete_matrix(spec, columns)?;
        }
    }
    Ok(())
}

/// The shape [n] of a column that has one value in each row, as some clients send it: [n, 1].
fn flat(spec: &InputSpec, tensor: &Tensor) -> Option<Shape> {
    let is_column = spec.dims.as_ref().is_some_and(|dims| dims.len() == 1)
        && (&spec.null, spec.null_source) == (&NullRule::Accept, NullRuleSource::Model);
    match tensor.shape()[..] {
        [rows, 1] if is_column => Some(Shape::new(&[rows])),
        _ => None,
    }
}

#[cold]
fn misfit(spec: &InputSpec, name: &str, row: usize, tensor: &Tensor) -> Problem {
    Problem::new(Reason::ValueInvalid {
        input: name.to_owned(),
        row,
        expected: spec.dtype.to_string(),
        text: tensor.scalar(row).to_string(),
    })
}

/// A column that did not come is refused, left to an engine that knows missing values, or filled.
fn complete_matrix(spec: &InputSpec, columns: &mut [Option<Tensor>]) -> Result<(), Problem> {
    let named = |given: bool| {
        let of = |(column, tensor): (&Column, &Option<Tensor>)| {
            (tensor.is_some() == given).then(|| column.name.clone())
        };
        spec.columns.iter().zip(columns.iter()).filter_map(of).collect::<Vec<_>>()
    };
    let missing = named(false);
    if spec.null == NullRule::Refuse && !missing.is_empty() {
        return Err(Problem::new(Reason::InputsMissing { missing, given: named(true) }));
    }
    let Some(rows) = columns.iter().flatten().next().map(Tensor::len) else { return Ok(()) };
    for (place, tensor) in columns.iter_mut().enumerate() {
        match tensor {
            Some(tensor) if tensor.len() != rows => {
                let (input, expected, found) = (spec.columns[place].name.clone(), rows, tensor.len());
                return Err(Problem::new(Reason::RowsDiffer { input, expected, found }));
            }
            None if spec.null != NullRule::Accept => {
                let mut filled = TensorMut::new(spec.dtype);
                for row in 0..rows {
                    filled.push_missing(&spec.null, &spec.columns[place].name, row)?;
                }
                *tensor = Some(filled.freeze(Shape::new(&[rows]))?);
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::DType;

    fn spec(dtype: DType) -> InputSpec {
        let mut spec = InputSpec::new("features", dtype, None);
        spec.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
        spec
    }

    #[test]
    fn a_column_takes_any_number_type() {
        let spec = spec(DType::F32);
        let from = |tensor: Tensor| column(&spec, "a", tensor).unwrap().values::<f32>().unwrap().to_vec();
        assert_eq!(from(Tensor::from_slice(&[2, 1], &[0.1f64, 2.0]).unwrap()), [0.1f32, 2.0]);
        assert_eq!(from(Tensor::from_slice(&[1], &[16_777_217i64]).unwrap()), [16_777_217i64 as f32]);
        assert_eq!(from(Tensor::from_slice(&[1], &[7u8]).unwrap()), [7.0]);
        assert!(
            column(&spec, "a", Tensor::from_strings(Shape::new(&[1]), ["7"].iter().collect()).unwrap())
                .is_err()
        );
        assert!(column(&spec, "a", Tensor::from_slice(&[1, 2], &[1.0f32, 2.0]).unwrap()).is_err());
    }

    #[test]
    fn an_integer_column_is_checked_by_row() {
        let problem =
            column(&spec(DType::I32), "a", Tensor::from_slice(&[2], &[1.0f64, 1.5]).unwrap()).unwrap_err();
        assert!(matches!(problem.reason(), Reason::ValueInvalid { input, row: 1, .. } if input == "a"));
        let too_big = Tensor::from_slice(&[1], &[i64::MAX]).unwrap();
        assert!(column(&spec(DType::I32), "a", too_big).is_err());
    }

    #[test]
    fn columns_that_did_not_come_follow_the_rule_for_missing_values() {
        let given = || vec![Some(Tensor::from_slice(&[2], &[1.0f32, 2.0]).unwrap()), None];
        let mut spec = spec(DType::F32);
        assert!(matches!(
            complete_matrix(&spec, &mut given()).unwrap_err().reason(),
            Reason::InputsMissing { missing, .. } if missing == &["b"]
        ));
        spec.null = NullRule::Zero;
        let mut columns = given();
        complete_matrix(&spec, &mut columns).unwrap();
        assert_eq!(columns[1].as_ref().unwrap().values::<f32>().unwrap(), [0.0, 0.0]);
        spec.null = NullRule::Accept;
        let mut columns = given();
        complete_matrix(&spec, &mut columns).unwrap();
        assert!(columns[1].is_none());
    }
}
