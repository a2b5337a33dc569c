//! Classes by their labels.

use landfall_model::{DType, Problem, Shape, StringsMut, Tensor};

/// Classes that a file may count without naming them.
const MAX_COUNTED: usize = 1 << 20;

/// Labels of classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Labels {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

impl Labels {
    /// 0, 1, 2, ….
    ///
    /// # Errors
    /// Invalid argument, when there are too many.
    pub(crate) fn numbered(count: usize) -> Result<Self, Problem> {
        if count > MAX_COUNTED {
            return Err(Problem::invalid(format!("{count} classes")));
        }
        Ok(Labels::Integers((0..count as i64).collect()))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Labels::Integers(labels) => labels.len(),
            Labels::Floats(labels) => labels.len(),
            Labels::Texts(labels) => labels.len(),
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match self {
            Labels::Integers(_) => DType::I64,
            Labels::Floats(_) => DType::F64,
            Labels::Texts(_) => DType::String,
        }
    }

    /// As text, for the signature.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Labels::Integers(labels) => labels.iter().map(ToString::to_string).collect(),
            Labels::Floats(labels) => labels.iter().map(ToString::to_string).collect(),
            Labels::Texts(labels) => labels.clone(),
        }
    }

    fn tensor(&self, shape: Shape, classes: &[usize]) -> Result<Tensor, Problem> {
        fn picked<T: Copy>(labels: &[T], classes: &[usize]) -> Vec<T> {
            classes.iter().map(|&class| labels[class]).collect()
        }
        let dims: Vec<usize> = shape.to_vec();
        match self {
            Labels::Integers(labels) => Tensor::from_slice(&dims, &picked(labels, classes)),
            Labels::Floats(labels) => Tensor::from_slice(&dims, &picked(labels, classes)),
            Labels::Texts(labels) => {
                let mut texts = StringsMut::default();
                classes.iter().for_each(|&class| texts.push(labels[class].as_bytes()));
                Tensor::from_strings(shape, texts.freeze())
            }
        }
    }
}

/// How a model decides on a class.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    pub(crate) labels: Labels,
    pub(crate) rule: ClassRule,
    /// Whether the rule looks at sums; else at predictions.
    pub(crate) of_margins: bool,
}

/// What a class is chosen by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClassRule {
    /// The second of two classes where the value is above this, else the first.
    Above(f64),
    /// As `Above`, for each value of a row: one label each.
    EachAbove(f64),
    /// The first of the largest.
    Largest,
    /// The value is the class's number.
    Number,
}

impl Classes {
    /// Labels of one row, when it has `width` values.
    pub(crate) fn width(&self, width: usize) -> usize {
        if let ClassRule::EachAbove(_) = self.rule { width } else { 1 }
    }

    /// The labels of all rows, by `width` values of each.
    ///
    /// # Errors
    /// Internal, when a class has no label.
    pub(crate) fn decide(&self, values: &[f64], width: usize, rows: usize) -> Result<Tensor, Problem> {
        let mut classes: Vec<usize> = Vec::with_capacity(rows * self.width(width));
        for row in values.chunks_exact(width.max(1)) {
            match self.rule {
                ClassRule::Above(bound) | ClassRule::EachAbove(bound) => {
                    classes.extend(row.iter().map(|&value| usize::from(value > bound)));
                }
                ClassRule::Largest => classes.push(largest(row)),
                ClassRule::Number => classes.push(row[0] as usize),
            }
        }
        if classes.iter().any(|&class| class >= self.labels.len()) {
            return Err(Problem::internal("a class without a label"));
        }
        let mut shape = Shape::new(&[rows]);
        if self.width(width) > 1 {
            shape.push(width);
        }
        self.labels.tensor(shape, &classes)
    }
}

fn largest(row: &[f64]) -> usize {
    let mut best = 0;
    for (class, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = class;
        }
    }
    best
}
