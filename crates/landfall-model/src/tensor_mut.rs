//! Typed arrays under construction.

use crate::tensor::Marks;
use crate::{
    Bitmap, BufferMut, DType, Element, Invalid, Kind, NullRule, Problem, Reason, Scalar, Shape, StringsMut,
    Tensor,
};
use half::{bf16, f16};

/// A tensor under construction: elements are appended, the shape is given at the end.
#[derive(Default)]
pub struct TensorMut {
    dtype: Option<DType>,
    plain: BufferMut,
    strings: StringsMut,
    marks: Marks,
}

impl TensorMut {
    /// An empty tensor of a type.
    pub fn new(dtype: DType) -> Self {
        TensorMut { dtype: Some(dtype), ..TensorMut::default() }
    }

    /// An empty tensor with room for some elements. For sizes that are known, never for sizes that a peer declared.
    pub fn with_capacity(dtype: DType, elements: usize) -> Self {
        let plain = BufferMut::with_capacity(dtype.size().unwrap_or(0) * elements);
        TensorMut { dtype: Some(dtype), plain, ..TensorMut::default() }
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype.unwrap_or(DType::U8)
    }

    /// Elements so far.
    #[inline]
    pub fn len(&self) -> usize {
        match self.dtype().size() {
            Some(size) => self.plain.len() / size,
            None => self.strings.len(),
        }
    }

    /// Whether there are no elements yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The plain elements' bytes, to append many at once: whole elements of this tensor's type, little-endian.
    pub fn plain_mut(&mut self) -> &mut BufferMut {
        &mut self.plain
    }

    /// The strings, to append to.
    pub fn strings_mut(&mut self) -> &mut StringsMut {
        &mut self.strings
    }

    /// Appends an element.
    ///
    /// # Panics
    /// When the tensor is of another type: a decoder chooses the method by [`TensorMut::dtype`].
    #[inline]
    pub fn push<T: Element>(&mut self, value: T) {
        assert!(self.dtype() == T::DTYPE, "a {} pushed to a {} tensor", T::DTYPE, self.dtype());
        self.plain.push(value);
    }

    /// Appends a `bool`.
    ///
    /// # Panics
    /// When the tensor is of another type.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        assert!(self.dtype() == DType::Bool, "a bool pushed to a {} tensor", self.dtype());
        self.plain.push(u8::from(value));
    }

    /// Appends a string.
    ///
    /// # Panics
    /// When the tensor is of another type.
    #[inline]
    pub fn push_str(&mut self, value: &[u8]) {
        assert!(self.dtype() == DType::String, "a string pushed to a {} tensor", self.dtype());
        self.strings.push(value);
    }

    /// Appends a scalar: integers are checked to fit, floats are rounded to this type, text and numbers never turn into
    /// each other.
    ///
    /// # Errors
    /// Invalid argument, saying what was expected and what came.
    pub fn push_scalar(&mut self, value: &Scalar) -> Result<(), Problem> {
        let misfit = || Problem::invalid(format!("expected {}, found {value}", self.dtype()));
        let integer = || match value {
            Scalar::Int(v) => Ok(i128::from(*v)),
            Scalar::UInt(v) => Ok(i128::from(*v)),
            Scalar::Float(v) if v.fract() == 0.0 && v.abs() < 2f64.powi(64) => Ok(*v as i128),
            _ => Err(misfit()),
        };
        let float = || match value {
            Scalar::Int(v) => Ok(*v as f64),
            Scalar::UInt(v) => Ok(*v as f64),
            Scalar::Float(v) => Ok(*v),
            _ => Err(misfit()),
        };
        macro_rules! whole {
            ($t:ty) => {
                <$t>::try_from(integer()?).map_err(|_| misfit())?
            };
        }
        match self.dtype() {
            DType::Bool => match value {
                Scalar::Bool(v) => self.push_bool(*v),
                _ => return Err(misfit()),
            },
            DType::U8 => self.plain.push(whole!(u8)),
            DType::U16 => self.plain.push(whole!(u16)),
            DType::U32 => self.plain.push(whole!(u32)),
            DType::U64 => self.plain.push(whole!(u64)),
            DType::I8 => self.plain.push(whole!(i8)),
            DType::I16 => self.plain.push(whole!(i16)),
            DType::I32 => self.plain.push(whole!(i32)),
            DType::I64 => self.plain.push(whole!(i64)),
            DType::F16 => self.plain.push(f16::from_f64(float()?)),
            DType::BF16 => self.plain.push(bf16::from_f64(float()?)),
            // In one rounding, not by way of double precision.
            DType::F32 => self.plain.push(match value {
                Scalar::Int(v) => *v as f32,
                Scalar::UInt(v) => *v as f32,
                _ => float()? as f32,
            }),
            DType::F64 => self.plain.push(float()?),
            DType::Complex64 => self.plain.push([float()? as f32, 0.0]),
            DType::Complex128 => self.plain.push([float()?, 0.0]),
            DType::String => match value {
                Scalar::Bytes(bytes) => self.strings.push(bytes),
                _ => return Err(misfit()),
            },
        }
        Ok(())
    }

    /// Appends a missing value as the input's rule has it. `input` and `row` are for the error.
    ///
    /// # Errors
    /// [`Reason::ValueMissing`], when the rule is to refuse; invalid argument, when the rule does not fit the type.
    pub fn push_missing(&mut self, rule: &NullRule, input: &str, row: usize) -> Result<(), Problem> {
        match rule {
            NullRule::Refuse => Err(Problem::new(Reason::ValueMissing { input: input.to_owned(), row })),
            NullRule::Zero => {
                self.push_zero();
                Ok(())
            }
            NullRule::Nan if self.dtype().is_float() => self.push_scalar(&Scalar::Float(f64::NAN)),
            NullRule::Nan => Err(Problem::worded(
                Kind::InvalidArgument,
                format!(
                    "input {input:?}: the rule for missing values is nan, but the type is {}",
                    self.dtype()
                ),
            )),
            NullRule::Default(value) => {
                self.push_scalar(value).map_err(|p| p.at(format!("default of input {input:?}")))
            }
            NullRule::Accept => {
                self.push_zero();
                self.mark_missing();
                Ok(())
            }
        }
    }

    /// Appends an invalid value with the text that it came as.
    pub fn push_invalid(&mut self, text: &[u8]) {
        self.push_zero();
        self.marks.invalid.push(Invalid { element: self.len() - 1, text: text.into() });
    }

    /// Shortens to `elements`; does nothing when it is shorter already.
    pub fn truncate(&mut self, elements: usize) {
        match self.dtype().size() {
            Some(size) => self.plain.truncate(elements * size),
            None => self.strings.truncate(elements),
        }
        self.marks.invalid.retain(|invalid| invalid.element < elements);
        if self.marks.missing.len() > elements {
            self.marks.missing = self.marks.missing.slice(0..elements);
        }
    }

    /// Gives it a shape and makes it immutable, without a copy.
    ///
    /// # Errors
    /// Invalid argument, when the number of elements is not the shape's.
    pub fn freeze(self, shape: Shape) -> Result<Tensor, Problem> {
        let dtype = self.dtype();
        let tensor = match dtype {
            DType::String => Tensor::from_strings(shape, self.strings.freeze())?,
            _ => Tensor::from_buffer(dtype, shape, self.plain.freeze())?,
        };
        Ok(tensor.with_marks(self.marks))
    }

    /// Takes over the marks of a tensor whose elements were just appended, from element `start` on.
    pub(crate) fn copy_marks(&mut self, start: usize, tensor: &Tensor) {
        for element in tensor.missing().into_iter().flat_map(Bitmap::ones) {
            while self.marks.missing.len() < start + element {
                self.marks.missing.push(false);
            }
            self.marks.missing.push(true);
        }
        let shift =
            |invalid: &Invalid| Invalid { element: start + invalid.element, text: invalid.text.clone() };
        self.marks.invalid.extend(tensor.invalid().iter().map(shift));
    }

    fn push_zero(&mut self) {
        match self.dtype().size() {
            Some(size) => self.plain.extend_from_bytes(&[0u8; 16][..size]),
            None => self.strings.push(b""),
        }
    }

    fn mark_missing(&mut self) {
        let element = self.len() - 1;
        while self.marks.missing.len() < element {
            self.marks.missing.push(false);
        }
        self.marks.missing.push(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_takes_and_gives_back_a_scalar() {
        for dtype in DType::ALL {
            let scalar = match dtype {
                DType::Bool => Scalar::Bool(true),
                DType::String => Scalar::Bytes(b"a\0b".to_vec()),
                d if d.is_float() => Scalar::Float(1.5),
                DType::Complex64 | DType::Complex128 => Scalar::Float(2.0),
                DType::U8 | DType::U16 | DType::U32 | DType::U64 => Scalar::UInt(200),
                _ => Scalar::Int(-7),
            };
            let mut builder = TensorMut::new(dtype);
            builder.push_scalar(&scalar).unwrap();
            let tensor = builder.freeze(Shape::new(&[])).unwrap();
            match dtype {
                DType::Complex64 | DType::Complex128 => {
                    assert_eq!(tensor.scalar(0), Scalar::Bytes(b"2+0j".to_vec()))
                }
                _ => assert_eq!(tensor.scalar(0), scalar, "{dtype}"),
            }
        }
    }

    #[test]
    fn integers_never_wrap_and_text_is_no_number() {
        let mut bytes = TensorMut::new(DType::I8);
        assert!(bytes.push_scalar(&Scalar::Int(300)).is_err());
        assert!(bytes.push_scalar(&Scalar::Float(1.5)).is_err());
        assert!(bytes.push_scalar(&Scalar::Bytes(b"1".to_vec())).is_err());
        assert!(bytes.is_empty(), "what is refused leaves nothing behind");
    }

    #[test]
    fn missing_values_follow_the_rule() {
        let mut ids = TensorMut::new(DType::I64);
        let refused = ids.push_missing(&NullRule::Refuse, "ids", 7).unwrap_err();
        assert_eq!(*refused.reason(), Reason::ValueMissing { input: "ids".into(), row: 7 });
        assert!(ids.push_missing(&NullRule::Nan, "ids", 0).is_err(), "an integer cannot be NaN");
        ids.push_missing(&NullRule::Default(Scalar::Int(5)), "ids", 0).unwrap();
        ids.push_missing(&NullRule::Zero, "ids", 1).unwrap();
        assert_eq!(ids.freeze(Shape::new(&[2])).unwrap().values::<i64>().unwrap(), [5, 0]);
    }
}
