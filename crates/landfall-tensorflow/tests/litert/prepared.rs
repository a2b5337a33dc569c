//! Files of which LiteRT cannot prepare all signatures for calls, made by `fixtures/make.py`: its own interpreter fails in
//! `allocate_tensors`, or with the signatures concerned.

use crate::caller::{Caller, loaded, refused};
use landfall_model::{Kind, Problem, RowRule, Tensor};

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

#[test]
fn what_cannot_be_prepared_is_refused_at_load_in_the_librarys_words() {
    let Some(problem) = refused("unprepared.tflite") else { return };
    let said = problem.to_string();
    assert!(said.contains("unprepared.tflite: signature \"sum\""), "{said}");
    assert!(said.contains("[2,3] and [2,2]"), "{said}");
    assert!(said.contains("(ADD) failed to prepare"), "{said}");
}

#[test]
fn a_signature_that_cannot_be_prepared_is_told_of_and_the_other_answers() {
    let Some(model) = loaded("half.tflite") else { return };
    let notes = model.facts().notes;
    let note = notes.iter().find(|note| note.contains("signature \"difference\" cannot be called"));
    assert!(note.is_some_and(|note| note.contains("(SUB) failed to prepare")), "{notes:?}");
    let mut caller = Caller::of(&*model);
    let whole = |value: i32| Tensor::from_slice(&[2, 3], &[value; 6]).unwrap();
    let found = caller.ask("sum", &[("a", whole(1)), ("b", whole(2))]).unwrap();
    assert_eq!(found[0].1.values::<i32>().unwrap(), [3; 6]);
}

#[test]
fn lengths_that_the_file_was_not_converted_with_are_found_and_taken() {
    let Some(model) = loaded("lengths.tflite") else { return };
    let rows = |name: &str| {
        let signature = model.signatures().iter().find(|signature| signature.name() == name).unwrap();
        signature.rows().clone()
    };
    assert_eq!(rows("windows"), RowRule::Independent, "{:?}", model.facts().notes);
    assert_eq!(rows("fours"), RowRule::None);
    let mut caller = Caller::of(&*model);
    let mut ask = |name: &str, x: Tensor| caller.ask(name, &[("x", x)]).map(|found| found[0].1.clone());
    let refused = |problem: Problem, shape: &str| {
        assert_eq!(problem.kind(), Kind::InvalidArgument, "{problem}");
        assert!(problem.to_string().contains(shape), "{problem}");
    };
    for _ in 0..2 {
        let found = ask("windows", floats(&[1, 4, 1], &[0.0, 1.0, 2.0, 3.0])).unwrap();
        assert_eq!(found.values::<f32>().unwrap(), [10.0, 17.0]);
        refused(ask("windows", floats(&[1, 2, 1], &[0.0, 1.0])).unwrap_err(), "[1,2,1]");
        let found = ask("windows", floats(&[2, 3, 1], &[0.0, 1.0, 2.0, 1.0, 1.0, 1.0])).unwrap();
        assert_eq!(found.values::<f32>().unwrap(), [10.0, 7.0]);

        let whole =
            |count: i32| Tensor::from_slice(&[count as usize], &(0..count).collect::<Vec<_>>()).unwrap();
        assert_eq!(&ask("fours", whole(8)).unwrap().shape()[..], [2, 4]);
        refused(ask("fours", whole(6)).unwrap_err(), "[6]");
        assert_eq!(&ask("fours", whole(4)).unwrap().shape()[..], [1, 4]);

        let found = ask("pairs", floats(&[1, 8], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])).unwrap();
        assert_eq!(found.values::<f32>().unwrap(), [20.0, 60.0]);
        let said = ask("pairs", floats(&[1, 6], &[0.0; 6])).unwrap_err().to_string();
        assert!(said.contains("cannot run the model"), "{said}");
    }
}
