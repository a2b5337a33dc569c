//! Types of values: `ValueInfoProto`, `TypeProto`, and the numbers of `TensorProto.DataType`.

use super::MAX_DEPTH;
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Dim, Problem};
use std::fmt;

/// An element type as ONNX numbers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct ElementType(pub u64);

impl ElementType {
    /// The type that tensors here have; `None` for those that none has (float8, int4 and the like).
    pub fn dtype(self) -> Option<DType> {
        Some(match self.0 {
            1 => DType::F32,
            2 => DType::U8,
            3 => DType::I8,
            4 => DType::U16,
            5 => DType::I16,
            6 => DType::I32,
            7 => DType::I64,
            8 => DType::String,
            9 => DType::Bool,
            10 => DType::F16,
            11 => DType::F64,
            12 => DType::U32,
            13 => DType::U64,
            14 => DType::Complex64,
            15 => DType::Complex128,
            16 => DType::BF16,
            _ => return None,
        })
    }

    /// The number that a type has in ONNX, and in ONNX Runtime's C API.
    pub fn of(dtype: DType) -> Self {
        ElementType(match dtype {
            DType::F32 => 1,
            DType::U8 => 2,
            DType::I8 => 3,
            DType::U16 => 4,
            DType::I16 => 5,
            DType::I32 => 6,
            DType::I64 => 7,
            DType::String => 8,
            DType::Bool => 9,
            DType::F16 => 10,
            DType::F64 => 11,
            DType::U32 => 12,
            DType::U64 => 13,
            DType::Complex64 => 14,
            DType::Complex128 => 15,
            DType::BF16 => 16,
        })
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dtype() {
            Some(dtype) => dtype.fmt(f),
            None => f.write_str(match self.0 {
                0 => "undefined",
                17 => "float8e4m3fn",
                18 => "float8e4m3fnuz",
                19 => "float8e5m2",
                20 => "float8e5m2fnuz",
                21 => "uint4",
                22 => "int4",
                23 => "float4e2m1",
                other => return write!(f, "element type {other}"),
            }),
        }
    }
}

/// The type of a value.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the names are ONNX's")]
pub enum ValueType {
    /// `dims` is `None` where no rank is declared.
    Tensor {
        element: ElementType,
        dims: Option<Vec<Dim>>,
    },
    Sequence(Box<ValueType>),
    Map {
        key: ElementType,
        value: Box<ValueType>,
    },
    Optional(Box<ValueType>),
    SparseTensor,
    Opaque,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueType::Tensor { element, .. } => write!(f, "tensor({element})"),
            ValueType::Sequence(inner) => write!(f, "sequence({inner})"),
            ValueType::Map { key, value } => write!(f, "map({key}, {value})"),
            ValueType::Optional(inner) => write!(f, "optional({inner})"),
            ValueType::SparseTensor => f.write_str("sparse tensor"),
            ValueType::Opaque => f.write_str("opaque value"),
        }
    }
}

/// One input or output.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// Name.
    pub name: String,
    /// Type; `None` where the file declares none.
    pub ty: Option<ValueType>,
    /// What the author says about it.
    pub doc: String,
    /// Whether the file gives a default: an initializer of the same name.
    pub has_default: bool,
}

/// `ValueInfoProto`.
pub(crate) fn value_info(mut fields: Fields<'_>) -> Result<Value, Problem> {
    let mut found = Value { name: String::new(), ty: None, doc: String::new(), has_default: false };
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => found.name = value.text()?.to_owned(),
            2 => found.ty = value_type(value.message()?, 0)?,
            3 => found.doc = value.text()?.to_owned(),
            _ => {}
        }
    }
    Ok(found)
}

/// `TypeProto`.
pub(super) fn value_type(mut fields: Fields<'_>, depth: usize) -> Result<Option<ValueType>, Problem> {
    if depth > MAX_DEPTH {
        return Err(fields.malformed(format!("types within types, more than {MAX_DEPTH} deep")));
    }
    let mut found = None;
    while let Some((number, value)) = fields.next()? {
        found = match number {
            1 => Some(tensor_type(value.message()?)?),
            4 => Some(ValueType::Sequence(Box::new(element_of(value.message()?, depth)?))),
            5 => Some(map_type(value.message()?, depth)?),
            7 => Some(ValueType::Opaque),
            8 => Some(ValueType::SparseTensor),
            9 => Some(ValueType::Optional(Box::new(element_of(value.message()?, depth)?))),
            _ => found,
        };
    }
    Ok(found)
}

/// `TypeProto.Sequence` and `TypeProto.Optional`: field 1 is the type of what they hold.
fn element_of(mut fields: Fields<'_>, depth: usize) -> Result<ValueType, Problem> {
    let mut found = None;
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            found = value_type(value.message()?, depth + 1)?;
        }
    }
    found.ok_or_else(|| fields.malformed("a sequence or optional type of nothing"))
}

/// `TypeProto.Map`.
fn map_type(mut fields: Fields<'_>, depth: usize) -> Result<ValueType, Problem> {
    let (mut key, mut held) = (ElementType(0), None);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = ElementType(value.varint()?),
            2 => held = value_type(value.message()?, depth + 1)?,
            _ => {}
        }
    }
    let value = held.ok_or_else(|| fields.malformed("a map type without values"))?;
    Ok(ValueType::Map { key, value: Box::new(value) })
}

/// `TypeProto.Tensor`.
fn tensor_type(mut fields: Fields<'_>) -> Result<ValueType, Problem> {
    let (mut element, mut dims) = (ElementType(0), None);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => element = ElementType(value.varint()?),
            2 => dims = Some(shape(value.message()?)?),
            _ => {}
        }
    }
    Ok(ValueType::Tensor { element, dims })
}

/// `TensorShapeProto`.
fn shape(mut fields: Fields<'_>) -> Result<Vec<Dim>, Problem> {
    let mut dims = Vec::new();
    while let Some((number, value)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let mut dim = Dim::Free(None);
        let mut axis = value.message()?;
        while let Some((number, value)) = axis.next()? {
            match number {
                // Some exporters write −1 (or 0) for an axis that is free; 0 is a length that a file can mean.
                1 => dim = usize::try_from(value.signed()?).map_or(Dim::Free(None), Dim::Known),
                2 => {
                    let name = value.text()?;
                    dim = Dim::Free((!name.is_empty()).then(|| name.to_owned()));
                }
                _ => {}
            }
        }
        dims.push(dim);
    }
    Ok(dims)
}
