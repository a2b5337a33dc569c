//! Typed arrays, and how they are built.

use crate::{
    Bitmap, Buffer, BufferMut, DType, Element, Kind, NullRule, Problem, Reason, Scalar, Shape, Strings,
    StringsMut,
};
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
struct Marks {
    missing: Bitmap,
    invalid: Vec<Invalid>,
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

    fn with_marks(mut self, marks: Marks) -> Self {
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
            DType::F32 => self.plain.push(float()? as f32),
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

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        assert!(Tensor::from_slice(&[2, 2], &[1.0f32; 3]).is_err());
        assert!(Tensor::from_buffer(DType::F32, Shape::new(&[usize::MAX, 2]), Buffer::default()).is_err());
    }
}
