//! One output, as a signature declares it.

use crate::{DType, Dim};

/// One output.
#[derive(Clone, Debug)]
pub struct OutputSpec {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Declared axes; `None` where the model declares no rank.
    pub dims: Option<Vec<Dim>>,
    /// Whether it is given when nobody asks for outputs by name.
    pub by_default: bool,
    /// Whether axis 0 is rows. An output without rows is never split, so its model is never batched.
    pub has_rows: bool,
    /// Whether a value of it can be missing.
    pub may_miss: bool,
    /// Names of the classes along the last axis.
    pub class_names: Option<Vec<String>>,
    /// Name of the tensor in the model's graph; empty where names of tensors mean nothing.
    pub tensor: String,
    /// What the model's author says about it.
    pub doc: String,
}

impl OutputSpec {
    /// An output given by default, whose axis 0 is rows.
    pub fn new(name: impl Into<String>, dtype: DType, dims: Option<Vec<Dim>>) -> Self {
        OutputSpec {
            name: name.into(),
            dtype,
            dims,
            by_default: true,
            has_rows: true,
            may_miss: false,
            class_names: None,
            tensor: String::new(),
            doc: String::new(),
        }
    }
}
