//! Typed arrays.

use crate::{Bitmap, Buffer, DType, Element, NullRule, Problem, Scalar, Shape, Strings, TensorMut};
use half::{bf16, f16};
use std::ops::Range;
use std::sync::Arc;

/// A typed array with a shape; cheap to clone, since the elements are shared.
///
/// Elements lie row-major. A value may be marked missing, or invalid with the text that it came as, where the input it
/// is for allows that; the element itself is then zero or empty.
#[derive(Clone, Debug)]
pub struct Tensor {
    dtype: DType,
    shape: Shape,
    data: Data,
    marks: Option<Arc<Marks>>,
}

#[derive(Clone, Debug)]
enum Data {
    Plain(Buffer),
    Strings(Strings),
}

/// The states beside "a value"; by element, from the start of the tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Marks {
    pub(crate) missing: Bitmap,
    pub(crate) invalid: Vec<Invalid>,
}

/// A value that is none of its type's: where, and as what it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Index of the element.
    pub element: usize,
    /// The value as it came.
    pub text: Box<[u8]>,
}

impl Tensor {
    /// A tensor of a Rust type's elements, copied.
    ///
    /// # Errors
    /// Invalid argument, when the number of values is not the shape's.
    pub fn from_slice<T: Element>(shape: &[usize], values: &[T]) -> Result<Self, Problem> {
        Tensor::from_buffer(T::DTYPE, Shape::new(shape), Buffer::copy_of(bytemuck::cast_slice(values)))
    }

    /// A tensor over existing bytes: little-endian, row-major, aligned as the element type asks (else they are copied
    /// once).
    ///
    /// # Errors
    /// Invalid argument, when the length is not the shape's, or for strings.
    pub fn from_buffer(dtype: DType, shape: Shape, buffer: Buffer) -> Result<Self, Problem> {
        let size = dtype.size().ok_or_else(|| Problem::internal("strings do not lie in a plain buffer"))?;
        let expected = shape.elements()?.checked_mul(size);
        if expected != Some(buffer.len()) {
            return Err(Problem::invalid(format!(
                "{dtype} of shape {shape} takes {} bytes, {} came",
                expected.map_or_else(|| "too many".to_owned(), |n| n.to_string()),
                buffer.len()
            )));
        }
        Ok(Tensor { dtype, shape, data: Data::Plain(buffer.aligned(size)), marks: None })
    }

    /// A tensor of strings.
    ///
    /// # Errors
    /// Invalid argument, when the number of strings is not the shape's.
    pub fn from_strings(shape: Shape, strings: Strings) -> Result<Self, Problem> {
        if shape.elements()? != strings.len() {
            return Err(Problem::invalid(format!(
                "shape {shape} takes {} strings, {} came",
                shape.elements()?,
                strings.len()
            )));
        }
        Ok(Tensor { dtype: DType::String, shape, data: Data::Strings(strings), marks: None })
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Length of each axis.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.data {
            Data::Strings(strings) => strings.len(),
            Data::Plain(buffer) => buffer.len() / self.dtype.size().unwrap_or(1),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as a Rust type's.
    ///
    /// # Errors
    /// Internal, when the tensor is of another type: types are checked where a call is made.
    #[inline]
    pub fn values<T: Element>(&self) -> Result<&[T], Problem> {
        match &self.data {
            Data::Plain(buffer) if self.dtype == T::DTYPE => Ok(bytemuck::cast_slice(buffer.bytes())),
            _ => Err(Problem::internal(format!("a {} tensor was read as {}", self.dtype, T::DTYPE))),
        }
    }

    /// The elements of a `bool` tensor: 0 is false, all else true.
    ///
    /// # Errors
    /// Internal, when the tensor is of another type.
    pub fn bools(&self) -> Result<&[u8], Problem> {
        match &self.data {
            Data::Plain(buffer) if self.dtype == DType::Bool => Ok(buffer.bytes()),
            _ => Err(Problem::internal(format!("a {} tensor was read as bool", self.dtype))),
        }
    }

    /// The elements of a string tensor.
    ///
    /// # Errors
    /// Internal, when the tensor is of another type.
    pub fn strings(&self) -> Result<&Strings, Problem> {
        match &self.data {
            Data::Strings(strings) => Ok(strings),
            Data::Plain(_) => Err(Problem::internal(format!("a {} tensor was read as string", self.dtype))),
        }
    }

    /// The bytes of all elements, little-endian and row-major; `None` for strings.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.buffer().map(Buffer::bytes)
    }

    /// The shared bytes; `None` for strings.
    pub fn buffer(&self) -> Option<&Buffer> {
        match &self.data {
            Data::Plain(buffer) => Some(buffer),
            Data::Strings(_) => None,
        }
    }

    /// Bytes that the elements take, offsets of strings left out.
    pub fn bytes_total(&self) -> usize {
        match &self.data {
            Data::Plain(buffer) => buffer.len(),
            Data::Strings(strings) => strings.bytes_total(),
        }
    }

    /// One element as a scalar (complex numbers: as their text).
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn scalar(&self, index: usize) -> Scalar {
        let buffer = match &self.data {
            Data::Strings(strings) => return Scalar::Bytes(strings.get(index).to_vec()),
            Data::Plain(buffer) => buffer,
        };
        let size = self.dtype.size().unwrap_or(1);
        let bytes = &buffer.bytes()[index * size..(index + 1) * size];
        fn read<T: Element>(bytes: &[u8]) -> T {
            bytemuck::pod_read_unaligned(bytes)
        }
        match self.dtype {
            DType::Bool => Scalar::Bool(bytes[0] != 0),
            DType::U8 => Scalar::UInt(bytes[0].into()),
            DType::U16 => Scalar::UInt(read::<u16>(bytes).into()),
            DType::U32 => Scalar::UInt(read::<u32>(bytes).into()),
            DType::U64 => Scalar::UInt(read::<u64>(bytes)),
            DType::I8 => Scalar::Int(read::<i8>(bytes).into()),
            DType::I16 => Scalar::Int(read::<i16>(bytes).into()),
            DType::I32 => Scalar::Int(read::<i32>(bytes).into()),
            DType::I64 => Scalar::Int(read::<i64>(bytes)),
            DType::F16 => Scalar::Float(read::<f16>(bytes).to_f64()),
            DType::BF16 => Scalar::Float(read::<bf16>(bytes).to_f64()),
            DType::F32 => Scalar::Float(read::<f32>(bytes).into()),
            DType::F64 => Scalar::Float(read::<f64>(bytes)),
            DType::Complex64 => {
                let [re, im] = read::<[f32; 2]>(bytes);
                Scalar::Bytes(format!("{re}{im:+}j").into_bytes())
            }
            DType::Complex128 => {
                let [re, im] = read::<[f64; 2]>(bytes);
                Scalar::Bytes(format!("{re}{im:+}j").into_bytes())
            }
            DType::String => Scalar::Bytes(bytes.to_vec()),
        }
    }

    /// Whole numbers as their decimal text, truth values as `1` and `0`. What is missing stays so.
    ///
    /// # Errors
    /// Internal, for elements of another kind.
    pub fn integers_as_text(&self) -> Result<Self, Problem> {
        let mut texts = TensorMut::with_capacity(DType::String, self.len());
        for element in 0..self.len() {
            match self.scalar(element) {
                _ if self.is_missing(element) => texts.push_missing(&NullRule::Accept, "", 0)?,
                Scalar::Int(number) => texts.push_str(number.to_string().as_bytes()),
                Scalar::UInt(number) => texts.push_str(number.to_string().as_bytes()),
                Scalar::Bool(truth) => texts.push_str(if truth { b"1" } else { b"0" }),
                Scalar::Float(_) | Scalar::Bytes(_) => {
                    return Err(Problem::internal(format!("{} as decimal text", self.dtype)));
                }
            }
        }
        texts.freeze(self.shape.clone())
    }

    /// Whether the element is marked missing.
    #[inline]
    pub fn is_missing(&self, element: usize) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.missing.get(element))
    }

    /// Which elements are missing; `None` when none is.
    pub fn missing(&self) -> Option<&Bitmap> {
        self.marks.as_ref().map(|marks| &marks.missing).filter(|missing| missing.any())
    }

    /// The invalid elements, ascending, each with the text that it came as.
    pub fn invalid(&self) -> &[Invalid] {
        self.marks.as_ref().map_or(&[], |marks| &marks.invalid)
    }

    /// The same tensor with these elements marked missing.
    #[must_use]
    pub fn with_missing(self, missing: Bitmap) -> Self {
        let invalid = self.invalid().to_vec();
        self.with_marks(Marks { missing, invalid })
    }

    /// The same tensor with these elements, ascending, marked invalid.
    #[must_use]
    pub fn with_invalid(self, invalid: Vec<Invalid>) -> Self {
        let missing = self.marks.as_ref().map_or_else(Bitmap::default, |marks| marks.missing.clone());
        self.with_marks(Marks { missing, invalid })
    }

    /// The rows `range` along axis 0, sharing the elements.
    ///
    /// # Panics
    /// When the tensor is a scalar, or `range` is not within axis 0.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.shape[0], "rows {range:?} of {}", self.shape);
        let width = self.row_elements();
        let elements = range.start * width..range.end * width;
        let data = match &self.data {
            Data::Plain(buffer) => {
                let size = self.dtype.size().unwrap_or(1);
                Data::Plain(buffer.slice(elements.start * size..elements.end * size))
            }
            Data::Strings(strings) => Data::Strings(strings.slice(elements.clone())),
        };
        let tensor =
            Tensor { dtype: self.dtype, shape: self.shape.with_rows(range.len()), data, marks: None };
        match &self.marks {
            None => tensor,
            Some(marks) => tensor.with_marks(marks.slice(elements)),
        }
    }

    /// Elements of one row: the product of all axes but the first; 1 for a scalar.
    pub fn row_elements(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// Invalid argument, when the shape has another number of elements.
    pub fn reshaped(self, shape: Shape) -> Result<Self, Problem> {
        if shape.elements()? != self.len() {
            return Err(Problem::invalid(format!("shape {} cannot become {shape}", self.shape)));
        }
        Ok(Tensor { shape, ..self })
    }

    pub(crate) fn with_marks(mut self, marks: Marks) -> Self {
        self.marks = (marks.missing.any() || !marks.invalid.is_empty()).then(|| Arc::new(marks));
        self
    }
}

/// Equal type, shape, marks and bytes: NaN equals NaN of the same bits.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        let same_data = match (&self.data, &other.data) {
            (Data::Plain(a), Data::Plain(b)) => a.bytes() == b.bytes(),
            (Data::Strings(a), Data::Strings(b)) => a == b,
            _ => false,
        };
        let missing = |t: &Tensor| t.missing().map(|bits| bits.ones().collect::<Vec<_>>());
        self.dtype == other.dtype
            && self.shape == other.shape
            && same_data
            && missing(self) == missing(other)
            && self.invalid() == other.invalid()
    }
}

impl Marks {
    fn slice(&self, elements: Range<usize>) -> Marks {
        let shifted =
            |invalid: &Invalid| Invalid { element: invalid.element - elements.start, ..invalid.clone() };
        Marks {
            missing: self.missing.slice(elements.clone()),
            invalid: self.invalid.iter().filter(|i| elements.contains(&i.element)).map(shifted).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_share_the_buffer_and_keep_their_marks() {
        let mut builder = TensorMut::new(DType::F64);
        builder.push(1.0f64);
        builder.push_missing(&NullRule::Accept, "x", 1).unwrap();
        builder.push_invalid(b"n/a");
        builder.push(4.0f64);
        let tensor = builder.freeze(Shape::new(&[4])).unwrap();
        let part = tensor.rows(1..3);
        assert!(part.is_missing(0) && !part.is_missing(1));
        assert_eq!(part.invalid(), [Invalid { element: 1, text: (*b"n/a").into() }]);
        assert_eq!(part.bytes().unwrap().as_ptr(), tensor.bytes().unwrap()[8..].as_ptr());
        assert_eq!(tensor.rows(3..4).missing(), None);
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        assert!(Tensor::from_slice(&[2, 2], &[1.0f32; 3]).is_err());
        assert!(Tensor::from_buffer(DType::F32, Shape::new(&[usize::MAX, 2]), Buffer::default()).is_err());
    }
}
