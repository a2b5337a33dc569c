//! Labels of a classifier.

use crate::node::Node;
use crate::owned;
use landfall_model::{DType, Problem, Shape, Strings, Tensor};

/// The labels of all classes, in their order.
#[derive(Clone, Debug)]
pub(super) enum Labels {
    Numbers(Vec<i64>),
    Texts(Vec<Box<[u8]>>),
}

/// A row's label: of the model's list, or the plain number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    Class(usize),
    Number(i64),
}

impl Labels {
    /// `classlabels_strings`, or whole numbers under the name that the operator has for them.
    pub(super) fn read(node: &Node<'_>, numbers: &str) -> Result<Self, Problem> {
        let texts = node.attributes.texts("classlabels_strings")?;
        if texts.is_empty() {
            return Ok(Labels::Numbers(node.attributes.integers(numbers)?));
        }
        Ok(Labels::Texts(texts.into_iter().map(Box::from).collect()))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Labels::Numbers(numbers) => numbers.len(),
            Labels::Texts(texts) => texts.len(),
        }
    }

    pub(super) fn dtype(&self) -> DType {
        match self {
            Labels::Numbers(_) => DType::I64,
            Labels::Texts(_) => DType::String,
        }
    }

    /// The labels of rows. Of a list of texts, a plain number stands for the second one if it is above 0.
    pub(super) fn tensor(&self, labels: &[Label]) -> Result<Tensor, Problem> {
        let shape = Shape::new(&[labels.len()]);
        match self {
            Labels::Numbers(numbers) => {
                let number = |label: &Label| match label {
                    Label::Class(class) => numbers[*class],
                    Label::Number(number) => *number,
                };
                owned::tensor(shape, labels.iter().map(number).collect::<Vec<i64>>())
            }
            Labels::Texts(texts) => {
                let text = |label: &Label| match label {
                    Label::Class(class) => &texts[*class],
                    Label::Number(number) => &texts[usize::from(*number > 0).min(texts.len() - 1)],
                };
                Tensor::from_strings(shape, labels.iter().map(text).collect::<Strings>())
            }
        }
    }
}
