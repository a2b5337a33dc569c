//! Tensors that lie in the file (`TensorProto`): how many elements, of which type, and whether they are there at all.
//! Weights are looked at only where a count or a range asks for it, and never copied.

use super::ElementType;
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem};

/// A part of a file beside the model that holds a tensor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// The tensor.
    pub tensor: String,
    /// Path of the file, relative to the model's folder, as the model gives it.
    pub location: String,
    /// Where in the model's file that text lies, in bytes from its beginning.
    pub location_at: usize,
    /// Where in the file the tensor begins.
    pub offset: u64,
    /// How many bytes it takes: as the model says, else by type and dims; `None` for types not whole bytes wide.
    pub bytes: Option<u64>,
    /// Its type.
    pub element: ElementType,
}

/// An int64 constant of which a value does not fit into 32 bits. Values at the very ends of the 64-bit range are not
/// counted: they are how files say "to the end of the axis".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WideConstant {
    /// The tensor, or the node that holds it.
    pub name: String,
    /// The first such value.
    pub value: i64,
}

/// What a tensor in the file is, apart from its elements.
#[derive(Default, Debug)]
pub(super) struct Stored<'a> {
    pub(super) name: &'a str,
    pub(super) element: ElementType,
    pub(super) elements: u64,
    pub(super) external: Option<External>,
    pub(super) wide: Option<i64>,
    /// The product of all values, for the few integers that can be a shape.
    pub(super) product: Option<u64>,
}

/// So many integers can be a shape.
const SHAPE_AXES: u64 = 32;

/// Whether an int64 value means something else when cut to 32 bits.
pub(crate) fn is_wide(value: i64) -> bool {
    let means_the_end = value >= i64::MAX - 1 || value <= i64::MIN + 1;
    i32::try_from(value).is_err() && !means_the_end
}

/// The first value of little-endian int64 bytes that is wide.
pub(crate) fn first_wide(bytes: &[u8]) -> Option<i64> {
    let (values, _) = bytes.as_chunks::<8>();
    values.iter().map(|bytes| i64::from_le_bytes(*bytes)).find(|&value| is_wide(value))
}

/// `TensorProto`.
pub(super) fn tensor(mut fields: Fields<'_>) -> Result<Stored<'_>, Problem> {
    let mut found = Stored::default();
    let (mut elements, mut typed, mut raw) = (Some(1u64), 0u64, &[][..]);
    let (mut external, mut is_external) = (Vec::new(), false);
    let mut product = 1u64;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => value.varints(|dim| {
                let dim = i64::try_from(dim).ok().and_then(|dim| u64::try_from(dim).ok());
                elements = elements.zip(dim).and_then(|(n, dim)| n.checked_mul(dim));
            })?,
            2 => found.element = ElementType(value.varint()?),
            4 => value.fixed::<4>(|bytes| typed += bytes.len() as u64 / 4)?,
            5 | 11 => value.varints(|number| {
                typed += 1;
                product = times(product, number as i64);
            })?,
            6 => typed += u64::from(value.bytes().is_ok()),
            7 => value.varints(|number| {
                typed += 1;
                product = times(product, number as i64);
                found.wide = found.wide.or(Some(number as i64).filter(|&v| is_wide(v)));
            })?,
            8 => found.name = value.text()?,
            9 => raw = value.bytes()?,
            10 => value.fixed::<8>(|bytes| typed += bytes.len() as u64 / 8)?,
            13 => external.push(entry(value.message()?)?),
            14 => is_external = value.varint()? == 1,
            _ => {}
        }
    }
    let name = found.name;
    found.elements = elements
        .filter(|&n| n <= i64::MAX as u64 / 16)
        .ok_or_else(|| fields.malformed(format!("tensor {name:?} has absurd dims")))?;
    let size = width(found.element, found.elements);
    if is_external {
        found.external = Some(place(&fields, &found, external, size)?);
        return Ok(found);
    }
    if found.element.dtype() == Some(DType::I64) && !raw.is_empty() {
        found.wide = first_wide(raw);
    }
    if found.elements <= SHAPE_AXES {
        found.product = match found.element.dtype() {
            Some(DType::I64) => {
                Some(raw.as_chunks::<8>().0.iter().fold(product, |p, v| times(p, i64::from_le_bytes(*v))))
            }
            Some(DType::I32) => Some(
                raw.as_chunks::<4>().0.iter().fold(product, |p, v| times(p, i32::from_le_bytes(*v).into())),
            ),
            _ => None,
        };
    }
    let lacks = if raw.is_empty() {
        // complex64 lies as two floats an element, int4 as two elements a number: only whole elements are counted
        matches!(found.element.dtype(), Some(d) if !matches!(d, DType::Complex64 | DType::Complex128))
            && typed < found.elements
    } else {
        size.is_some_and(|size| (raw.len() as u64) < size)
    };
    if lacks {
        let what = format!("tensor {name:?} declares {} elements, and holds fewer", found.elements);
        return Err(fields.malformed(what));
    }
    Ok(found)
}

/// A product of axes; what is no length of one (0, −1) leaves it as it is.
pub(super) fn times(product: u64, axis: i64) -> u64 {
    product.saturating_mul(u64::try_from(axis).unwrap_or(1).max(1))
}

/// Bytes of so many elements; `None` for types that are not whole bytes wide, or that do not lie as such.
fn width(element: ElementType, elements: u64) -> Option<u64> {
    elements.checked_mul(element.dtype()?.size()? as u64)
}

fn place(
    fields: &Fields<'_>,
    found: &Stored<'_>,
    entries: Vec<Entry<'_>>,
    size: Option<u64>,
) -> Result<External, Problem> {
    let name = found.name;
    let get = |key: &str| entries.iter().find(|entry| entry.key == key);
    let number = |key: &str| match get(key) {
        None => Ok(None),
        Some(Entry { value: text, .. }) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| fields.malformed(format!("tensor {name:?}: {key} {text:?} is no number"))),
    };
    let location = get("location").filter(|location| !location.value.is_empty());
    let location = location.ok_or_else(|| fields.malformed(format!("tensor {name:?} lies in no file")))?;
    Ok(External {
        tensor: name.to_owned(),
        location: location.value.to_owned(),
        location_at: location.at,
        offset: number("offset")?.unwrap_or(0),
        bytes: number("length")?.or(size),
        element: found.element,
    })
}

/// `StringStringEntryProto`: key and value.
pub(super) fn pair(fields: Fields<'_>) -> Result<(String, String), Problem> {
    entry(fields).map(|entry| (entry.key.to_owned(), entry.value.to_owned()))
}

/// The same, where it lies.
#[derive(Default)]
struct Entry<'a> {
    key: &'a str,
    value: &'a str,
    /// Where in the file the value lies.
    at: usize,
}

fn entry(mut fields: Fields<'_>) -> Result<Entry<'_>, Problem> {
    let mut found = Entry::default();
    while let Some((number, value)) = fields.next()? {
        match (number, &value) {
            (1, _) => found.key = value.text()?,
            (2, Value::Bytes(text)) => {
                found.at = text.offset() as usize;
                found.value = value.text()?;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `SparseTensorProto`: values (1) and indices (2), each a tensor.
pub(super) fn sparse(mut fields: Fields<'_>, mut each: impl FnMut(Stored<'_>)) -> Result<(), Problem> {
    while let Some((number, value)) = fields.next()? {
        if let (1 | 2, Value::Bytes(_)) = (number, &value) {
            each(tensor(value.message()?)?);
        }
    }
    Ok(())
}
