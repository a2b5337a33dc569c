//! Inputs filled with the features of their names, example by example.
//!
//! A feature has as many values as a row of its input has elements. Integers may fill inputs of floats; what else is of
//! another kind is refused. Features that no input is named after are passed over: examples often carry more than one
//! model needs. A feature that is not there, or empty, follows the input's rule for missing values.

use super::feature::{Feature, each_feature};
use crate::tfs::names::type_word;
use landfall_model::{
    DType, Dim, Input, InputSpec, Problem, Reason, Scalar, Shape, Signature, Strings, Tensor, TensorMut,
};

/// How many bytes a request may gain by missing values, over all its inputs.
const MAX_MISSING_BYTES: usize = 64 << 20;

/// The inputs that serialized examples give, by slot.
///
/// # Errors
/// Invalid argument, naming the example (counted from 0) and the feature.
pub(in crate::tfs) fn inputs(
    signature: &Signature,
    examples: &Strings,
) -> Result<Vec<Option<Input>>, Problem> {
    let mut fillings: Vec<Filling<'_>> =
        signature.inputs().iter().map(Filling::new).collect::<Result<_, _>>()?;
    // Of each input, the feature of its own name, then those of its columns.
    let mut starts = Vec::with_capacity(fillings.len());
    let mut places = 0;
    for input in signature.inputs() {
        starts.push(places);
        places += 1 + input.columns.len();
    }
    let mut row: Vec<Feature<'_>> = vec![Feature::None; places];
    let mut budget = MAX_MISSING_BYTES;
    for (number, example) in examples.iter().enumerate() {
        row.fill(Feature::None);
        let read = each_feature(example, |name, feature| {
            if let Some(target) = signature.slot(name) {
                row[starts[target.slot] + target.column.map_or(0, |column| column + 1)] = feature;
            }
            Ok(())
        });
        read.map_err(|problem| {
            Problem::invalid(format!("Could not parse example input {number}: {}", problem.sentence()))
        })?;
        for (filling, &start) in fillings.iter_mut().zip(&starts) {
            let features = &row[start..=start + filling.spec.columns.len()];
            filling.push(number, features, &mut budget)?;
        }
    }
    fillings.into_iter().map(|filling| filling.finish(examples.len(), &mut budget)).collect()
}

/// One input that is being filled.
struct Filling<'s> {
    spec: &'s InputSpec,
    values: TensorMut,
    /// Lengths of a row's axes, as far as they are known.
    dims: Option<Vec<Option<usize>>>,
    /// Elements of a row, once they are known.
    each: Option<usize>,
    /// Rows at the start that are missing, as long as it is open how many elements they have.
    open: usize,
    /// Whether any row came.
    came: bool,
}

impl<'s> Filling<'s> {
    fn new(spec: &'s InputSpec) -> Result<Self, Problem> {
        let dims: Option<Vec<Option<usize>>> = match spec.dims.as_deref() {
            None => None,
            Some([]) => {
                return Err(Problem::invalid(format!(
                    "input {:?} is one value for all rows: examples cannot fill it; use predict",
                    spec.name
                )));
            }
            Some([_, row @ ..]) => Some(
                row.iter()
                    .map(|dim| match dim {
                        Dim::Known(length) => Some(*length),
                        Dim::Free(_) => None,
                    })
                    .collect(),
            ),
        };
        let known = dims.as_ref().and_then(|dims| {
            dims.iter().copied().collect::<Option<Vec<usize>>>()?.into_iter().try_fold(1, usize::checked_mul)
        });
        let values = TensorMut::new(spec.dtype);
        Ok(Filling { spec, values, dims, each: known, open: 0, came: false })
    }

    /// Takes an example's features: that of the input's own name, and those of its columns.
    fn push(&mut self, row: usize, features: &[Feature<'_>], budget: &mut usize) -> Result<(), Problem> {
        let whole = &features[0];
        if whole.len() > 0 {
            return self.push_whole(row, whole, budget);
        }
        if features[1..].iter().all(|feature| feature.len() == 0) {
            return self.push_missing_row(row, budget);
        }
        self.came = true;
        self.settle(self.spec.columns.len(), budget)?;
        for (feature, column) in features[1..].iter().zip(&self.spec.columns) {
            match feature.len() {
                0 => {
                    take(budget, self.spec.dtype, 1)?;
                    self.values.push_missing(&self.spec.null, &column.name, row)?;
                }
                1 => self.push_values(row, &column.name, feature)?,
                count => return Err(miscounted(row, &column.name, 1, count)),
            }
        }
        Ok(())
    }

    fn push_whole(&mut self, row: usize, feature: &Feature<'_>, budget: &mut usize) -> Result<(), Problem> {
        let (spec, count) = (self.spec, feature.len());
        self.came = true;
        self.settle(count, budget)?;
        match self.each {
            Some(expected) if expected != count => Err(miscounted(row, &spec.name, expected, count)),
            _ => self.push_values(row, &spec.name, feature),
        }
    }

    /// The first row that came tells how many elements rows have, where the signature leaves it open.
    fn settle(&mut self, count: usize, budget: &mut usize) -> Result<(), Problem> {
        let each = *self.each.get_or_insert(count);
        let open = std::mem::take(&mut self.open);
        (0..open).try_for_each(|row| self.push_missing(row, each, budget))
    }

    fn push_missing_row(&mut self, row: usize, budget: &mut usize) -> Result<(), Problem> {
        match self.each.filter(|_| self.came || !self.spec.optional) {
            Some(each) => self.push_missing(row, each, budget),
            None => {
                self.open += 1;
                Ok(())
            }
        }
    }

    fn push_missing(&mut self, row: usize, each: usize, budget: &mut usize) -> Result<(), Problem> {
        take(budget, self.spec.dtype, each)?;
        (0..each).try_for_each(|_| self.values.push_missing(&self.spec.null, &self.spec.name, row))
    }

    fn push_values(&mut self, row: usize, name: &str, feature: &Feature<'_>) -> Result<(), Problem> {
        let dtype = self.spec.dtype;
        let mut all = true;
        let mut push = |value: Scalar, fits: bool| {
            let pushed = fits && self.values.push_scalar(&value).is_ok();
            if !pushed && self.spec.accepts_invalid {
                self.values.push_invalid(value.to_string().as_bytes());
            } else {
                all &= pushed;
            }
        };
        match feature {
            Feature::None => {}
            Feature::Bytes(values) => {
                values.iter().for_each(|value| push(Scalar::Bytes(value.to_vec()), dtype == DType::String));
            }
            Feature::Floats(values) => {
                values.iter().for_each(|&value| push(Scalar::Float(value.into()), dtype.is_float()));
            }
            Feature::Ints(values) => values.iter().for_each(|&value| match dtype {
                DType::Bool => push(Scalar::Bool(value != 0), matches!(value, 0 | 1)),
                dtype if dtype.is_float() => push(Scalar::Float(value as f64), true),
                dtype => push(Scalar::Int(value), dtype.is_integer()),
            }),
        }
        if all { Ok(()) } else { Err(mistyped(row, name, dtype, feature)) }
    }

    /// The input; `None` for an optional one of which no row came.
    fn finish(mut self, rows: usize, budget: &mut usize) -> Result<Option<Input>, Problem> {
        if !self.came && self.spec.optional {
            return Ok(None);
        }
        let Some(each) = self.each else {
            // No row came, and nothing says how long a missing one would be.
            return Err(Problem::new(Reason::ValueMissing { input: self.spec.name.clone(), row: 0 }));
        };
        self.settle(each, budget)?;
        let shape = self.shape(rows, each)?;
        Ok(Some(Input::Dense(self.freeze(shape)?)))
    }

    fn freeze(self, shape: Shape) -> Result<Tensor, Problem> {
        self.values.freeze(shape)
    }

    fn shape(&self, rows: usize, each: usize) -> Result<Shape, Problem> {
        let mut shape = Shape::new(&[rows]);
        let Some(dims) = &self.dims else {
            if each != 1 {
                shape.push(each);
            }
            return Ok(shape);
        };
        let known: usize = dims.iter().flatten().product();
        let open = dims.iter().filter(|dim| dim.is_none()).count();
        let rest = each.checked_div(known).filter(|rest| rest * known == each);
        let (Some(rest), 0 | 1) = (rest.or((each == 0).then_some(0)), open) else {
            return Err(Problem::invalid(format!(
                "input {:?}: {each} values of an example do not make a row of {}",
                self.spec.name,
                self.spec.declared_shape()
            )));
        };
        dims.iter().for_each(|dim| shape.push(dim.unwrap_or(rest)));
        Ok(shape)
    }
}

fn take(budget: &mut usize, dtype: DType, elements: usize) -> Result<(), Problem> {
    let bytes = elements.saturating_mul(dtype.size().unwrap_or(size_of::<usize>()));
    *budget = budget.checked_sub(bytes).ok_or_else(|| {
        Problem::invalid(format!(
            "more than {MAX_MISSING_BYTES} bytes of missing values: send the features, or fewer examples at once"
        ))
    })?;
    Ok(())
}

#[cold]
fn miscounted(row: usize, name: &str, expected: usize, found: usize) -> Problem {
    Problem::invalid(format!("example {row}, feature \"{name}\": expected {expected} values, found {found}"))
}

#[cold]
fn mistyped(row: usize, name: &str, expected: DType, feature: &Feature<'_>) -> Problem {
    Problem::invalid(format!(
        "example {row}, feature \"{name}\": data types don't match: expected {}, found {}",
        type_word(expected),
        feature.kind()
    ))
}
