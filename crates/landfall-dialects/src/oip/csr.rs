//! A sparse matrix that is given as three arrays of compressed rows.

use crate::columns::column;
use landfall_model::{Csr, DType, InputSpec, Problem, Reason, Tensor};

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
