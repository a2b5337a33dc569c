//! The axes of one row of an input: what the model declares, and what a table's cells come to.

use landfall_model::{Dim, InputSpec, Problem, ShapeRule, display_dims};

/// The declared axes of one row: those of the input without the first.
#[derive(Clone, Debug)]
pub(crate) struct RowDims {
    /// `None` where the model declares no rank.
    dims: Option<Vec<Dim>>,
    /// Whether a shape that does not fit is passed on, for the runtime to decide.
    as_sent: bool,
}

impl RowDims {
    pub(crate) fn of(spec: &InputSpec, shapes: ShapeRule) -> Self {
        let dims = match &spec.dims {
            None if spec.columns.is_empty() => None,
            None => Some(vec![Dim::Known(spec.columns.len())]),
            Some(dims) => Some(dims.get(1..).unwrap_or_default().to_vec()),
        };
        RowDims { dims, as_sent: shapes == ShapeRule::AsSent }
    }

    /// Values of one row; `None` where an axis is free.
    pub(crate) fn elements(&self) -> Option<usize> {
        self.dims.as_ref()?.iter().try_fold(1usize, |product, dim| match dim {
            Dim::Known(n) => product.checked_mul(*n),
            Dim::Free(_) => None,
        })
    }

    /// Lengths of the declared axes; `None` where one is free.
    pub(crate) fn known(&self) -> Option<Vec<usize>> {
        let known = |dim: &Dim| match dim {
            Dim::Known(n) => Some(*n),
            Dim::Free(_) => None,
        };
        self.dims.as_ref()?.iter().map(known).collect()
    }

    /// Whether one plain value can be a row.
    pub(crate) fn takes_one_value(&self) -> bool {
        self.dims.as_ref().is_none_or(|dims| dims.iter().all(|dim| dim.takes(1)))
    }

    /// The axes that a row of these lengths is given: equal ones; a plain value brought to the declared rank; a flat
    /// list cut row-major. `None` where it does not fit.
    pub(crate) fn fitted(&self, found: &[usize]) -> Option<Vec<usize>> {
        let Some(dims) = &self.dims else { return Some(found.to_vec()) };
        if dims.len() == found.len() && dims.iter().zip(found).all(|(dim, &n)| dim.takes(n)) {
            return Some(found.to_vec());
        }
        let values: usize = found.iter().product();
        if found.len() <= 1
            && let Some(cut) = self.cut(values)
        {
            return Some(cut);
        }
        if found == [1] && dims.is_empty() {
            return Some(Vec::new());
        }
        self.as_sent.then(|| found.to_vec())
    }

    /// The axes when a row's values come as a flat list: the one free axis takes what is left.
    pub(crate) fn cut(&self, values: usize) -> Option<Vec<usize>> {
        let Some(dims) = &self.dims else { return Some(vec![values]) };
        let free = dims.iter().filter(|dim| matches!(dim, Dim::Free(_))).count();
        let known: usize = dims.iter().try_fold(1usize, |product, dim| match dim {
            Dim::Known(n) => product.checked_mul(*n),
            Dim::Free(_) => Some(product),
        })?;
        match free {
            0 if known == values => self.known(),
            1 if known > 0 && values.is_multiple_of(known) => {
                let length = |dim: &Dim| if let Dim::Known(n) = dim { *n } else { values / known };
                Some(dims.iter().map(length).collect())
            }
            // A plain value fits any number of free axes, each of length 1.
            _ if values == 1 && dims.iter().all(|dim| dim.takes(1)) => Some(vec![1; dims.len()]),
            _ => None,
        }
    }

    /// The axes of a row whose values stand in so many plain columns.
    ///
    /// # Errors
    /// Internal: columns are held against the dims when a file is opened.
    pub(crate) fn of_columns(&self, count: usize) -> Result<Vec<usize>, Problem> {
        let one = if count == 1 { self.fitted(&[]) } else { None };
        one.or_else(|| self.cut(count))
            .ok_or_else(|| Problem::internal("the columns of an input do not fit it"))
    }

    /// For messages: `one value`, `13 values`, `[3,224,224]`.
    pub(crate) fn words(&self) -> String {
        match (&self.dims, self.elements()) {
            (_, Some(1)) => "one value".to_owned(),
            (Some(dims), Some(n)) if dims.len() == 1 => format!("{n} values"),
            (Some(dims), _) => format!("values of shape {}", display_dims(dims)),
            (None, _) => "values of any shape".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::DType;

    fn of(dims: &[i64]) -> RowDims {
        let dims = dims.iter().map(|&d| usize::try_from(d).map_or(Dim::Free(None), Dim::Known)).collect();
        RowDims::of(&InputSpec::new("x", DType::F32, Some(dims)), ShapeRule::Checked)
    }

    #[test]
    fn rows_are_brought_to_the_declared_rank() {
        type Case<'a> = (&'a [i64], &'a [usize], Option<&'a [usize]>);
        let cases: [Case<'_>; 10] = [
            (&[-1], &[], Some(&[])),
            (&[-1], &[1], Some(&[])),
            (&[-1], &[2], None),
            (&[-1, 1], &[], Some(&[1])),
            (&[-1, -1, -1], &[], Some(&[1, 1])),
            (&[-1, 3], &[3], Some(&[3])),
            (&[-1, 3], &[4], None),
            (&[-1, 2, 3], &[6], Some(&[2, 3])),
            (&[-1, 2, -1], &[8], Some(&[2, 4])),
            (&[-1, 2, 3], &[3, 2], None),
        ];
        for (declared, found, expected) in cases {
            assert_eq!(of(declared).fitted(found).as_deref(), expected, "{declared:?} {found:?}");
        }
    }
}
