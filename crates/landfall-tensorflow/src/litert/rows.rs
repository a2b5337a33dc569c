//! Whether a free axis 0 is rows: two different rows together and each alone.
//!
//! Converters write a free axis where the original had one, though an operator behind it may hold a shape of one row.
//! A file that cannot be run with two rows is called row by row.

use super::prepared::Prepared;
use landfall_model::{
    BufferMut, Call, DType, Input, InputSpec, Instance, Outputs, Problem, RowRule, Shape, Signature, Tensor,
};
use std::sync::Arc;

/// How far a row's answers may lie apart, alone and in company.
const RELATIVE: f64 = 1e-4;
/// The same in parts of the output's largest value: what cancels out leaves noise of that size.
const NEAR_ZERO: f64 = 1e-6;

/// What the rows of a signature with a free axis 0 are, and a note where they are not independent. `converted` is the
/// number of rows that the file was converted with, `prepared` how it could be prepared.
pub(super) fn proven(
    signature: &Signature,
    instance: &mut dyn Instance,
    converted: usize,
    prepared: &Prepared,
) -> (RowRule, Option<String>) {
    let name = signature.name();
    let length = match prepared {
        Prepared::WithLengths(Some(length)) => *length,
        Prepared::AsConverted | Prepared::WithLengths(None) => 1,
        Prepared::Never { .. } => return (RowRule::None, None),
    };
    match agree(&Arc::new(signature.clone().with_rows(RowRule::None)), instance, length) {
        Ok(true) => (RowRule::Independent, None),
        Ok(false) => {
            let note = format!("signature {name:?} is never batched: two rows differ together and alone");
            (RowRule::None, Some(note))
        }
        Err(problem) if *prepared != Prepared::AsConverted => {
            let note = format!("signature {name:?} is never batched: {problem}");
            (RowRule::None, Some(note))
        }
        Err(problem) => {
            let note = format!("signature {name:?} is called {converted} rows at a time: {problem}");
            (RowRule::Pieces(converted), Some(note))
        }
    }
}

/// The same where an operator picks rows by their values: how many come out says nothing of how many go in.
pub(super) fn of_values(signature: &Signature) -> (RowRule, Option<String>) {
    let note =
        format!("signature {:?} is never batched: its outputs' shapes follow from values", signature.name());
    (RowRule::None, Some(note))
}

/// Lengths of all axes but the first; `length` for free ones.
fn inner(input: &InputSpec, length: usize) -> impl Iterator<Item = usize> {
    input.dims.iter().flatten().skip(1).map(move |dim| usize::try_from(dim.as_signed()).unwrap_or(length))
}

fn agree(signature: &Arc<Signature>, instance: &mut dyn Instance, length: usize) -> Result<bool, Problem> {
    let mut pair = Vec::new();
    for (seed, input) in signature.inputs().iter().enumerate() {
        let shape: Shape = std::iter::once(2).chain(inner(input, length)).collect();
        pair.push(made(input.dtype, shape, seed)?);
    }
    let mut answers = |rows: std::ops::Range<usize>| {
        let inputs = pair.iter().map(|tensor| Some(Input::Dense(tensor.rows(rows.clone()))));
        let call = Call::checked(signature.clone(), inputs, signature.default_outputs().clone())?;
        let mut outputs = Outputs::new();
        instance.run(&call, &mut outputs)?;
        Ok::<_, Problem>(outputs)
    };
    let (together, first, second) = (answers(0..2)?, answers(0..1)?, answers(1..2)?);
    for (place, both) in together.iter() {
        let rows = |of: Option<&Tensor>| of.and_then(|tensor| tensor.shape().first().copied());
        let alone = rows(first.get(place)) == Some(1) && rows(second.get(place)) == Some(1);
        if !alone {
            return Ok(false);
        }
        if rows(Some(both)) != Some(2) {
            let output = &signature.outputs()[place].name;
            return Err(Problem::invalid(format!("output {output:?} has shape {} for 2 rows", both.shape())));
        }
        for (row, alone) in [&first, &second].into_iter().enumerate() {
            if !alone.get(place).is_some_and(|alone| near(&both.rows(row..row + 1), alone)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A tensor of small values, or of short strings, that differ from row to row.
fn made(dtype: DType, shape: Shape, seed: usize) -> Result<Tensor, Problem> {
    let elements = shape.elements()?;
    let mut state = seed as u64 * 2 + 1;
    // A linear congruential generator: Knuth's multiplier.
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let Some(size) = dtype.size() else {
        let texts = (0..elements).map(|_| if next() & 1 == 0 { "" } else { "a" });
        return Tensor::from_strings(shape, texts.collect());
    };
    let mut buffer = BufferMut::with_capacity(elements * size);
    for _ in 0..elements {
        let fraction = f64::from(next()) / f64::from(1u32 << 31);
        match dtype {
            DType::F32 => buffer.push(fraction as f32),
            DType::F64 => buffer.push(fraction),
            DType::F16 => buffer.push(half::f16::from_f64(fraction)),
            DType::BF16 => buffer.push(half::bf16::from_f64(fraction)),
            DType::Complex64 => buffer.push([fraction as f32, 0.0]),
            DType::Complex128 => buffer.push([fraction, 0.0]),
            // Whole numbers may be indices: 0 and 1 are the safe ones.
            _ => {
                let mut number = [0u8; 8];
                number[0] = u8::from(fraction >= 0.5);
                buffer.extend_from_bytes(&number[..size]);
            }
        }
    }
    Tensor::from_buffer(dtype, shape, buffer.freeze())
}

fn near(together: &Tensor, alone: &Tensor) -> bool {
    if together.shape() != alone.shape() {
        return false;
    }
    if let (Ok(together), Ok(alone)) = (together.strings(), alone.strings()) {
        return together == alone;
    }
    let (a, b) = (numbers(together), numbers(alone));
    let largest = a.iter().filter(|v| v.is_finite()).fold(0.0f64, |most, v| most.max(v.abs()));
    // The last step of a quantised value may fall to either side.
    let step = if together.dtype().is_integer() { 1.0 } else { 0.0 };
    a.iter().zip(&b).all(|(a, b)| {
        let bound = step + RELATIVE * b.abs() + NEAR_ZERO * largest;
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound
    })
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    use landfall_model::Scalar;
    let number = |element| match tensor.scalar(element) {
        Scalar::Float(value) => value,
        Scalar::Int(value) => value as f64,
        Scalar::UInt(value) => value as f64,
        Scalar::Bool(value) => f64::from(u8::from(value)),
        Scalar::Bytes(_) => 0.0,
    };
    (0..tensor.len()).map(number).collect()
}
