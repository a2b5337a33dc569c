//! Numbers of one type as another: floats are rounded, integers are checked.

use half::{bf16, f16};
use landfall_model::{BufferMut, DType, Element, Problem, Shape, Tensor};

/// A number of any source type.
pub(crate) trait Number: Copy {
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    /// `None` for a float that is no whole number, or beyond 127 bits.
    fn to_integer(self) -> Option<i128>;
}

macro_rules! integers {
    ($($t:ty),*) => { $(
        impl Number for $t {
            #[inline]
            fn to_f32(self) -> f32 { self as f32 }
            #[inline]
            fn to_f64(self) -> f64 { self as f64 }
            #[inline]
            fn to_integer(self) -> Option<i128> { Some(i128::from(self)) }
        }
        impl FromNumber for $t {
            #[inline]
            fn from_number<N: Number>(number: N) -> Option<Self> { Self::try_from(number.to_integer()?).ok() }
        }
    )* };
}
integers!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! floats {
    ($($t:ty: $f32:expr, $f64:expr, $from:expr);* $(;)?) => { $(
        impl Number for $t {
            #[inline]
            fn to_f32(self) -> f32 { $f32(self) }
            #[inline]
            fn to_f64(self) -> f64 { $f64(self) }
            #[inline]
            fn to_integer(self) -> Option<i128> {
                let value = self.to_f64();
                (value.fract() == 0.0 && value.abs() < 2f64.powi(127)).then_some(value as i128)
            }
        }
        impl FromNumber for $t {
            #[inline]
            fn from_number<N: Number>(number: N) -> Option<Self> { Some($from(number)) }
        }
    )* };
}
floats! {
    f16: f16::to_f32, f16::to_f64, |n: N| f16::from_f64(n.to_f64());
    bf16: bf16::to_f32, bf16::to_f64, |n: N| bf16::from_f64(n.to_f64());
    f32: std::convert::identity, f64::from, |n: N| n.to_f32();
    f64: |v| v as f32, std::convert::identity, |n: N| n.to_f64();
}

/// A type that numbers are turned into.
pub(crate) trait FromNumber: Element {
    /// `None` where the number does not fit.
    fn from_number<N: Number>(number: N) -> Option<Self>;
}

/// A tensor in another type, and the elements that do not fit it (they are zero there).
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) tensor: Tensor,
    pub(crate) misfits: Vec<usize>,
}

/// Whether values of one type may be brought into another: numbers into numbers, `bool` counts as 0 and 1, text and
/// complex numbers stay what they are.
pub(crate) fn can_cast(from: DType, to: DType) -> bool {
    let plain = |d: DType| d.is_number() || d == DType::Bool;
    from == to || (plain(from) && plain(to))
}

/// Brings a tensor without marks into another type; without a copy where it has the type already.
///
/// # Errors
/// Internal, when the types do not go together: [`can_cast`] is asked when the file is opened.
pub(crate) fn cast(tensor: &Tensor, to: DType) -> Result<Cast, Problem> {
    if tensor.dtype() == to {
        return Ok(Cast { tensor: tensor.clone(), misfits: Vec::new() });
    }
    let (buffer, misfits) = match tensor.dtype() {
        DType::Bool => {
            let truths: Vec<u8> = tensor.bools()?.iter().map(|&b| u8::from(b != 0)).collect();
            cast_values(&truths, to)?
        }
        DType::U8 => cast_values(tensor.values::<u8>()?, to)?,
        DType::U16 => cast_values(tensor.values::<u16>()?, to)?,
        DType::U32 => cast_values(tensor.values::<u32>()?, to)?,
        DType::U64 => cast_values(tensor.values::<u64>()?, to)?,
        DType::I8 => cast_values(tensor.values::<i8>()?, to)?,
        DType::I16 => cast_values(tensor.values::<i16>()?, to)?,
        DType::I32 => cast_values(tensor.values::<i32>()?, to)?,
        DType::I64 => cast_values(tensor.values::<i64>()?, to)?,
        DType::F16 => cast_values(tensor.values::<f16>()?, to)?,
        DType::BF16 => cast_values(tensor.values::<bf16>()?, to)?,
        DType::F32 => cast_values(tensor.values::<f32>()?, to)?,
        DType::F64 => cast_values(tensor.values::<f64>()?, to)?,
        from @ (DType::Complex64 | DType::Complex128 | DType::String) => return Err(no_cast(from, to)),
    };
    let shape = Shape::new(tensor.shape());
    Ok(Cast { tensor: Tensor::from_buffer(to, shape, buffer.freeze())?, misfits })
}

fn no_cast(from: DType, to: DType) -> Problem {
    Problem::internal(format!("{from} values were to become {to}"))
}

fn cast_values<S: Number>(values: &[S], to: DType) -> Result<(BufferMut, Vec<usize>), Problem> {
    match to {
        DType::Bool => {
            let (mut buffer, mut misfits) = into::<S, u8>(values)?;
            for (i, byte) in buffer.bytes_mut().iter_mut().enumerate() {
                if *byte > 1 {
                    *byte = 0;
                    misfits.push(i);
                }
            }
            misfits.sort_unstable();
            Ok((buffer, misfits))
        }
        DType::U8 => into::<S, u8>(values),
        DType::U16 => into::<S, u16>(values),
        DType::U32 => into::<S, u32>(values),
        DType::U64 => into::<S, u64>(values),
        DType::I8 => into::<S, i8>(values),
        DType::I16 => into::<S, i16>(values),
        DType::I32 => into::<S, i32>(values),
        DType::I64 => into::<S, i64>(values),
        DType::F16 => into::<S, f16>(values),
        DType::BF16 => into::<S, bf16>(values),
        DType::F32 => into::<S, f32>(values),
        DType::F64 => into::<S, f64>(values),
        DType::Complex64 | DType::Complex128 | DType::String => {
            Err(Problem::internal(format!("numbers were to become {to}")))
        }
    }
}

/// One loop for each pair of types, so that no value is dispatched on.
fn into<S: Number, T: FromNumber>(values: &[S]) -> Result<(BufferMut, Vec<usize>), Problem> {
    let mut buffer = BufferMut::zeroed(size_of_val(values) / size_of::<S>() * size_of::<T>())?;
    let mut misfits = Vec::new();
    for (i, (slot, &value)) in buffer.values_mut::<T>().iter_mut().zip(values).enumerate() {
        match T::from_number(value) {
            Some(fitting) => *slot = fitting,
            None => misfits.push(i),
        }
    }
    Ok((buffer, misfits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfits<T: Element>(values: &[T], to: DType) -> Vec<usize> {
        cast(&Tensor::from_slice(&[values.len()], values).unwrap(), to).unwrap().misfits
    }

    #[test]
    fn integers_are_checked_and_floats_are_rounded() {
        assert_eq!(misfits(&[1i64, 300, -1], DType::U8), [1, 2]);
        assert_eq!(misfits(&[1.0f64, 1.5, f64::NAN, 1e300], DType::I64), [1, 2, 3]);
        assert_eq!(misfits(&[u64::MAX], DType::I64), [0]);
        assert_eq!(misfits(&[0i64, 1, 2], DType::Bool), [2]);
        let rounded = cast(&Tensor::from_slice(&[1], &[0.1f64]).unwrap(), DType::F32).unwrap();
        assert_eq!(rounded.tensor.values::<f32>().unwrap(), [0.1f32]);
    }

    #[test]
    fn integers_become_floats_in_one_rounding() {
        // 2^60 + 2^36 + 1 lies just above the middle of two float32; by way of float64 it would be rounded down.
        let value = (1i64 << 60) + (1 << 36) + 1;
        let cast = cast(&Tensor::from_slice(&[1], &[value]).unwrap(), DType::F32).unwrap();
        assert_eq!(cast.tensor.values::<f32>().unwrap(), [value as f32]);
        assert_ne!(value as f32, value as f64 as f32);
    }

    #[test]
    fn only_plain_numbers_change_their_type() {
        assert!(can_cast(DType::Bool, DType::F32) && can_cast(DType::U64, DType::Bool));
        assert!(!can_cast(DType::String, DType::F32) && !can_cast(DType::F32, DType::Complex64));
    }
}
