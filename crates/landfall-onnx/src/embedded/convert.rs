//! Between the declared types and the four that the embedded engine computes in.

use crate::owned;
use half::f16;
use landfall_model::{Buffer, DType, Problem, Reason, Shape, Tensor};
use rten::{Value, ValueOrView, ValueView};
use rten_tensor::Layout;

/// An input as the engine takes it: where it lies when its type is the engine's own, else converted.
///
/// # Errors
/// [`Reason::ValueInvalid`] for an int64 beyond 32 bits, naming the row.
pub(super) fn to_engine<'a>(name: &str, tensor: &'a Tensor) -> Result<ValueOrView<'a>, Problem> {
    let shape = &tensor.shape()[..];
    let fits = |error: &dyn std::error::Error| Problem::internal(format!("input {name:?}: {error}"));
    macro_rules! view {
        ($t:ty) => {
            ValueOrView::View(ValueView::from_shape(shape, tensor.values::<$t>()?).map_err(|e| fits(&e))?)
        };
    }
    macro_rules! converted {
        ($values:expr) => {
            ValueOrView::Value(Value::from_shape(shape, $values).map_err(|e| fits(&e))?)
        };
    }
    Ok(match tensor.dtype() {
        DType::F32 => view!(f32),
        DType::I32 => view!(i32),
        DType::I8 => view!(i8),
        DType::U8 => view!(u8),
        DType::I64 => converted!(narrowed(name, tensor)?),
        DType::Bool => converted!(tensor.bools()?.iter().map(|&b| i32::from(b != 0)).collect::<Vec<i32>>()),
        DType::F64 => converted!(tensor.values::<f64>()?.iter().map(|&v| v as f32).collect::<Vec<f32>>()),
        DType::F16 => converted!(tensor.values::<f16>()?.iter().map(|v| v.to_f32()).collect::<Vec<f32>>()),
        other => {
            return Err(Problem::internal(format!("input {name:?} of {other} passed the check at load")));
        }
    })
}

/// int64 values as int32.
fn narrowed(name: &str, tensor: &Tensor) -> Result<Vec<i32>, Problem> {
    let values = tensor.values::<i64>()?;
    let narrow: Vec<i32> = values.iter().map_while(|&value| i32::try_from(value).ok()).collect();
    if narrow.len() == values.len() {
        return Ok(narrow);
    }
    let element = narrow.len();
    Err(Problem::new(Reason::ValueInvalid {
        input: name.to_owned(),
        row: element / tensor.row_elements().max(1),
        expected: "an int64 within 32 bits (the range of the engine embedded)".to_owned(),
        text: values[element].to_string(),
    }))
}

/// An output as a tensor of the declared type.
///
/// # Errors
/// When the engine gave another type than follows from the declared one.
pub(super) fn from_engine(name: &str, declared: DType, value: Value) -> Result<Tensor, Problem> {
    match value {
        Value::FloatTensor(tensor) => {
            let shape = Shape::new(tensor.shape());
            let values = tensor.into_data();
            match declared {
                DType::F32 => owned::tensor(shape, values),
                DType::F64 => {
                    owned::tensor(shape, values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>())
                }
                DType::F16 => {
                    owned::tensor(shape, values.iter().map(|&v| f16::from_f32(v)).collect::<Vec<f16>>())
                }
                _ => Err(other(name, declared, "float32")),
            }
        }
        Value::Int32Tensor(tensor) => {
            let shape = Shape::new(tensor.shape());
            let values = tensor.into_data();
            match declared {
                DType::I32 => owned::tensor(shape, values),
                DType::I64 => {
                    owned::tensor(shape, values.iter().map(|&v| i64::from(v)).collect::<Vec<i64>>())
                }
                DType::Bool => {
                    let bytes: Vec<u8> = values.iter().map(|&v| u8::from(v != 0)).collect();
                    Tensor::from_buffer(DType::Bool, shape, Buffer::from_owner(bytes))
                }
                _ => Err(other(name, declared, "int32")),
            }
        }
        Value::Int8Tensor(tensor) if declared == DType::I8 => {
            let shape = Shape::new(tensor.shape());
            owned::tensor(shape, tensor.into_data())
        }
        Value::UInt8Tensor(tensor) if declared == DType::U8 => {
            let shape = Shape::new(tensor.shape());
            owned::tensor(shape, tensor.into_data())
        }
        Value::Int8Tensor(_) => Err(other(name, declared, "int8")),
        Value::UInt8Tensor(_) => Err(other(name, declared, "uint8")),
        _ => Err(other(name, declared, "a sequence")),
    }
}

fn other(name: &str, declared: DType, found: &str) -> Problem {
    Problem::new(Reason::Engine {
        engine: super::NAME,
        text: format!("output {name:?} is declared as {declared}, and came as {found}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Kind;

    #[test]
    fn an_integer_beyond_the_range_is_named_with_its_row() {
        let tensor = Tensor::from_slice(&[3, 2], &[0i64, 1, 2, i64::from(i32::MIN), 1 << 31, 5]).unwrap();
        let problem = to_engine("ids", &tensor).err().unwrap();
        assert_eq!(problem.kind(), Kind::InvalidArgument);
        let text = problem.to_string();
        assert!(
            text.starts_with(r#"input "ids" row 2: "#) && text.ends_with(r#"found "2147483648""#),
            "{text}"
        );
        assert!(to_engine("ids", &tensor.rows(0..2)).is_ok());
    }

    #[test]
    fn every_type_comes_back_as_it_was_declared() {
        let floats = [0.0f32, -1.5, 65504.0];
        let cases = [
            Tensor::from_slice(&[3], &floats).unwrap(),
            Tensor::from_slice(&[3], &floats.map(f64::from)).unwrap(),
            Tensor::from_slice(&[3], &floats.map(f16::from_f32)).unwrap(),
            Tensor::from_slice(&[3], &[i64::from(i32::MIN), -1, i64::from(i32::MAX)]).unwrap(),
            Tensor::from_slice(&[3], &[i32::MIN, -1, i32::MAX]).unwrap(),
            Tensor::from_slice(&[3], &[i8::MIN, -1, i8::MAX]).unwrap(),
            Tensor::from_slice(&[3], &[u8::MIN, 1, u8::MAX]).unwrap(),
            Tensor::from_buffer(DType::Bool, Shape::new(&[3]), Buffer::copy_of(&[0, 1, 1])).unwrap(),
            Tensor::from_slice::<f32>(&[0, 3], &[]).unwrap(),
            Tensor::from_slice(&[], &[7i64]).unwrap(),
        ];
        for tensor in cases {
            let value = to_engine("x", &tensor).unwrap().into_owned();
            assert_eq!(from_engine("y", tensor.dtype(), value).unwrap(), tensor);
        }
        let value = Value::from_shape([1], vec![1i8]).unwrap();
        assert!(from_engine("y", DType::F32, value).unwrap_err().to_string().contains("int8"));
    }
}
