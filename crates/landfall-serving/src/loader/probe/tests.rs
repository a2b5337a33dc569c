//! The row probe against models whose rows do and do not depend on each other.

use super::*;
use crate::fake::FakeModel;
use landfall_model::{InputSpec, Method, Model, OutputSpec, ShapeRule, TensorMut};

fn settled(text: &str) -> (RowRule, Option<String>) {
    let model = FakeModel::of(text);
    let mut instance = model.instance().unwrap();
    let (signature, note) = proven(&model.signatures()[0], &mut *instance, &[]);
    (signature.rows().clone(), note)
}

#[test]
fn rows_that_answer_alone_as_in_company_are_independent() {
    assert_eq!(settled("fake\nscale 3\nend\n"), (RowRule::Independent, None));
    assert_eq!(settled("fake\nstrings\nend\n"), (RowRule::Independent, None));
}

#[test]
fn rows_that_depend_on_each_other_are_never_batched() {
    let (rule, note) = settled("fake\ncouple\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains("depends on the other rows"));
}

#[test]
fn rows_that_depend_on_each_other_when_they_are_longer_than_one_value_are_never_batched() {
    assert_eq!(settled("fake\nleast 1\nend\n"), (RowRule::Independent, None));
    let (rule, note) = settled("fake\nleast 1\ncouple 8\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains("depends on the other rows"));
}

#[test]
fn rows_that_depend_on_each_other_where_one_is_large_are_never_batched() {
    let (rule, note) = settled("fake\novershadow\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains("depends on the other rows"));
}

#[test]
fn an_output_without_rows_is_never_batched() {
    let (rule, note) = settled("fake\ncollapse\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains(r#"output "y" has shape [1] for 4 rows and [1] for 1"#));
}

#[test]
fn rows_that_fall_together_when_they_are_equal_are_never_batched() {
    let (rule, note) = settled("fake\ndistinct\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains(r#"output "y" has shape [2] for 4 rows and [1] for 1"#));
}

#[test]
fn free_axes_are_tried_longer_until_the_model_runs() {
    assert_eq!(settled("fake\nleast 8\nend\n").0, RowRule::Independent);
    let (rule, note) = settled("fake\nleast 1000\nend\n");
    assert_eq!(rule, RowRule::None);
    assert!(note.unwrap().contains("the probe did not run: 64 are too few"));
}

#[test]
fn models_that_take_no_zeros_are_tried_with_other_values() {
    for refused in ["0", "1", "alike"] {
        let model = |more: &str| settled(&format!("fake\nleast 1\nrefuse {refused}\n{more}end\n"));
        assert_eq!(model(""), (RowRule::Independent, None), "{refused}");
        let (rule, note) = model("couple\n");
        assert_eq!(rule, RowRule::None, "{refused}");
        assert!(note.unwrap().contains("depends on the other rows"), "{refused}");
        assert_eq!(model("overshadow\n").0, RowRule::None, "{refused}");
    }
}

#[test]
fn what_no_made_row_runs_is_told_with_the_first_reason() {
    let signature = |dtype| {
        let input = InputSpec::new("x", dtype, Some(vec![Dim::Free(None), Dim::Known(2)]));
        let output = OutputSpec::new("y", dtype, Some(vec![Dim::Free(None)]));
        let (rows, shapes) = (RowRule::Unproven, ShapeRule::Checked);
        Signature::new("s", Method::Predict, vec![input], vec![output], rows, shapes).unwrap().shared()
    };
    struct Refuses(usize);
    impl Instance for Refuses {
        fn run(&mut self, _: &Call, _: &mut Outputs) -> Result<(), Problem> {
            self.0 += 1;
            Err(Problem::invalid(format!("refusal {}", self.0)))
        }
    }
    for (dtype, kinds) in [(DType::I8, SMALL.len()), (DType::Bool, 1)] {
        let mut instance = Refuses(0);
        let (settled, note) = proven(&signature(dtype), &mut instance, &[]);
        assert_eq!((settled.rows(), instance.0), (&RowRule::None, kinds), "truths without a false are alike");
        assert!(note.unwrap().contains("the probe did not run: refusal 1"));
    }
}

#[test]
fn given_rows_are_taken_where_there_are_two_that_differ() {
    let model = FakeModel::of("fake\nleast 100\nend\n");
    let signature = &model.signatures()[0];
    let call = |rows: &[f32]| {
        let values: Vec<f32> = rows.iter().flat_map(|&value| vec![value; 100]).collect();
        let x = Tensor::from_slice(&[rows.len(), 100], &values).unwrap();
        Call::checked(signature.clone(), vec![Some(Input::Dense(x))], Wanted::default()).unwrap()
    };
    let probe = |calls: &[Call]| {
        let mut instance = model.instance().unwrap();
        proven(signature, &mut *instance, calls).0.rows().clone()
    };
    assert_eq!(probe(&[call(&[1.0]), call(&[2.0, 2.0, 3.0])]), RowRule::Independent);
    assert_eq!(probe(&[call(&[2.0, 2.0])]), RowRule::None, "equal rows prove nothing");
}

#[test]
fn configuration_says_what_rows_are_where_the_model_does_not() {
    let rule =
        |text: &str, batch| overridden(&FakeModel::of(text).signatures()[0], batch).map(|s| s.rows().clone());
    assert_eq!(rule("fake\nend\n", None).unwrap(), RowRule::Unproven);
    assert_eq!(rule("fake\nend\n", Some(true)).unwrap(), RowRule::Independent);
    assert_eq!(rule("fake\nend\n", Some(false)).unwrap(), RowRule::None);
    assert_eq!(rule("fake\nrows 4\nend\n", None).unwrap(), RowRule::None);
    assert_eq!(rule("fake\nrows 4\nend\n", Some(true)).unwrap(), RowRule::Pieces(4));
    let pieces = overridden(&FakeModel::of("fake\nrows 4\nend\n").signatures()[0], Some(true)).unwrap();
    assert_eq!(pieces.inputs()[0].declared_shape(), "[-1,2]", "calls of any number of rows are taken");
    let ordered = FakeModel::of("fake\nend\n").signatures()[0].as_ref().clone().with_rows(RowRule::Ordered);
    assert!(overridden(&ordered, Some(true)).is_err());
}

#[test]
fn mixed_first_axes_cannot_be_rows() {
    let input = |name: &str, first| InputSpec::new(name, DType::F32, Some(vec![first, Dim::Known(2)]));
    let make = |inputs| {
        let output = OutputSpec::new("y", DType::F32, None);
        Signature::new("s", Method::Predict, inputs, vec![output], RowRule::None, ShapeRule::Checked).unwrap()
    };
    let mixed = make(vec![input("a", Dim::Known(2)), input("b", Dim::Free(None))]);
    assert!(overridden(&mixed, Some(true)).unwrap_err().to_string().contains("not of one length"));
    let scalar = make(vec![InputSpec::new("a", DType::F32, Some(vec![]))]);
    assert!(overridden(&scalar, Some(true)).is_err());
}

#[test]
fn nearness_is_relative_and_nan_is_like_nan() {
    let tensor = |values: &[f32]| Tensor::from_slice(&[values.len()], values).unwrap();
    assert!(same(&tensor(&[1000.0, 1e-9]), &tensor(&[1000.05, 2e-9])));
    assert!(!same(&tensor(&[1000.0]), &tensor(&[1000.2])));
    assert!(same(&tensor(&[f32::NAN, f32::INFINITY]), &tensor(&[f32::NAN, f32::INFINITY])));
    assert!(!same(&tensor(&[f32::NAN]), &tensor(&[1.0])));
    assert!(!same(&tensor(&[f32::INFINITY]), &tensor(&[f32::NEG_INFINITY])));
    let whole = |value: i64| Tensor::from_slice(&[1], &[value]).unwrap();
    assert!(!same(&whole(1 << 40), &whole((1 << 40) + 1)), "integers are equal or not");
}

#[test]
fn values_of_half_precision_may_be_neighbours() {
    for (dtype, next, further) in
        [(DType::F16, 1.0 + 1.0 / 1024.0, 1.01), (DType::BF16, 1.0 + 1.0 / 128.0, 1.1)]
    {
        let tensor = |value: f64| {
            let mut tensor = TensorMut::new(dtype);
            tensor.push_scalar(&Scalar::Float(value)).unwrap();
            tensor.freeze([1].into_iter().collect()).unwrap()
        };
        assert!(same(&tensor(1.0), &tensor(next)), "{dtype}");
        assert!(!same(&tensor(1.0), &tensor(further)), "{dtype}");
    }
}
