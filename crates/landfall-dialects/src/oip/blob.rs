//! Tensors as raw bytes, in the binary extension and in `raw_input_contents`: little-endian, row-major, no padding; a
//! string is its length in four bytes, then its bytes.
//!
//! Format: Triton's published binary tensor data extension.

use landfall_model::{Buffer, DType, Problem, Shape, Strings, StringsMut, Tensor};
use smallvec::SmallVec;

/// Why bytes are no such tensor, in Triton's words; its sentences about data carry the request's id in front.
pub(super) struct Misfit(pub(super) String);

/// The tensor that `raw` holds. Shares the bytes where they are aligned.
pub(super) fn tensor(
    dtype: DType,
    shape: Shape,
    raw: Buffer,
    input: &str,
    model: &str,
) -> Result<Tensor, Misfit> {
    let elements = elements(dtype, &shape, input)?;
    let Some(size) = dtype.size() else {
        let strings = strings(raw.bytes(), elements, input, model)?;
        return Tensor::from_strings(shape, strings).map_err(|problem| Misfit(problem.to_string()));
    };
    if elements.checked_mul(size) != Some(raw.len()) {
        return Err(size_mismatch(input, model, elements, size, raw.len()));
    }
    Tensor::from_buffer(dtype, shape, raw).map_err(|problem| Misfit(problem.to_string()))
}

/// Number of elements of a declared shape, which must be one that memory could hold.
pub(super) fn elements(dtype: DType, shape: &Shape, input: &str) -> Result<usize, Misfit> {
    let elements = shape.elements().map_err(|_| too_many(input))?;
    match elements.checked_mul(dtype.size().unwrap_or(1)) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(elements),
        _ => Err(Misfit(format!("byte size overflow for input '{input}' of shape {shape}"))),
    }
}

#[cold]
fn too_many(input: &str) -> Misfit {
    Misfit(format!(
        "input '{input}': the shape causes total element count to exceed maximum size of {}",
        isize::MAX
    ))
}

/// Data of another length than the shape asks for.
#[cold]
pub(super) fn size_mismatch(input: &str, model: &str, elements: usize, size: usize, got: usize) -> Misfit {
    let expected = elements as u128 * size as u128;
    Misfit(format!(
        "input byte size mismatch for input '{input}' for model '{model}'. Expected {expected}, got {got}"
    ))
}

fn strings(mut raw: &[u8], elements: usize, input: &str, model: &str) -> Result<Strings, Misfit> {
    let mut strings = StringsMut::new();
    while !raw.is_empty() {
        if strings.len() == elements {
            return Err(string_surplus(raw, elements, input, model));
        }
        let (length, rest) =
            raw.split_first_chunk::<4>().ok_or_else(|| no_length(raw.len(), input, model))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (value, rest) =
            rest.split_at_checked(length).ok_or_else(|| cut_string(length, rest.len(), input))?;
        strings.push(value);
        raw = rest;
    }
    if strings.len() != elements {
        return Err(string_lack(strings.len(), elements, input, model));
    }
    Ok(strings.freeze())
}

#[cold]
fn string_lack(got: usize, elements: usize, input: &str, model: &str) -> Misfit {
    Misfit(format!(
        "expected {elements} string elements for inference input '{input}' for model '{model}', got {got}"
    ))
}

#[cold]
fn string_surplus(rest: &[u8], elements: usize, input: &str, model: &str) -> Misfit {
    let mut count = elements;
    let mut left = rest;
    while let Some((length, after)) = left.split_first_chunk::<4>() {
        count += 1;
        left = after.get(u32::from_le_bytes(*length) as usize..).unwrap_or_default();
    }
    Misfit(format!(
        "unexpected number of string elements {} for inference input '{input}' for model '{model}', expecting {elements}",
        count.max(elements + 1)
    ))
}

#[cold]
fn no_length(left: usize, input: &str, model: &str) -> Misfit {
    Misfit(format!(
        "incomplete string length indicator for inference input '{input}' for model '{model}', expecting 4 bytes but only {left} bytes available"
    ))
}

#[cold]
fn cut_string(length: usize, left: usize, input: &str) -> Misfit {
    Misfit(format!(
        "incomplete string data for inference input '{input}', expecting string of length {length} but only {left} bytes available"
    ))
}

/// Bytes that a tensor takes.
pub(super) fn length(tensor: &Tensor) -> usize {
    match tensor.bytes() {
        Some(plain) => plain.len(),
        None => tensor.bytes_total() + 4 * tensor.len(),
    }
}

/// Appends a tensor's bytes. A missing value is NaN, or the empty string.
///
/// # Errors
/// Internal, when a value of a type that knows no missing one is missing.
pub(super) fn write(tensor: &Tensor, output: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    let Some(plain) = tensor.bytes() else {
        for value in tensor.strings()?.iter() {
            let length = u32::try_from(value.len()).map_err(|_| {
                Problem::internal(format!("output {output:?}: a string of {} bytes", value.len()))
            })?;
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(value);
        }
        return Ok(());
    };
    let start = out.len();
    out.extend_from_slice(plain);
    match tensor.missing() {
        None => Ok(()),
        Some(missing) => {
            let size = tensor.dtype().size().unwrap_or(1);
            let nan = nan(tensor.dtype()).ok_or_else(|| no_missing(tensor.dtype(), output))?;
            for element in missing.ones() {
                out[start + element * size..start + (element + 1) * size].copy_from_slice(&nan);
            }
            Ok(())
        }
    }
}

/// The bytes of NaN.
fn nan(dtype: DType) -> Option<SmallVec<[u8; 8]>> {
    Some(match dtype {
        DType::F16 => SmallVec::from_slice(&half::f16::NAN.to_le_bytes()),
        DType::BF16 => SmallVec::from_slice(&half::bf16::NAN.to_le_bytes()),
        DType::F32 => SmallVec::from_slice(&f32::NAN.to_le_bytes()),
        DType::F64 => SmallVec::from_slice(&f64::NAN.to_le_bytes()),
        _ => return None,
    })
}

#[cold]
fn no_missing(dtype: DType, output: &str) -> Problem {
    Problem::internal(format!("output {output:?}: a value is missing, which {dtype} cannot say"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Bitmap;

    fn read(dtype: DType, dims: &[usize], raw: &[u8]) -> Result<Tensor, String> {
        tensor(dtype, Shape::new(dims), Buffer::copy_of(raw), "X", "m").map_err(|misfit| misfit.0)
    }

    #[test]
    fn strings_read_back_with_any_bytes() {
        let tensor =
            Tensor::from_strings(Shape::new(&[3]), [&b"a\0b"[..], b"", b"\xff"].into_iter().collect())
                .unwrap();
        let mut raw = Vec::new();
        write(&tensor, "o", &mut raw).unwrap();
        assert_eq!(raw.len(), length(&tensor));
        assert_eq!(read(DType::String, &[3], &raw).unwrap(), tensor);
    }

    #[test]
    fn wrong_sizes_are_worded_as_in_triton() {
        // OIP-REST-37
        let table: [(DType, &[usize], &[u8], &str); 8] = [
            (
                DType::F32,
                &[1, 2],
                &[0; 4],
                "input byte size mismatch for input 'X' for model 'm'. Expected 8, got 4",
            ),
            (DType::F32, &[0, 2], &[0; 4], "Expected 0, got 4"),
            (
                DType::String,
                &[4],
                &[0; 8],
                "expected 4 string elements for inference input 'X' for model 'm', got 2",
            ),
            (
                DType::String,
                &[1],
                &[0; 8],
                "unexpected number of string elements 2 for inference input 'X' for model 'm', expecting 1",
            ),
            (DType::String, &[1], &[1, 0, 0], "incomplete string length indicator for inference input 'X'"),
            (
                DType::String,
                &[1],
                &[2, 0, 0, 0, 9],
                "incomplete string data for inference input 'X', expecting string of length 2 but only 1 bytes available",
            ),
            (DType::F32, &[1 << 62, 1], &[0; 4], "byte size overflow for input 'X'"),
            (DType::F64, &[usize::MAX, 8], &[], "exceed maximum size of"),
        ];
        for (dtype, dims, raw, text) in table {
            let found = read(dtype, dims, raw).unwrap_err();
            assert!(found.contains(text), "{found}");
        }
    }

    #[test]
    fn a_missing_value_is_nan_in_binary_and_nothing_else() {
        let mut missing = Bitmap::filled(2, false);
        missing.set(1, true);
        let tensor = Tensor::from_slice(&[2], &[1.0f32, 0.0]).unwrap().with_missing(missing.clone());
        let mut out = Vec::new();
        write(&tensor, "o", &mut out).unwrap();
        assert_eq!(out[..4], 1.0f32.to_le_bytes());
        assert!(f32::from_le_bytes(out[4..].try_into().unwrap()).is_nan());
        let counts = Tensor::from_slice(&[2], &[1i64, 0]).unwrap().with_missing(missing);
        assert!(write(&counts, "o", &mut out).is_err());
    }
}
