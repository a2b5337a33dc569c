//! Inputs of a tabular model: a matrix given as its named columns, or as three arrays of compressed rows.

use landfall_model::{
    Csr, DType, InputSpec, NullRule, NullRuleSource, Problem, Reason, Scalar, Shape, Tensor, TensorMut,
};

/// A column as the model's type: floats are rounded, integers are checked, missing values become what the rule says.
///
/// # Errors
/// Wrong shape, for anything but [n] and [n,1]; an invalid value by row, for a number that the model's type cannot hold.
pub(super) fn column(spec: &InputSpec, name: &str, tensor: Tensor) -> Result<Tensor, Problem> {
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
        } else if push_number(&mut cast, &tensor.scalar(row)).is_err() {
            if !spec.accepts_invalid {
                return Err(misfit(spec, name, row, &tensor));
            }
            cast.push_invalid(tensor.scalar(row).to_string().as_bytes());
        }
    }
    cast.freeze(Shape::new(&[rows]))
}

/// The shape [n] of a column that has one value in each row, as some clients send it: [n, 1].
pub(super) fn flat(spec: &InputSpec, tensor: &Tensor) -> Option<Shape> {
    let is_column = spec.dims.as_ref().is_some_and(|dims| dims.len() == 1)
        && (&spec.null, spec.null_source) == (&NullRule::Accept, NullRuleSource::Model);
    match tensor.shape()[..] {
        [rows, 1] if is_column => Some(Shape::new(&[rows])),
        _ => None,
    }
}

/// Integers go to single precision in one rounding, not by way of double precision.
fn push_number(cast: &mut TensorMut, value: &Scalar) -> Result<(), Problem> {
    match (cast.dtype(), value) {
        (DType::F32, Scalar::Int(value)) => cast.push(*value as f32),
        (DType::F32, Scalar::UInt(value)) => cast.push(*value as f32),
        _ => return cast.push_scalar(value),
    }
    Ok(())
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

/// The columns that did not come, by the rule for missing values: refused, left to an engine that knows missing values,
/// or filled.
///
/// # Errors
/// Inputs missing, naming all columns that did not come; rows differ, naming the column.
pub(super) fn complete(spec: &InputSpec, columns: &mut [Option<Tensor>]) -> Result<(), Problem> {
    let named = |given: bool| {
        let of = |(column, tensor): (&landfall_model::Column, &Option<Tensor>)| {
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

/// One of the three arrays of a sparse matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CsrPart {
    /// `NAME.data`
    Data,
    /// `NAME.indices`
    Indices,
    /// `NAME.indptr`
    Indptr,
}

impl CsrPart {
    /// Cuts the part off a name: `features.data` is the data of `features`.
    pub(super) fn cut(name: &str) -> Option<(&str, CsrPart)> {
        let (input, part) = name.rsplit_once('.')?;
        let part = match part {
            "data" => CsrPart::Data,
            "indices" => CsrPart::Indices,
            "indptr" => CsrPart::Indptr,
            _ => return None,
        };
        Some((input, part))
    }
}

/// A sparse matrix of three arrays, held against each other: rows ascend from 0 to the number of values, every column
/// is one of the matrix.
///
/// # Errors
/// Inputs missing, naming the arrays that did not come; invalid argument, saying what does not hold.
pub(super) fn csr(spec: &InputSpec, parts: [Option<Tensor>; 3]) -> Result<Csr, Problem> {
    let name = &spec.name;
    let [Some(data), Some(indices), Some(indptr)] = parts else {
        let named = |given: bool| {
            let names = ["data", "indices", "indptr"].iter().zip(&parts);
            names
                .filter(|(_, part)| part.is_some() == given)
                .map(|(part, _)| format!("{name}.{part}"))
                .collect()
        };
        return Err(Problem::new(Reason::InputsMissing { missing: named(false), given: named(true) }));
    };
    let data = column(spec, &format!("{name}.data"), data)?;
    let index = |part: &str| InputSpec::new(format!("{name}.{part}"), DType::I64, None);
    let indices = column(&index("indices"), &format!("{name}.indices"), indices)?;
    let indptr = column(&index("indptr"), &format!("{name}.indptr"), indptr)?;
    let (columns, starts) = (indices.values::<i64>()?, indptr.values::<i64>()?);
    let values = data.len();
    if columns.len() != values {
        return Err(Problem::invalid(format!(
            "input '{name}': {values} values, but {} indices of columns",
            columns.len()
        )));
    }
    let ascending = starts.windows(2).all(|pair| pair[0] <= pair[1]);
    if starts.first() != Some(&0) || starts.last() != Some(&(values as i64)) || !ascending {
        return Err(Problem::invalid(format!("input '{name}.indptr' must ascend from 0 to {values}")));
    }
    let width = spec.columns.len();
    match columns.iter().position(|&column| usize::try_from(column).map_or(true, |column| column >= width)) {
        None => Ok(Csr { data, indices, indptr }),
        Some(place) => Err(Problem::invalid(format!(
            "input '{name}.indices': column {} at place {place}, but there are columns 0 to {}",
            columns[place],
            width.saturating_sub(1)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Column;

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
            complete(&spec, &mut given()).unwrap_err().reason(),
            Reason::InputsMissing { missing, .. } if missing == &["b"]
        ));
        spec.null = NullRule::Zero;
        let mut columns = given();
        complete(&spec, &mut columns).unwrap();
        assert_eq!(columns[1].as_ref().unwrap().values::<f32>().unwrap(), [0.0, 0.0]);
        spec.null = NullRule::Accept;
        let mut columns = given();
        complete(&spec, &mut columns).unwrap();
        assert!(columns[1].is_none());
    }

    #[test]
    fn a_sparse_matrix_must_hold_together() {
        let spec = spec(DType::F32);
        let make = |data: &[f32], indices: &[i64], indptr: &[i64]| {
            csr(
                &spec,
                [
                    Some(Tensor::from_slice(&[data.len()], data).unwrap()),
                    Some(Tensor::from_slice(&[indices.len()], indices).unwrap()),
                    Some(Tensor::from_slice(&[indptr.len()], indptr).unwrap()),
                ],
            )
        };
        assert!(make(&[1.0, 2.0], &[0, 1], &[0, 1, 2]).is_ok());
        assert!(make(&[], &[], &[0, 0]).is_ok());
        for (data, indices, indptr) in [
            (&[1.0][..], &[0, 1][..], &[0, 1][..]),
            (&[1.0], &[2], &[0, 1]),
            (&[1.0], &[-1], &[0, 1]),
            (&[1.0], &[0], &[0, 2, 1]),
            (&[1.0], &[0], &[1, 1]),
            (&[1.0], &[0], &[]),
        ] {
            assert!(make(data, indices, indptr).is_err(), "{data:?} {indices:?} {indptr:?}");
        }
    }
}
