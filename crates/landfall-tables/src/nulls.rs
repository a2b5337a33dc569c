//! Missing values of a whole array at once, by the input's rule.

use landfall_model::{Bitmap, BufferMut, DType, InputSpec, NullRule, Problem, Shape, Tensor, TensorMut};

/// The tensor with the elements at `missing` (ascending) put as the input's rule has it. Where the rule is to refuse
/// they stay as they are: the caller takes their rows out.
///
/// # Errors
/// Invalid argument, when the rule does not fit the type.
pub(crate) fn with_missing(tensor: Tensor, missing: &[usize], spec: &InputSpec) -> Result<Tensor, Problem> {
    if missing.is_empty() || spec.null == NullRule::Refuse {
        return Ok(tensor);
    }
    let shape = Shape::new(tensor.shape());
    if tensor.dtype() == DType::String {
        return strings(&tensor, missing, spec, shape);
    }
    let mut one = TensorMut::new(tensor.dtype());
    one.push_missing(&spec.null, &spec.name, 0)?;
    let one = one.freeze(Shape::new(&[1]))?;
    let (Some(bytes), Some(value)) = (tensor.bytes(), one.bytes()) else {
        return Err(Problem::internal("numbers lie in a plain buffer"));
    };
    let mut buffer = BufferMut::with_capacity(bytes.len());
    buffer.extend_from_bytes(bytes);
    for &element in missing {
        buffer.bytes_mut()[element * value.len()..(element + 1) * value.len()].copy_from_slice(value);
    }
    let filled = Tensor::from_buffer(tensor.dtype(), shape, buffer.freeze())?;
    if spec.null != NullRule::Accept {
        return Ok(filled);
    }
    let mut marks = Bitmap::filled(filled.len(), false);
    missing.iter().for_each(|&element| marks.set(element, true));
    Ok(filled.with_missing(marks))
}

fn strings(tensor: &Tensor, missing: &[usize], spec: &InputSpec, shape: Shape) -> Result<Tensor, Problem> {
    let mut builder = TensorMut::new(DType::String);
    let mut missing = missing.iter().copied().peekable();
    for (element, text) in tensor.strings()?.iter().enumerate() {
        if missing.next_if_eq(&element).is_some() {
            builder.push_missing(&spec.null, &spec.name, 0)?;
        } else {
            builder.push_str(text);
        }
    }
    builder.freeze(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Scalar;

    #[test]
    fn each_rule_puts_what_it_says() {
        let tensor = Tensor::from_slice(&[3], &[1.0f32, 99.0, 3.0]).unwrap();
        let with = |null: NullRule| {
            let spec = InputSpec { null, ..InputSpec::new("x", DType::F32, None) };
            with_missing(tensor.clone(), &[1], &spec).unwrap()
        };
        assert_eq!(with(NullRule::Zero).values::<f32>().unwrap(), [1.0, 0.0, 3.0]);
        assert_eq!(with(NullRule::Default(Scalar::Float(7.0))).values::<f32>().unwrap(), [1.0, 7.0, 3.0]);
        assert!(with(NullRule::Nan).values::<f32>().unwrap()[1].is_nan());
        let accepted = with(NullRule::Accept);
        assert_eq!(accepted.values::<f32>().unwrap(), [1.0, 0.0, 3.0]);
        assert!(accepted.is_missing(1) && !accepted.is_missing(0));
    }
}
