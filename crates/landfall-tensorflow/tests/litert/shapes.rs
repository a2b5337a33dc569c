//! Outputs whose shapes show in a run, of a file made by `fixtures/make.py`; expected is what LiteRT's own interpreter
//! answers.

use crate::caller::{Caller, loaded, texts};
use landfall_model::{RowRule, Tensor};

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

/// Shape and values as text, output by output in the order of their names.
fn told(mut answers: Vec<(String, Tensor)>) -> Vec<String> {
    answers.sort_by(|(a, _), (b, _)| a.cmp(b));
    let one = |(name, tensor): &(String, Tensor)| {
        let values: Vec<String> = (0..tensor.len()).map(|at| tensor.scalar(at).to_string()).collect();
        format!("{name} {} {}", tensor.shape(), values.join(" "))
    };
    answers.iter().map(one).collect()
}

#[test]
fn what_is_found_among_values_comes_with_its_shape_call_after_call() {
    let Some(model) = loaded("shapes.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for (rows, expected) in [
        (
            &[1.0, -1.0, 0.0, 2.0][..],
            [
                "constant [2] 7 8",
                "count [] 4",
                "same [2,2] 1 -1 0 2",
                "values [2] 2 4",
                "where [2,2] 0 0 1 1",
            ],
        ),
        (
            &[-1.0, -2.0],
            ["constant [2] 7 8", "count [] 0", "same [1,2] -1 -2", "values [0] ", "where [0,2] "],
        ),
        (
            &[0.0, 0.5],
            ["constant [2] 7 8", "count [] 2", "same [1,2] 0 0.5", "values [1] 1", "where [1,2] 0 1"],
        ),
    ] {
        let found = caller.ask("positive", &[("x", floats(&[rows.len() / 2, 2], rows))]).unwrap();
        assert_eq!(told(found), expected);
    }
    let many = vec![1f32; 20_000];
    let found = caller.ask("positive", &[("x", floats(&[10_000, 2], &many))]).unwrap();
    let values = found.iter().find(|(name, _)| name == "values").unwrap();
    assert_eq!(values.1.values::<f32>().unwrap(), vec![2f32; 20_000]);
}

#[test]
fn lengths_that_are_values_of_inputs_are_taken_as_they_come() {
    let Some(model) = loaded("shapes.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for n in [4, 0, 100_000, 1] {
        let found = caller.ask("count", &[("n", Tensor::from_slice(&[], &[n]).unwrap())]).unwrap();
        assert_eq!(found[0].1.values::<i32>().unwrap(), (0..n).map(|i| 3 * i).collect::<Vec<_>>());
    }
    let x = floats(&[6], &[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    let mut folded = |shape: &[i32]| {
        let shape = Tensor::from_slice(&[shape.len()], shape).unwrap();
        caller.ask("folded", &[("x", x.clone()), ("shape", shape)]).map(told)
    };
    let signs = "positive [6] false false false true true true".to_owned();
    for (shape, text) in [
        (&[2, -1, 1][..], "[2,3,1]"),
        (&[6], "[6]"),
        (&[1; 9], ""),
        (&[1, 1, 1, 1, 1, 1, 1, 1, 6], "[1,1,1,1,1,1,1,1,6]"),
    ] {
        let found = folded(shape);
        if text.is_empty() {
            assert!(found.unwrap_err().to_string().contains("(RESHAPE) failed to invoke"));
        } else {
            assert_eq!(found.unwrap(), [signs.clone(), format!("y {text} -2 -1 0 1 2 3")]);
        }
    }
}

#[test]
fn strings_and_numbers_of_unknown_shape_come_from_one_run() {
    let Some(model) = loaded("shapes.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for (keep, words, places) in [
        (&[1, 0, 1][..], &["a", "Grüße"][..], &[0i64, 2][..]),
        (&[0, 0, 0], &[], &[]),
        (&[1, 1, 1], &["a", "", "Grüße"], &[0, 1, 2]),
    ] {
        let inputs =
            [("words", texts(&[3], &["a", "", "Grüße"])), ("keep", Tensor::from_slice(&[3], keep).unwrap())];
        assert_eq!(caller.words("kept", &inputs, "words"), words);
        let found = caller.ask("kept", &inputs).unwrap();
        let found = &found.iter().find(|(name, _)| name == "places").unwrap().1;
        assert_eq!((&found.shape()[..], found.values::<i64>().unwrap()), (&[places.len(), 1][..], places));
    }
}

#[test]
fn what_picks_rows_by_their_values_is_never_batched() {
    let Some(model) = loaded("shapes.tflite") else { return };
    for signature in model.signatures() {
        let expected = if signature.name() == "passed" { RowRule::Independent } else { RowRule::None };
        assert_eq!(*signature.rows(), expected, "{}", signature.name());
    }
}

#[test]
fn an_output_that_is_an_input_comes_back_as_it_went() {
    let Some(model) = loaded("shapes.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for rows in [&[1.0, 2.0][..], &[3.0, 4.0, 5.0, 6.0]] {
        let found = told(caller.ask("passed", &[("x", floats(&[rows.len() / 2, 2], rows))]).unwrap());
        let text =
            |plus: f32| rows.iter().map(|value| (value + plus).to_string()).collect::<Vec<_>>().join(" ");
        let shape = format!("[{},2]", rows.len() / 2);
        assert_eq!(found, [format!("x {shape} {}", text(0.0)), format!("y {shape} {}", text(1.0))]);
    }
}
