//! How outputs stand in a table: their columns and the names of these.

use crate::kept::{self, KeptColumn};
use landfall_model::{DType, Dim, OutputSpec, Problem, Signature, Tensor, Wanted};
use std::sync::OnceLock;

/// The outputs of a table, in the model's order.
pub(crate) struct Layout {
    /// What stands before the outputs.
    pub(crate) kept: Vec<KeptColumn>,
    pub(crate) columns: Vec<OutputColumn>,
}

/// One output.
pub(crate) struct OutputColumn {
    pub(crate) name: String,
    /// Place in the signature.
    pub(crate) place: usize,
    pub(crate) dtype: DType,
    dims: Option<Vec<Dim>>,
    class_names: Option<Vec<String>>,
    /// Axes of a row, once a chunk has shown them; the formats with fixed columns hold all others against them.
    seen: OnceLock<Vec<usize>>,
}

impl Layout {
    /// # Errors
    /// Invalid argument, where a kept column is named as an output.
    pub(crate) fn of(signature: &Signature, wanted: &Wanted, kept: &[KeptColumn]) -> Result<Self, Problem> {
        let column = |place: usize| OutputColumn::of(place, &signature.outputs()[place]);
        let columns: Vec<OutputColumn> = wanted.iter().map(column).collect();
        let is_output = |kept: &&KeptColumn| {
            columns.iter().any(|output| output.name == kept.name || output.flat_names().contains(&kept.name))
        };
        match kept.iter().find(is_output) {
            None => Ok(Layout { kept: kept.to_vec(), columns }),
            Some(KeptColumn { name, .. }) => Err(kept::wrong(format!(
                "{name:?} is an output of the model too: give the column another name, or leave the output out \
                 with --output"
            ))),
        }
    }
}

impl OutputColumn {
    fn of(place: usize, spec: &OutputSpec) -> Self {
        OutputColumn {
            name: spec.name.clone(),
            place,
            dtype: spec.dtype,
            dims: spec.dims.clone(),
            class_names: spec.class_names.clone(),
            seen: OnceLock::new(),
        }
    }

    /// The axes of a row as the table has them: none for [n] and [n, 1].
    ///
    /// # Errors
    /// Internal, for a tensor without rows.
    pub(crate) fn axes_of(&self, tensor: &Tensor) -> Result<Vec<usize>, Problem> {
        let axes = tensor.shape().get(1..).ok_or_else(|| Problem::internal("an output without rows"))?;
        Ok(if axes == [1] { Vec::new() } else { axes.to_vec() })
    }

    /// The same, held against what earlier chunks had.
    ///
    /// # Errors
    /// Failed precondition, when they differ.
    pub(crate) fn fixed_axes(&self, tensor: &Tensor) -> Result<Vec<usize>, Problem> {
        let axes = self.axes_of(tensor)?;
        let first = self.seen.get_or_init(|| axes.clone());
        if *first != axes {
            return Err(Problem::worded(
                landfall_model::Kind::FailedPrecondition,
                format!(
                    "output {:?} has rows of shape {:?} and of {:?}: only JSON Lines can hold both",
                    self.name, first, axes
                ),
            ));
        }
        Ok(axes)
    }

    /// The declared axes of a row, free ones as 0: the shape of an array that gets no rows.
    pub(crate) fn declared_axes(&self) -> Vec<usize> {
        let length = |dim: &Dim| if let Dim::Known(n) = dim { *n } else { 0 };
        self.dims.iter().flatten().skip(1).map(length).collect()
    }

    /// The axes of a row before any chunk has come: as declared, free ones as if of length 1.
    pub(crate) fn axes(&self) -> Vec<usize> {
        if let Some(seen) = self.seen.get() {
            return seen.clone();
        }
        let length = |dim: &Dim| if let Dim::Known(n) = dim { *n } else { 1 };
        let axes: Vec<usize> = self.dims.iter().flatten().skip(1).map(length).collect();
        if axes == [1] { Vec::new() } else { axes }
    }

    /// The names of its columns in a format without lists.
    pub(crate) fn flat_names(&self) -> Vec<String> {
        let axes = self.axes();
        if axes.is_empty() {
            return vec![self.name.clone()];
        }
        let width: usize = axes.iter().product();
        match self.class_names.as_ref().filter(|names| names.len() == width) {
            Some(names) => names.iter().map(|name| format!("{}[{name}]", self.name)).collect(),
            None => (0..width).map(|i| format!("{}[{i}]", self.name)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_stand_in_the_brackets() {
        let mut spec = OutputSpec::new("p", DType::F32, Some(vec![Dim::Free(None), Dim::Known(2)]));
        assert_eq!(OutputColumn::of(0, &spec).flat_names(), ["p[0]", "p[1]"]);
        spec.class_names = Some(vec!["no".into(), "yes".into()]);
        let column = OutputColumn::of(0, &spec);
        assert_eq!(column.flat_names(), ["p[no]", "p[yes]"]);
        let two = Tensor::from_slice(&[1, 2], &[0.0f32; 2]).unwrap();
        assert_eq!(column.fixed_axes(&two).unwrap(), [2]);
        let three = Tensor::from_slice(&[1, 3], &[0.0f32; 3]).unwrap();
        assert!(column.fixed_axes(&three).is_err());
    }
}
