//! Tensors over vectors, without a copy.

use landfall_model::{Buffer, DType, Element, Problem, Shape, Tensor};

/// A tensor that takes a vector over.
///
/// # Errors
/// When the number of values is not the shape's.
pub(crate) fn tensor<T: Element>(shape: Shape, values: Vec<T>) -> Result<Tensor, Problem> {
    struct Values<T>(Vec<T>);
    impl<T: Element> AsRef<[u8]> for Values<T> {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }
    Tensor::from_buffer(T::DTYPE, shape, Buffer::from_owner(Values(values)))
}

/// The same for truth values.
///
/// # Errors
/// As [`tensor`].
pub(crate) fn bools(shape: Shape, values: impl Iterator<Item = bool>) -> Result<Tensor, Problem> {
    let bytes: Vec<u8> = values.map(u8::from).collect();
    Tensor::from_buffer(DType::Bool, shape, Buffer::from_owner(bytes))
}

/// Elements of a tensor of any type, by their places, in another shape.
///
/// # Errors
/// A place that is none, or more or fewer places than the shape has elements.
pub(crate) fn taken(from: &Tensor, shape: Shape, places: &[usize]) -> Result<Tensor, Problem> {
    fn each<T: bytemuck::Pod>(bytes: &[u8], places: &[usize]) -> Option<Vec<u8>> {
        let values: &[T] = bytemuck::cast_slice(bytes);
        let mut taken = Vec::with_capacity(size_of::<T>() * places.len());
        for &place in places {
            taken.extend_from_slice(bytemuck::bytes_of(values.get(place)?));
        }
        Some(taken)
    }
    let outside = || Problem::internal(format!("an element outside of shape {}", from.shape()));
    let Some(bytes) = from.bytes() else {
        let strings = from.strings()?;
        if places.iter().any(|&place| place >= strings.len()) {
            return Err(outside());
        }
        return Tensor::from_strings(shape, places.iter().map(|&place| strings.get(place)).collect());
    };
    let taken = match from.dtype().size() {
        Some(1) => each::<u8>(bytes, places),
        Some(2) => each::<u16>(bytes, places),
        Some(4) => each::<u32>(bytes, places),
        Some(8) => each::<u64>(bytes, places),
        _ => None,
    };
    Tensor::from_buffer(from.dtype(), shape, Buffer::from_owner(taken.ok_or_else(outside)?))
}
