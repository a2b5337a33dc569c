//! Comparisons of made models: what differs is found, and said.

use super::*;
use landfall_model::{
    DType, Dim, Element, Facts, Instance, Method, Model, OutputSpec, Outputs, RowRule, Scalar, ShapeRule,
    TensorMut, Version,
};
use landfall_serving::{BatchSettings, ComputePool, SystemClock};

fn signature(inputs: &[(&str, bool)], output: &str) -> Arc<Signature> {
    let input = |(name, optional): &(&str, bool)| InputSpec {
        optional: *optional,
        ..InputSpec::new(*name, DType::F32, None)
    };
    let inputs = inputs.iter().map(input).collect();
    let outputs = vec![OutputSpec::new(output, DType::F32, None)];
    let made =
        Signature::new("serving_default", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent);
    made.unwrap().shared()
}

fn row(value: f64) -> Tensor {
    let mut made = TensorMut::with_capacity(DType::F32, 1);
    made.push_scalar(&Scalar::Float(value)).unwrap();
    made.freeze([1].into_iter().collect()).unwrap()
}

#[test]
fn inputs_and_outputs_go_over_by_name_and_one_that_may_be_left_out_is() {
    let original = signature(&[("x", false), ("unused", false)], "y");
    let inputs = [1.0, 2.0].map(|value| Some(Input::Dense(row(value)))).to_vec();
    let rows = GoldenRows { signature: original.clone(), inputs, outputs: vec![(0, row(3.0))] };

    let converted = signature(&[("k", true), ("x", false)], "y");
    let carried = carried_over(&rows, &original, &converted).unwrap();
    assert!(carried.inputs[0].is_none(), "it keeps its default");
    assert_eq!(carried.inputs[1].as_ref().and_then(Input::dense), Some(&row(1.0)));
    assert_eq!(carried.outputs, [(0, row(3.0))]);

    let asks_for_more = signature(&[("k", false), ("x", false)], "y");
    let problem = carried_over(&rows, &original, &asks_for_more).unwrap_err().to_string();
    assert!(problem.contains('k') && problem.contains("the original"), "{problem}");
    let gives_another = signature(&[("x", false)], "z");
    let problem = carried_over(&rows, &original, &gives_another).unwrap_err().to_string();
    assert!(problem.contains('y') && problem.contains("the converted model"), "{problem}");
}

/// What a model makes of its inputs' rows.
type Answer<T = i64> = fn(&[Vec<T>]) -> Result<Tensor, Problem>;

/// A model that computes by a function.
struct Computed<T>(Vec<Arc<Signature>>, Answer<T>);
struct Computing<T>(Answer<T>);

impl<T: Element> Model for Computed<T> {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.0
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(Computing(self.1)))
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}

impl<T: Element> Instance for Computing<T> {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let columns = call.inputs().iter().flatten().filter_map(Input::dense);
        let columns: Result<Vec<Vec<T>>, Problem> =
            columns.map(|column| Ok(column.values::<T>()?.to_vec())).collect();
        outputs.set(0, (self.0)(&columns?)?);
        Ok(())
    }
}

fn computed<T: Element>(inputs: &[&str], output: DType, answer: Answer<T>) -> Lease {
    let column = || Some(vec![Dim::Free(None)]);
    let inputs = inputs.iter().map(|name| InputSpec::new(*name, T::DTYPE, column())).collect();
    let outputs = vec![OutputSpec::new("y", output, None)];
    let (rows, shapes) = (RowRule::None, ShapeRule::AsSent);
    let signature = Signature::new("s", Method::Predict, inputs, outputs, rows, shapes).unwrap().shared();
    let (version, pool) = (Version::numbered(1), ComputePool::new(1, Arc::new(SystemClock)));
    let model = Arc::new(Computed(vec![signature], answer));
    Lease::on_model("m", version, model, BatchSettings::default(), pool).unwrap()
}

fn column(values: impl IntoIterator<Item = i64>) -> Result<Tensor, Problem> {
    let values: Vec<i64> = values.into_iter().collect();
    Tensor::from_slice(&[values.len()], &values)
}

/// What a comparison says of two models of numbers of one type.
fn compared<T: Element>(inputs: &[&str], original: Answer<T>, converted: Answer<T>) -> Result<(), String> {
    let (original, converted) = (computed(inputs, T::DTYPE, original), computed(inputs, T::DTYPE, converted));
    let signature = original.signatures()[0].clone();
    let tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };
    let parity = compare(&original, &signature, &converted, None, tolerance, false);
    parity.and_then(|parity| parity.accepted()).map_err(|problem| problem.to_string())
}

#[test]
fn a_difference_names_the_rows_and_their_values() {
    let same: Answer = |columns| column(columns[0].iter().map(|x| x.wrapping_mul(3)));
    assert_eq!(compared(&["x"], same, same), Ok(()));
    let found = compared::<i64>(
        &["x"],
        |columns| column(columns[0].iter().map(|x| x.div_euclid(3))),
        |columns| column(columns[0].iter().map(|x| x / 3)),
    );
    let found = found.unwrap_err();
    assert!(
        found.contains("rows of halves and negative whole numbers") && found.contains("(x = -"),
        "{found}"
    );
    assert!(!found.contains("golden"), "{found}");
}

#[test]
fn values_that_another_input_refuses_are_tried_for_each_input_alone() {
    fn looked_up(columns: &[Vec<i64>], flag: fn(i64) -> i64) -> Result<Tensor, Problem> {
        match columns[0].iter().find(|at| !(0..10).contains(*at)) {
            Some(at) => Err(Problem::invalid(format!("index {at} is out of range"))),
            None => column(columns[0].iter().zip(&columns[1]).map(|(at, k)| at + flag(*k))),
        }
    }
    let original: Answer = |columns| looked_up(columns, |k| i64::from(k == 9));
    let wraps: Answer = |columns| looked_up(columns, |k| i64::from(k == 9 || k == -1));
    assert_eq!(compared(&["at", "k"], original, original), Ok(()));
    let found = compared(&["at", "k"], original, wraps).unwrap_err();
    assert!(found.contains("as \"k\"") && found.contains("k = -1"), "{found}");
}

#[test]
fn what_the_original_refuses_is_not_to_be_answered() {
    let refuses: Answer = |columns| match columns[0].iter().any(|x| *x < 0) {
        true => Err(Problem::invalid("below 0")),
        false => column(columns[0].iter().copied()),
    };
    let takes: Answer = |columns| column(columns[0].iter().copied());
    assert_eq!(compared(&["x"], refuses, refuses), Ok(()));
    let found = compared(&["x"], refuses, takes).unwrap_err();
    assert!(found.contains("refused by the original") && found.contains("below 0"), "{found}");
}

#[test]
fn another_shape_or_type_of_the_same_values_is_a_difference() {
    let plain: Answer = |columns| column(columns[0].iter().copied());
    let nested: Answer = |columns| Tensor::from_slice(&[columns[0].len(), 1], &columns[0]);
    let found = compared(&["x"], plain, nested).unwrap_err();
    assert!(found.contains("has shape [16,1], the original's [16]"), "{found}");
    // One row alone loses its axis.
    let squeezed: Answer = |columns| match columns[0].len() {
        1 => Tensor::from_slice(&[], &columns[0]),
        _ => column(columns[0].iter().copied()),
    };
    let found = compared(&["x"], plain, squeezed).unwrap_err();
    assert!(found.contains("one at a time"), "{found}");

    let original = computed(&["x"], DType::I64, plain);
    let narrow: Answer = |columns| {
        let values: Vec<i32> = columns[0].iter().map(|x| *x as i32).collect();
        Tensor::from_slice(&[values.len()], &values)
    };
    let converted = computed(&["x"], DType::I32, narrow);
    let signature = original.signatures()[0].clone();
    let found = compare(&original, &signature, &converted, None, Tolerance::default(), false);
    let found = found.unwrap_err().to_string();
    assert!(found.contains("output \"y\" is int32, the original's int64"), "{found}");
}

/// A row's number out of those that three columns have in it.
fn of_rows(columns: &[Vec<f32>], of: impl Fn(f32, f32, f32) -> f32) -> Result<Tensor, Problem> {
    let [a, b, c] = columns else { return Err(Problem::internal("three columns")) };
    let values: Vec<f32> = a.iter().zip(b).zip(c).map(|((a, b), c)| of(*a, *b, *c)).collect();
    Tensor::from_slice(&[values.len()], &values)
}

#[test]
fn a_small_difference_shows_beside_large_answers_to_other_rows() {
    let original: Answer<f32> = |columns| of_rows(columns, |a, _, _| if a > 1e6 { a } else { a + 1.0 });
    let of_the_batch: Answer<f32> = |columns| {
        let most = columns[0].iter().copied().fold(f32::MIN, f32::max);
        of_rows(columns, |a, _, _| if most > 1e6 { a } else { a + 1.0 })
    };
    assert_eq!(compared(&["a", "b", "c"], original, original), Ok(()));
    let found = compared(&["a", "b", "c"], original, of_the_batch).unwrap_err();
    assert!(found.contains("rows of numbers up to 1e12"), "{found}");
}

#[test]
fn a_small_difference_shows_in_an_answer_that_large_numbers_do_not_go_into() {
    let original: Answer<f32> = |columns| of_rows(columns, |a, _, _| if a.abs() > 1e9 { 2.0 } else { 1.0 });
    let other: Answer<f32> = |columns| of_rows(columns, |_, _, _| 1.0);
    assert!(compared(&["a", "b", "c"], original, other).is_err());
}

#[test]
fn a_difference_of_one_shows_in_whole_numbers_of_a_real_type_beside_none_of_their_size() {
    // What is rounded down, of numbers up to 1e12.
    let floor: Answer<f32> = |columns| of_rows(columns, |a, _, _| a.floor());
    let above: Answer<f32> =
        |columns| of_rows(columns, |a, _, _| if a.abs() > 2e4 { a.floor() + 1.0 } else { a.floor() });
    assert_eq!(compared(&["a", "b", "c"], floor, floor), Ok(()));
    let found = compared(&["a", "b", "c"], floor, above).unwrap_err();
    assert!(found.contains("rows of numbers up to 1e12"), "{found}");

    // What is made of whole numbers, as a double.
    fn doubled(columns: &[Vec<i64>], more: fn(i64) -> f64) -> Result<Tensor, Problem> {
        let values: Vec<f64> = columns[0].iter().map(|x| *x as f64 + more(*x)).collect();
        Tensor::from_slice(&[values.len()], &values)
    }
    let compared = |original: Answer, converted: Answer| {
        let (original, converted) =
            (computed(&["x"], DType::F64, original), computed(&["x"], DType::F64, converted));
        let signature = original.signatures()[0].clone();
        let tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };
        let parity = compare(&original, &signature, &converted, None, tolerance, false).unwrap();
        parity.accepted().map_err(|problem| problem.to_string())
    };
    let exact: Answer = |columns| doubled(columns, |_| 0.0);
    assert_eq!(compared(exact, exact), Ok(()));
    let above: Answer = |columns| doubled(columns, |x| f64::from((20_000..1 << 24).contains(&x.abs())));
    let found = compared(exact, above).unwrap_err();
    assert!(found.contains("rows of whole numbers up to 1e12"), "{found}");
    // Beyond what a double holds with bits to spare, a neighbour is a rounding.
    assert_eq!(
        compared(exact, |columns| doubled(columns, |x| f64::from(x.unsigned_abs() > 1 << 52))),
        Ok(())
    );
}

#[test]
fn rounding_of_whole_numbers_is_no_difference() {
    let squares: [Answer<f32>; 2] = [
        |columns| of_rows(columns, |a, _, _| a.round() * a.round()),
        |columns| of_rows(columns, |a, _, _| (f64::from(a.round()).powi(2) * (1.0 + 2e-7)) as f32),
    ];
    // Large sums whose order is another one.
    let sums: [Answer<f32>; 2] = [
        |columns| of_rows(columns, |a, b, c| (a.floor() + b.floor()) + c.floor()),
        |columns| of_rows(columns, |a, b, c| a.floor() + (b.floor() + c.floor())),
    ];
    for [original, converted] in [squares, sums] {
        assert_eq!(compared(&["a", "b", "c"], original, converted), Ok(()));
    }
}

#[test]
fn noise_of_rounding_is_no_difference() {
    let sums: [Answer<f32>; 3] = [
        |columns| of_rows(columns, |a, b, c| (a + b) + c),
        |columns| of_rows(columns, |a, b, c| a + (b + c)),
        |columns| of_rows(columns, |a, b, c| (f64::from(a) + f64::from(b) + f64::from(c)) as f32),
    ];
    let weighed: [Answer<f32>; 2] = [
        |columns| of_rows(columns, |a, b, c| 3000.0 * (a - b) + c),
        |columns| of_rows(columns, |a, b, c| (c - 3000.0 * b) + 3000.0 * a),
    ];
    // A sigmoid's end is a little above 0 in one library, and 0 in the other.
    let gated: [Answer<f32>; 2] = [
        |columns| of_rows(columns, |a, _, _| a / (1.0 + (-a).exp())),
        |columns| of_rows(columns, |a, _, _| a * (1.0 / (1.0 + (-a).exp())).max(1.5e-8)),
    ];
    for pairs in [&sums[..], &weighed, &gated] {
        for converted in pairs {
            assert_eq!(compared(&["a", "b", "c"], pairs[0], *converted), Ok(()));
        }
    }
    // What weighs another number is not.
    let lighter: Answer<f32> = |columns| of_rows(columns, |a, b, c| 3000.0 * (a - b) + c / 2.0);
    assert!(compared(&["a", "b", "c"], weighed[0], lighter).is_err());
}
