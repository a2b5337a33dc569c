//! Tensors that lie within messages: the values that a signature's inputs take where a call leaves them out.
//!
//! Format: `tensor.proto` of `tensorflow/core/framework`. Elements come as bytes (texts as all lengths, then all bytes), or
//! in a field of their type, whose last value stands for all that are missing.

use super::{shape, types};
use landfall_model::protobuf::{Value, varint};
use landfall_model::reader::Reader;
use landfall_model::{BufferMut, DType, Dim, Problem, Shape, Tensor, TensorMut};

/// Elements that a value repeated without end may fill: a few bytes can declare any number.
const REPEATED: usize = 1 << 20;

/// The elements of a message as they lie there.
#[derive(Default)]
struct Elements<'a> {
    /// Whole elements, little-endian.
    content: &'a [u8],
    /// Elements of floating types.
    fixed: Vec<u8>,
    /// Elements of whole numbers, and the bits of those of 16 bits.
    numbers: Vec<u64>,
    texts: Vec<&'a [u8]>,
}

/// The tensor of a message; `None` for a type that no call can carry.
///
/// # Errors
/// Malformed, with the place; invalid argument, when the elements are not those of the shape.
pub(super) fn tensor(value: Value<'_>) -> Result<Option<Tensor>, Problem> {
    let (mut number, mut shape, mut elements) = (0, Some(Vec::new()), Elements::default());
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => number = value.signed()?,
            2 => shape = shape::shape(value)?,
            4 => elements.content = value.bytes()?,
            5 | 9 => value.fixed::<4>(|bytes| elements.fixed.extend_from_slice(bytes))?,
            6 | 12 => value.fixed::<8>(|bytes| elements.fixed.extend_from_slice(bytes))?,
            7 | 10 | 11 | 13 | 16 | 17 => value.varints(|number| elements.numbers.push(number))?,
            8 => elements.texts.push(value.bytes()?),
            _ => {}
        }
    }
    let Some(dtype) = types::dtype(number) else { return Ok(None) };
    let known = |dim: &Dim| match dim {
        Dim::Known(length) => Some(*length),
        Dim::Free(_) => None,
    };
    let shape: Option<Shape> = shape.and_then(|dims| dims.iter().map(known).collect());
    let shape = shape.ok_or_else(|| Problem::invalid("a tensor without a shape"))?;
    elements.tensor(dtype, shape).map(Some)
}

impl Elements<'_> {
    fn tensor(&self, dtype: DType, shape: Shape) -> Result<Tensor, Problem> {
        let count = shape.elements()?;
        let mut tensor = TensorMut::new(dtype);
        match dtype.size() {
            None if self.content.is_empty() => self.texts.iter().for_each(|text| tensor.push_str(text)),
            None => texts(self.content, count)?.iter().for_each(|text| tensor.push_str(text)),
            Some(width) if self.content.is_empty() => self.values(width, tensor.plain_mut()),
            Some(width) if count.checked_mul(width) == Some(self.content.len()) => {
                tensor.plain_mut().extend_from_bytes(self.content);
            }
            Some(_) => {
                let bytes = self.content.len();
                return Err(Problem::invalid(format!("{bytes} bytes stand for {count} elements of {dtype}")));
            }
        }
        if tensor.len() < count {
            self.repeat_the_last(&mut tensor, count)?;
        }
        tensor.truncate(count);
        tensor.freeze(shape)
    }

    /// The values of the fields of their types, whole elements alone; numbers by their low bytes.
    fn values(&self, width: usize, into: &mut BufferMut) {
        if self.numbers.is_empty() {
            let whole = self.fixed.len() / width * width;
            return into.extend_from_bytes(&self.fixed[..whole]);
        }
        self.numbers.iter().for_each(|number| into.extend_from_bytes(&number.to_le_bytes()[..width.min(8)]));
    }

    /// The last element stands for all that are missing; where there is none, zero and the empty text do.
    fn repeat_the_last(&self, tensor: &mut TensorMut, count: usize) -> Result<(), Problem> {
        if count > REPEATED {
            return Err(Problem::invalid(format!("{} elements stand for {count}", tensor.len())));
        }
        let missing = count - tensor.len();
        let Some(width) = tensor.dtype().size() else {
            let last = self.texts.last().copied().unwrap_or_default();
            (0..missing).for_each(|_| tensor.push_str(last));
            return Ok(());
        };
        let bytes = tensor.plain_mut();
        let last = match bytes.len().checked_sub(width).and_then(|at| bytes.bytes().get(at..)) {
            Some(last) => last.to_vec(),
            None => vec![0; width],
        };
        (0..missing).for_each(|_| bytes.extend_from_bytes(&last));
        Ok(())
    }
}

/// Texts as bytes: the lengths of all, then the bytes of all.
fn texts(content: &[u8], count: usize) -> Result<Vec<&[u8]>, Problem> {
    let mut reader = Reader::new("tensor_content", content);
    // Each takes at least the byte of its length.
    if count > content.len() {
        return Err(reader.malformed(format!("{count} texts are announced")));
    }
    let lengths = (0..count).map(|_| varint(&mut reader)).collect::<Result<Vec<u64>, _>>()?;
    let mut take = |length: u64| reader.take(usize::try_from(length).unwrap_or(usize::MAX));
    let texts = lengths.into_iter().map(&mut take).collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::protobuf::Fields;

    /// The tensor of a message's bytes.
    fn of(message: &[u8]) -> Result<Option<Tensor>, Problem> {
        let whole = [&[0x0a, u8::try_from(message.len()).unwrap()][..], message].concat();
        let (_, value) = Fields::new("test", &whole).next().unwrap().unwrap();
        tensor(value)
    }

    /// A shape of one axis, as a field.
    fn axis(length: u8) -> [u8; 6] {
        [0x12, 4, 0x12, 2, 0x08, length]
    }

    #[test]
    fn elements_come_as_bytes_or_one_by_one_and_the_last_one_is_repeated() {
        let mut float = vec![0x08, 1];
        float.extend(axis(3));
        float.extend([0x2a, 8]);
        float.extend([1.5f32, 2.5].iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(of(&float).unwrap().unwrap(), Tensor::from_slice(&[3], &[1.5f32, 2.5, 2.5]).unwrap());
        // A scalar of int32, in its field: -2.
        let minus_two = [&[0x08, 3, 0x38, 0xfe][..], &[0xff; 8], &[1]].concat();
        assert_eq!(of(&minus_two).unwrap().unwrap(), Tensor::from_slice(&[], &[-2i32]).unwrap());
        let content = [&[0x08, 17][..], &axis(2), &[0x22, 4, 1, 0, 2, 0]].concat();
        assert_eq!(of(&content).unwrap().unwrap(), Tensor::from_slice(&[2], &[1u16, 2]).unwrap());
        let texts = [&[0x08, 7][..], &axis(2), &[0x42, 1, b'a']].concat();
        let texts = of(&texts).unwrap().unwrap();
        assert_eq!(texts.strings().unwrap().iter().collect::<Vec<_>>(), [b"a", b"a"]);
        let as_bytes = [&[0x08, 7][..], &axis(2), &[0x22, 5, 1, 2, b'a', b'b', b'c']].concat();
        let as_bytes = of(&as_bytes).unwrap().unwrap();
        assert_eq!(as_bytes.strings().unwrap().iter().collect::<Vec<_>>(), [&b"a"[..], b"bc"]);
        let nothing = [&[0x08, 10][..], &axis(2)].concat();
        assert_eq!(of(&nothing).unwrap().unwrap().bools().unwrap(), [0, 0]);
    }

    #[test]
    fn a_few_bytes_do_not_fill_the_memory() {
        let huge = [&[0x08, 1][..], &[0x12, 8, 0x12, 6, 0x08, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(of(&huge).unwrap_err().to_string().contains("stand for"));
        let cut = [&[0x08, 7][..], &axis(2), &[0x22, 3, 1, 9, b'a']].concat();
        assert!(of(&cut).unwrap_err().to_string().contains("tensor_content"));
        let free = [&[0x08, 1][..], &[0x12, 2, 0x18, 1]].concat();
        assert!(of(&free).unwrap_err().to_string().contains("without a shape"));
        assert!(of(&[0x08, 20]).unwrap().is_none(), "a resource is no tensor for a call");
        let odd = [&[0x08, 1][..], &[0x22, 3, 0, 0, 0]].concat();
        assert!(of(&odd).unwrap_err().to_string().contains("3 bytes stand for 1 elements"));
    }
}
