//! One input, as a signature declares it.

use crate::{DType, Dim, NullRule, NullRuleSource, Scalar, display_dims};

/// One input.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Declared axes; `None` where the model declares no rank.
    pub dims: Option<Vec<Dim>>,
    /// Whether a call may leave it out.
    pub optional: bool,
    /// What a missing value becomes.
    pub null: NullRule,
    /// Who set that rule.
    pub null_source: NullRuleSource,
    /// Whether a value that cannot be of the type stays, marked invalid with its text; else its row is refused.
    pub accepts_invalid: bool,
    /// Whether whole numbers and truth values (1 and 0) are taken for their decimal text. For strings.
    pub integers_as_text: bool,
    /// Whether the model looks at none of its values: it only says how many rows there are.
    pub only_counts_rows: bool,
    /// The values that the model declares, for a category.
    pub categories: Option<Vec<Scalar>>,
    /// The named columns of a matrix [n, F] (a numeric tree model's `features`); empty for all other inputs.
    pub columns: Vec<Column>,
    /// Name of the tensor in the model's graph (`serving_default_x:0`); empty where names of tensors mean nothing.
    pub tensor: String,
    /// What the model's author says about it.
    pub doc: String,
}

impl InputSpec {
    /// A required input that refuses missing values.
    pub fn new(name: impl Into<String>, dtype: DType, dims: Option<Vec<Dim>>) -> Self {
        InputSpec {
            name: name.into(),
            dtype,
            dims,
            optional: false,
            null: NullRule::Refuse,
            null_source: NullRuleSource::Default,
            accepts_invalid: false,
            integers_as_text: false,
            only_counts_rows: false,
            categories: None,
            columns: Vec::new(),
            tensor: String::new(),
            doc: String::new(),
        }
    }

    /// Whether values of this type come in as text: [`Call::checked`](crate::Call::checked) makes it of them.
    pub fn takes_as_text(&self, found: DType) -> bool {
        self.integers_as_text && self.dtype == DType::String && (found.is_integer() || found == DType::Bool)
    }

    /// Whether it is a column of numbers of a tabular model: one value in each row, which the model itself knows to be
    /// missing at times. It takes every number type: floats are rounded, integers checked.
    pub fn is_number_column(&self) -> bool {
        self.dtype.is_number()
            && self.columns.is_empty()
            && self.dims.as_ref().is_some_and(|dims| dims.len() == 1)
            && (&self.null, self.null_source) == (&NullRule::Accept, NullRuleSource::Model)
    }

    /// The declared axes as protocols write them: `[-1,13]`; `[]` where no rank is declared.
    pub fn declared_shape(&self) -> String {
        display_dims(self.dims.as_deref().unwrap_or_default()).to_string()
    }
}

/// One column of a matrix input.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What the model's author says about it.
    pub doc: String,
}
