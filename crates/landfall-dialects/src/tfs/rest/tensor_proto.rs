//! A tensor as protobuf's JSON printer writes a `TensorProto`, with its empty fields.

use crate::json::write::Indented;
use crate::tfs::names::data_type;
use half::{bf16, f16};
use landfall_model::{DType, Problem, Tensor};

/// The lists of values, in the order of their numbers.
const LISTS: [&str; 11] = [
    "half_val",
    "float_val",
    "double_val",
    "int_val",
    "string_val",
    "scomplex_val",
    "int64_val",
    "bool_val",
    "dcomplex_val",
    "uint32_val",
    "uint64_val",
];

/// Writes it as the value that comes next.
pub(super) fn write(document: &mut Indented<'_>, tensor: &Tensor) {
    // Every type that a tensor can have has a list.
    let (filled, values) = values(tensor).unwrap_or_default();
    document.object(|object| {
        object.name("dtype").string(data_type(tensor.dtype()).0);
        object.name("tensor_shape").object(|shape| {
            shape.name("dim").array(|dims| {
                for size in tensor.shape().iter() {
                    dims.element().object(|dim| {
                        dim.name("size").string(&size.to_string());
                        dim.name("name").string("");
                    });
                }
            });
            shape.name("unknown_rank").boolean(false);
        });
        object.name("version_number").number("0");
        object.name("tensor_content").string("");
        for list in LISTS {
            object.name(list).array(|array| {
                for value in values.iter().filter(|_| list == filled) {
                    match value {
                        Value::Number(text) => array.element().number(text),
                        Value::Text(text) => array.element().string(text),
                    }
                }
            });
        }
    });
}

enum Value {
    Number(String),
    Text(String),
}

/// The list that a tensor's values stand in, and they.
fn values(tensor: &Tensor) -> Result<(&'static str, Vec<Value>), Problem> {
    macro_rules! list {
        ($t:ty, $name:literal, $value:expr) => {
            ($name, tensor.values::<$t>()?.iter().map($value).collect())
        };
    }
    let number = |value: i64| Value::Number(value.to_string());
    Ok(match tensor.dtype() {
        DType::F32 => list!(f32, "float_val", |&v| float(v)),
        DType::F64 => list!(f64, "double_val", |&v| float(v)),
        DType::Complex64 => {
            ("scomplex_val", tensor.values::<[f32; 2]>()?.iter().flatten().map(|&v| float(v)).collect())
        }
        DType::Complex128 => {
            ("dcomplex_val", tensor.values::<[f64; 2]>()?.iter().flatten().map(|&v| float(v)).collect())
        }
        DType::I32 => list!(i32, "int_val", |&v| number(v.into())),
        DType::I16 => list!(i16, "int_val", |&v| number(v.into())),
        DType::I8 => list!(i8, "int_val", |&v| number(v.into())),
        DType::U8 => list!(u8, "int_val", |&v| number(v.into())),
        DType::U16 => list!(u16, "int_val", |&v| number(v.into())),
        DType::U32 => list!(u32, "uint32_val", |&v| number(v.into())),
        DType::F16 => list!(f16, "half_val", |v| number(v.to_bits().into())),
        DType::BF16 => list!(bf16, "half_val", |v| number(v.to_bits().into())),
        // Numbers of 64 bits are text in protobuf's JSON.
        DType::I64 => list!(i64, "int64_val", |v| Value::Text(v.to_string())),
        DType::U64 => list!(u64, "uint64_val", |v| Value::Text(v.to_string())),
        DType::Bool => {
            ("bool_val", tensor.bools()?.iter().map(|&v| Value::Number((v != 0).to_string())).collect())
        }
        DType::String => {
            let text = |bytes: &[u8]| Value::Text(base64_simd::STANDARD.encode_to_string(bytes));
            ("string_val", tensor.strings()?.iter().map(text).collect())
        }
    })
}

fn float<F: Into<f64> + std::fmt::Display + Copy>(value: F) -> Value {
    match value.into() {
        wide if wide.is_nan() => Value::Text("NaN".to_owned()),
        f64::INFINITY => Value::Text("Infinity".to_owned()),
        f64::NEG_INFINITY => Value::Text("-Infinity".to_owned()),
        _ => Value::Number(value.to_string()),
    }
}
