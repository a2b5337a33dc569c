//! Products of matrices. ONNX Runtime adds up in an order that follows from the processor; here sums are float64, and
//! rounded once.

use super::super::Refusal;
use super::broadcast::Pairs;
use super::{Ask, Built, Give, given};
use crate::owned;
use landfall_forest::Real;
use landfall_model::{DType, Element, Problem, Shape, Tensor};

const FLOATS: [DType; 2] = [DType::F32, DType::F64];

/// Elements that a product may have.
const MOST_MADE: usize = 1 << 28;

/// How many elements a shape has.
///
/// # Errors
/// Invalid argument, for more than memory is given for: of few numbers, a product makes many.
fn elements_of(shape: &Shape) -> Result<usize, Problem> {
    let elements = shape.elements()?;
    if elements > MOST_MADE {
        return Err(Problem::invalid(format!("a product of shape {shape} has too many elements")));
    }
    Ok(elements)
}

/// [m, k] times [k, n]: `each` is given the sums of a row.
pub(super) fn products<T: Real>(a: &[T], b: &[T], [m, k, n]: [usize; 3], mut each: impl FnMut(&[f64])) {
    let mut sums = vec![0f64; n];
    for row in 0..m {
        sums.fill(0.0);
        for (place, value) in a[row * k..(row + 1) * k].iter().enumerate() {
            let value = value.wide();
            for (sum, other) in sums.iter_mut().zip(&b[place * n..(place + 1) * n]) {
                *sum += value * other.wide();
            }
        }
        each(&sums);
    }
}

/// [rows, columns], turned.
pub(super) fn turned<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// Elements of a constant input, as work of each row.
fn work(ask: &Ask<'_>) -> usize {
    ask.constant(1).map_or(usize::MAX / 2, Tensor::len)
}

/// MatMul: of any number of rows with a matrix or a column.
pub(super) fn mat_mul(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &FLOATS)?;
    ask.one_of(1, &[dtype])?;
    let built = Built::one(dtype, move |inputs| match dtype {
        DType::F32 => multiplied::<f32>(inputs),
        _ => multiplied::<f64>(inputs),
    });
    Ok(built.nearly().costs(work(ask)))
}

fn multiplied<T: Real + Element>(inputs: &[Give<'_>]) -> Result<Tensor, Problem> {
    let (a, b) = (given(inputs, 0)?, given(inputs, 1)?);
    let unlike = || Problem::invalid(format!("a product of shapes {} and {}", a.shape(), b.shape()));
    let (&k, front) = a.shape().split_last().ok_or_else(unlike)?;
    let (n, back) = match b.shape()[..] {
        [rows] if rows == k => (1, None),
        [rows, columns] if rows == k => (columns, Some(columns)),
        _ => return Err(unlike()),
    };
    let shape: Shape = front.iter().copied().chain(back).collect();
    let mut values = Vec::with_capacity(elements_of(&shape)?);
    let size = [front.iter().product(), k, n];
    let (a, b) = (a.values::<T>()?, b.values::<T>()?);
    products(a, b, size, |sums| values.extend(sums.iter().map(|&sum| T::of(sum))));
    owned::tensor(shape, values)
}

/// Gemm: `alpha` times a product of two matrices, either of them turned or not, and `beta` times what is added to it.
pub(super) fn gemm(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &FLOATS)?;
    for input in 1..ask.types.len() {
        if ask.has(input) {
            ask.one_of(input, &[dtype])?;
        }
    }
    let factor = |name: &str| Ok::<_, Refusal>(f64::from(ask.node.attributes.float(name)?.unwrap_or(1.0)));
    let gemm = Gemm {
        turns: [ask.flag("transA", false)?, ask.flag("transB", false)?],
        alpha: factor("alpha")?,
        beta: factor("beta")?,
    };
    let built = Built::one(dtype, move |inputs| match dtype {
        DType::F32 => gemm.run::<f32>(inputs),
        _ => gemm.run::<f64>(inputs),
    });
    Ok(built.nearly().costs(work(ask)))
}

struct Gemm {
    turns: [bool; 2],
    alpha: f64,
    beta: f64,
}

impl Gemm {
    fn run<T: Real + Element>(&self, inputs: &[Give<'_>]) -> Result<Tensor, Problem> {
        let matrix = |input: usize| -> Result<(Vec<T>, usize, usize), Problem> {
            let x = given(inputs, input)?;
            let [rows, columns] = x.shape()[..] else {
                return Err(Problem::invalid(format!("no matrix: shape {}", x.shape())));
            };
            let values = x.values::<T>()?;
            Ok(if self.turns[input] {
                (turned(values, rows, columns), columns, rows)
            } else {
                (values.to_vec(), rows, columns)
            })
        };
        let ((a, m, k), (b, rows, n)) = (matrix(0)?, matrix(1)?);
        if rows != k {
            return Err(Problem::invalid(format!("a product of [{m}, {k}] and [{rows}, {n}]")));
        }
        let shape = Shape::new(&[m, n]);
        let mut values = Vec::with_capacity(elements_of(&shape)?);
        products(&a, &b, [m, k, n], |sums| values.extend(sums.iter().map(|sum| self.alpha * sum)));
        if let Some(added) = inputs.get(2).copied().flatten() {
            let pairs = Pairs::of(&shape, added.shape())?;
            if pairs.shape != shape {
                return Err(Problem::invalid(format!("shape {} added to {shape}", added.shape())));
            }
            let added = added.values::<T>()?;
            pairs.places().for_each(|(to, from)| values[to] += self.beta * added[from].wide());
        }
        owned::tensor(shape, values.into_iter().map(T::of).collect())
    }
}
