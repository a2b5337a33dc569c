//! An input or output of a file, as its table describes it.

use crate::litert::flatbuffer::Table;
use landfall_model::{DType, Problem};

/// An input or output.
#[derive(Clone, Debug)]
pub(in crate::litert) struct DeclaredTensor {
    pub(in crate::litert) name: String,
    /// The type, or its number where there is no such type here.
    pub(in crate::litert) dtype: Result<DType, u8>,
    /// Lengths of axes as the file was converted with.
    pub(in crate::litert) shape: Vec<i32>,
    /// The same with −1 for axes that may have any length.
    pub(in crate::litert) free_shape: Vec<i32>,
    /// Whether the file says how many axes there are; older ones never do.
    pub(in crate::litert) has_rank: bool,
    /// Scale and zero point of a quantised tensor: value = scale × (number − zero point).
    pub(in crate::litert) quantisation: Option<(f32, i64)>,
}

/// `TensorType` of strings.
pub(super) const STRING: u8 = 5;
/// Axes of a tensor at most; LiteRT's own bound.
const MAX_RANK: usize = 8;

/// A tensor's declaration; under its own name, where none is given.
///
/// # Errors
/// Malformed; unsupported, for more axes than LiteRT takes.
pub(super) fn described(tensor: Table<'_>, name: Option<String>) -> Result<DeclaredTensor, Problem> {
    let shape = tensor.i32s(0)?;
    let own = tensor.i32s(7)?;
    let free_shape = if own.len() == shape.len() { own } else { shape.clone() };
    if shape.len() > MAX_RANK {
        let what = format!("a tensor of {} axes", shape.len());
        return Err(
            Problem::unsupported(what, format!("LiteRT takes {MAX_RANK} at most")).at(tensor.file().name())
        );
    }
    Ok(DeclaredTensor {
        name: name.map_or_else(|| tensor.text(3), Ok)?,
        dtype: dtype(tensor.u8(1)?),
        quantisation: tensor.table(4)?.map_or(Ok(None), quantisation)?,
        has_rank: tensor.u8(8)? != 0,
        shape,
        free_shape,
    })
}

/// Scale and zero point, where there is one of each.
fn quantisation(parameters: Table<'_>) -> Result<Option<(f32, i64)>, Problem> {
    let (Some(scale), Some(zero)) = (parameters.vector(2, 4)?, parameters.vector(3, 8)?) else {
        return Ok(None);
    };
    let (scale, zero) = (scale.bytes()?.as_chunks().0, zero.bytes()?.as_chunks().0);
    match (scale, zero) {
        ([scale], [zero]) => Ok(Some((f32::from_le_bytes(*scale), i64::from_le_bytes(*zero)))),
        _ => Ok(None),
    }
}

/// The element type of a `TensorType`; its number where there is none here.
pub(super) fn dtype(number: u8) -> Result<DType, u8> {
    Ok(match number {
        0 => DType::F32,
        1 => DType::F16,
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I64,
        STRING => DType::String,
        6 => DType::Bool,
        7 => DType::I16,
        8 => DType::Complex64,
        9 => DType::I8,
        10 => DType::F64,
        11 => DType::Complex128,
        12 => DType::U64,
        15 => DType::U32,
        16 => DType::U16,
        18 => DType::BF16,
        _ => return Err(number),
    })
}
