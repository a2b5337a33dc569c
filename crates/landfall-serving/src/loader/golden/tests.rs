//! Golden rows: what counts as equal, and what a report shows.

use super::*;
use landfall_model::{DType, InputSpec, Method, OutputSpec, Shape, ShapeRule, Signature, Strings};

fn compared(expected: Tensor, found: Tensor) -> GoldenReport {
    let input = InputSpec::new("x", DType::F32, None);
    let output = OutputSpec::new("y", found.dtype(), None);
    let (rule, shapes) = (RowRule::Independent, ShapeRule::Checked);
    let signature =
        Signature::new("s", Method::Predict, vec![input], vec![output], rule, shapes).unwrap().shared();
    let golden = GoldenRows { signature, inputs: vec![None], outputs: vec![(0, expected)] };
    let mut outputs = Outputs::new();
    outputs.set(0, found);
    compare(&golden, &outputs, None, &|_, _| Tolerance::default(), GoldenReport::default()).unwrap()
}

fn floats(values: &[f32]) -> Tensor {
    Tensor::from_slice(&[values.len()], values).unwrap()
}

#[test]
fn values_within_the_tolerance_are_equal_whatever_their_type() {
    let wide = Tensor::from_slice(&[2, 1], &[1.0f64, 100_000.0]).unwrap();
    let report = compared(wide, floats(&[1.000_01, 100_000.5]));
    assert_eq!((report.values, report.differing), (2, 0));
    assert!(report.largest > 0.4);
}

#[test]
fn the_first_differences_are_named_and_all_are_counted() {
    let report = compared(floats(&[0.0; 30]), floats(&[1.0; 30]));
    assert_eq!((report.differing, report.differences.len()), (30, MOST_SHOWN));
    let first = &report.differences[0];
    assert_eq!((first.row, first.expected.as_str(), first.found.as_str()), (1, "0", "1"));
    assert!(report.accepted().unwrap_err().to_string().starts_with("30 of 30 values differ"));
}

#[test]
fn nan_is_like_nan_and_infinity_like_itself_alone() {
    let nan = f32::NAN;
    assert_eq!(compared(floats(&[nan, f32::INFINITY]), floats(&[nan, f32::INFINITY])).differing, 0);
    assert_eq!(compared(floats(&[nan, f32::INFINITY, 1.0]), floats(&[1.0, 1.0, f32::INFINITY])).differing, 3);
}

#[test]
fn integers_and_strings_are_equal_or_not() {
    let whole = |values: &[i64]| Tensor::from_slice(&[values.len()], values).unwrap();
    assert_eq!(compared(whole(&[1 << 60]), whole(&[(1 << 60) + 1])).differing, 1);
    let strings = |values: &[&str]| {
        let all: Strings = values.iter().collect();
        Tensor::from_strings(Shape::new(&[values.len()]), all).unwrap()
    };
    assert_eq!(compared(strings(&["a", "b"]), strings(&["a", "c"])).differing, 1);
    assert_eq!(compared(whole(&[1]), strings(&["1"])).differing, 1, "text is no number");
}

#[test]
fn a_row_that_failed_differs_with_its_problem() {
    let expected = floats(&[1.0, 2.0]);
    let input = InputSpec::new("x", DType::F32, None);
    let output = OutputSpec::new("y", DType::F32, None);
    let rule = RowRule::Independent;
    let signature = Signature::new("s", Method::Predict, vec![input], vec![output], rule, ShapeRule::Checked)
        .unwrap()
        .shared();
    let golden = GoldenRows { signature, inputs: vec![None], outputs: vec![(0, expected.clone())] };
    let mut outputs = Outputs::new();
    outputs.set(0, expected);
    outputs.fail_row(1, Problem::invalid("no such category"));
    let report =
        compare(&golden, &outputs, None, &|_, _| Tolerance::default(), GoldenReport::default()).unwrap();
    assert_eq!(report.differences[0].found, "no such category");
    assert_eq!((report.differing, report.differences[0].row), (1, 2));
}
