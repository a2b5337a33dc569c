//! The classification extension: the highest values of an output as strings `value:index` or `value:index:label`.

use landfall_model::{DType, OutputSpec, Problem, RowRule, Scalar, Shape, StringsMut, Tensor};

/// The `k` highest values of each row, highest first; among equal ones the lower index first, NaN last. They are those of the
/// whole output where its axis 0 is no rows, and where a vector comes from a model (`rule`) that has none.
///
/// # Errors
/// Invalid argument, for an output whose values are not numbers of at least 32 bits or integers.
pub(super) fn top(tensor: &Tensor, spec: &OutputSpec, rule: &RowRule, k: usize) -> Result<Tensor, Problem> {
    use DType::*;
    if !matches!(tensor.dtype(), U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64 | F32 | F64) {
        return Err(unsupported(tensor.dtype()));
    }
    let has_rows = spec.has_rows && (tensor.shape().len() > 1 || *rule != RowRule::None);
    let rows = if has_rows { tensor.shape().first().copied() } else { None };
    let classes = if rows == Some(0) { 0 } else { tensor.len() / rows.unwrap_or(1) };
    let k = k.min(classes);
    let mut order = Vec::with_capacity(classes);
    let mut strings = StringsMut::new();
    for row in 0..rows.unwrap_or(1) {
        let start = row * classes;
        order.clear();
        order.extend(0..classes);
        order.sort_by(|&a, &b| higher_first(tensor.scalar(start + a), tensor.scalar(start + b)));
        for &class in &order[..k] {
            let label = spec.class_names.as_ref().and_then(|names| names.get(class));
            let value = tensor.scalar(start + class);
            strings
                .push_with(|out| write(out, &value, class, label))
                .map_err(|e| Problem::internal(e.to_string()))?;
        }
    }
    let shape = if let Some(rows) = rows { Shape::new(&[rows, k]) } else { Shape::new(&[k]) };
    Tensor::from_strings(shape, strings.freeze())
}

fn write(out: &mut Vec<u8>, value: &Scalar, class: usize, label: Option<&String>) -> std::io::Result<()> {
    use std::io::Write;
    match value {
        // As C's printf has it.
        Scalar::Float(value) if value.is_nan() => write!(out, "nan:{class}")?,
        Scalar::Float(value) => write!(out, "{value:.6}:{class}")?,
        value => write!(out, "{value}:{class}")?,
    }
    match label {
        Some(label) => write!(out, ":{label}"),
        None => Ok(()),
    }
}

fn higher_first(a: Scalar, b: Scalar) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (a, b) {
        (Scalar::Int(a), Scalar::Int(b)) => b.cmp(&a),
        (Scalar::UInt(a), Scalar::UInt(b)) => b.cmp(&a),
        (Scalar::Float(a), Scalar::Float(b)) => match (a.is_nan(), b.is_nan()) {
            (true, true) => Equal,
            (true, false) => Greater,
            (false, true) => Less,
            (false, false) => b.partial_cmp(&a).unwrap_or(Equal),
        },
        _ => Equal,
    }
}

#[cold]
fn unsupported(dtype: DType) -> Problem {
    Problem::invalid(format!(
        "class result not available for output due to unsupported type '{}'",
        super::names::datatype(dtype)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: RowRule = RowRule::Independent;

    fn spec(names: Option<&[&str]>) -> OutputSpec {
        let mut spec = OutputSpec::new("y", DType::F32, None);
        spec.class_names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        spec
    }

    fn texts(tensor: &Tensor) -> Vec<String> {
        tensor.strings().unwrap().iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect()
    }

    #[test]
    fn the_highest_values_come_first_with_six_decimals() {
        // TRITON-CLS-1
        let scores = Tensor::from_slice(&[2, 3], &[1.0f32, 3.0, 2.0, 0.5, f32::NAN, 0.5]).unwrap();
        let top = top(&scores, &spec(None), &ROWS, 2).unwrap();
        assert_eq!(top.shape()[..], [2, 2]);
        assert_eq!(texts(&top), ["3.000000:1", "2.000000:2", "0.500000:0", "0.500000:2"]);
    }

    #[test]
    fn what_is_no_number_is_written_as_c_does_and_comes_last() {
        let scores = Tensor::from_slice(&[1, 3], &[f64::NAN, f64::NEG_INFINITY, f64::INFINITY]).unwrap();
        assert_eq!(texts(&top(&scores, &spec(None), &ROWS, 3).unwrap()), ["inf:2", "-inf:1", "nan:0"]);
    }

    #[test]
    fn labels_follow_where_there_are_any() {
        // TRITON-CLS-2
        let scores = Tensor::from_slice(&[1, 3], &[0.1f32, 0.7, 0.2]).unwrap();
        let top = top(&scores, &spec(Some(&["cat", "dog"])), &ROWS, 9).unwrap();
        assert_eq!(texts(&top), ["0.700000:1:dog", "0.200000:2", "0.100000:0:cat"]);
    }

    #[test]
    fn an_output_without_rows_is_ranked_whole() {
        let mut whole = spec(None);
        whole.has_rows = false;
        let top = top(&Tensor::from_slice(&[2, 2], &[4i64, 7, 5, 6]).unwrap(), &whole, &ROWS, 3).unwrap();
        assert_eq!(top.shape()[..], [3]);
        assert_eq!(texts(&top), ["7:1", "6:3", "5:2"]);
    }

    #[test]
    fn a_vector_of_a_model_without_rows_is_ranked_whole() {
        // TRITON-CLS-1
        let scores = Tensor::from_slice(&[3], &[1.0f32, 3.0, 2.0]).unwrap();
        let whole = top(&scores, &spec(None), &RowRule::None, 2).unwrap();
        assert_eq!(
            (&whole.shape()[..], texts(&whole)),
            (&[2][..], vec!["3.000000:1".into(), "2.000000:2".into()])
        );
        assert_eq!(top(&scores, &spec(None), &ROWS, 2).unwrap().shape()[..], [3, 1]);
    }

    #[test]
    fn zero_rows_give_zero_rows() {
        let top = top(&Tensor::from_slice::<f32>(&[0, 3], &[]).unwrap(), &spec(None), &ROWS, 2).unwrap();
        assert_eq!(top.len(), 0);
    }

    #[test]
    fn strings_bools_and_halves_have_no_classes() {
        // TRITON-CLS-3
        let strings = Tensor::from_strings(Shape::new(&[1]), ["a"].iter().collect()).unwrap();
        let problem = top(&strings, &spec(None), &ROWS, 1).unwrap_err();
        assert!(problem.to_string().contains("unsupported type 'BYTES'"));
        assert!(top(&Tensor::from_slice(&[1], &[half::f16::ONE]).unwrap(), &spec(None), &ROWS, 1).is_err());
    }
}
