//! Numbers as text: the shortest digits that read back as the same number.

use half::{bf16, f16};
use landfall_model::{DType, Problem, Strings, Tensor};

/// A tensor's elements by type, so that a loop over them looks at the type once.
pub(crate) enum Values<'a> {
    Bool(&'a [u8]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    F16(&'a [f16]),
    BF16(&'a [bf16]),
    F32(&'a [f32]),
    F64(&'a [f64]),
    Strings(&'a Strings),
}

impl<'a> Values<'a> {
    /// # Errors
    /// Unimplemented, for complex numbers.
    pub(crate) fn of(tensor: &'a Tensor) -> Result<Self, Problem> {
        Ok(match tensor.dtype() {
            DType::Bool => Values::Bool(tensor.bools()?),
            DType::U8 => Values::U8(tensor.values()?),
            DType::U16 => Values::U16(tensor.values()?),
            DType::U32 => Values::U32(tensor.values()?),
            DType::U64 => Values::U64(tensor.values()?),
            DType::I8 => Values::I8(tensor.values()?),
            DType::I16 => Values::I16(tensor.values()?),
            DType::I32 => Values::I32(tensor.values()?),
            DType::I64 => Values::I64(tensor.values()?),
            DType::F16 => Values::F16(tensor.values()?),
            DType::BF16 => Values::BF16(tensor.values()?),
            DType::F32 => Values::F32(tensor.values()?),
            DType::F64 => Values::F64(tensor.values()?),
            DType::String => Values::Strings(tensor.strings()?),
            DType::Complex64 | DType::Complex128 => {
                return Err(Problem::unsupported("complex numbers in this format", "write NPY or NPZ"));
            }
        })
    }

    /// The value, when it is NaN or infinite.
    #[inline]
    pub(crate) fn not_finite(&self, at: usize) -> Option<f64> {
        let value = match self {
            Values::F16(values) => values[at].to_f64(),
            Values::BF16(values) => values[at].to_f64(),
            Values::F32(values) => f64::from(values[at]),
            Values::F64(values) => values[at],
            _ => return None,
        };
        (!value.is_finite()).then_some(value)
    }
}

/// Appends a finite number: integers plain, floats as `1.0`, `1e-7`, `0.1` (half precisions by their own digits: what
/// reads back as the same half). Booleans as `true` and `false`; strings as they are.
#[inline]
pub(crate) fn push_number(values: &Values<'_>, at: usize, out: &mut Vec<u8>) {
    match values {
        Values::Bool(values) => out.extend_from_slice(if values[at] != 0 { b"true" } else { b"false" }),
        Values::U8(values) => push_integer(values[at], out),
        Values::U16(values) => push_integer(values[at], out),
        Values::U32(values) => push_integer(values[at], out),
        Values::U64(values) => push_integer(values[at], out),
        Values::I8(values) => push_integer(values[at], out),
        Values::I16(values) => push_integer(values[at], out),
        Values::I32(values) => push_integer(values[at], out),
        Values::I64(values) => push_integer(values[at], out),
        Values::F16(values) => push_float(f32::from(values[at]), out),
        Values::BF16(values) => push_float(f32::from(values[at]), out),
        Values::F32(values) => push_float(values[at], out),
        Values::F64(values) => push_float(values[at], out),
        Values::Strings(strings) => out.extend_from_slice(strings.get(at)),
    }
}

#[inline]
fn push_float<F: zmij::Float>(value: F, out: &mut Vec<u8>) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
}

#[inline]
fn push_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short_and_read_back() {
        let write = |tensor: Tensor| {
            let values = Values::of(&tensor).unwrap();
            let mut out = Vec::new();
            for at in 0..tensor.len() {
                push_number(&values, at, &mut out);
                out.push(b' ');
            }
            String::from_utf8(out).unwrap()
        };
        let floats = Tensor::from_slice(&[6], &[1.0f32, 0.1, 1e-7, 16_777_216.0, -0.0, 1e20]).unwrap();
        assert_eq!(write(floats), "1.0 0.1 1e-7 16777216.0 -0.0 1e+20 ");
        assert_eq!(write(Tensor::from_slice(&[3], &[i64::MIN, 0, 7]).unwrap()), "-9223372036854775808 0 7 ");
        assert_eq!(write(Tensor::from_slice(&[1], &[u64::MAX]).unwrap()), "18446744073709551615 ");
    }
}
