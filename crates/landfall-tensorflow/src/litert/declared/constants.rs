//! Constants: where their bytes lie, and whether they are what their tensors say.

use super::tensor::{STRING, dtype};
use crate::litert::flatbuffer::Table;
use crate::litert::strings::Packed;
use landfall_model::Problem;

/// The constants' bytes, by buffer; empty for a buffer that holds none.
pub(super) fn buffers<'a>(model: Table<'a>) -> Result<Vec<&'a [u8]>, Problem> {
    let file = model.file();
    let each = |buffer: Result<Table<'a>, Problem>| {
        let buffer = buffer?;
        let inside = buffer.vector(0, 1)?.map_or(Ok(&[][..]), |vector| vector.bytes())?;
        // Files beyond 2 GiB keep constants behind the flatbuffer; an offset of 1 or less means none.
        match (buffer.u64(1)?, buffer.u64(2)?) {
            (0 | 1, _) => Ok(inside),
            (offset, size) => {
                let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                file.bytes(place(offset), place(size), 1)
            }
        }
    };
    model.tables(4)?.map(each).collect()
}

/// Holds a tensor's shape and constant against each other.
pub(super) fn check_constant(tensor: Table<'_>, buffers: &[&[u8]]) -> Result<(), Problem> {
    let file = tensor.file();
    let malformed = |what: String| Err(file.malformed(tensor.at(), what));
    let shape = tensor.i32s(0)?;
    if shape.iter().any(|&dim| dim < -1) {
        return malformed(format!("a tensor of shape {shape:?}"));
    }
    let index = tensor.u32(2)? as usize;
    let constant = match (index, buffers.get(index)) {
        (_, Some(constant)) => *constant,
        (0, None) => &[],
        (_, None) => {
            return malformed(format!("buffer {index} is named, and the file has {}", buffers.len()));
        }
    };
    if constant.is_empty() {
        return Ok(());
    }
    let elements = shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(usize::try_from(dim).ok()?));
    let number = tensor.u8(1)?;
    // Sparse constants hold fewer elements than their shape; LiteRT holds them against their own index.
    if tensor.table(6)?.is_some() {
        return Ok(());
    }
    match (number, dtype(number)) {
        (STRING, _) => strings(tensor, constant),
        (_, Ok(dtype)) => {
            let wanted = elements.and_then(|n| n.checked_mul(dtype.size().unwrap_or(1)));
            // A scalar's shape may be left out, and one element be there all the same.
            match wanted == Some(constant.len()) {
                true => Ok(()),
                false => malformed(format!(
                    "a constant of {} bytes for {dtype} of shape {shape:?}",
                    constant.len()
                )),
            }
        }
        (_, Err(_)) => Ok(()),
    }
}

/// A constant of strings.
fn strings(tensor: Table<'_>, constant: &[u8]) -> Result<(), Problem> {
    let malformed = || tensor.file().malformed(tensor.at(), "strings that do not lie within their constant");
    let packed = Packed::read(constant).ok_or_else(malformed)?;
    tensor.file().spend(packed.len())?;
    match packed.iter().all(|value| value.is_some()) {
        true => Ok(()),
        false => Err(malformed()),
    }
}
