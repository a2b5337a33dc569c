//! Files whose tensors are strings, made by `fixtures/make.py`; expected is what LiteRT's own interpreter answers.

use crate::caller::{Caller, loaded, texts};
use landfall_model::{RowRule, Tensor};

const LONG: &str = "longer than what was there before";

#[test]
fn strings_go_in_and_come_out_call_after_call() {
    let Some(model) = loaded("texts.tflite") else { return };
    let mut caller = Caller::of(&*model);
    let at = |places: &[i32]| ("at", Tensor::from_slice(&[places.len()], places).unwrap());
    for (words, places, expected) in [
        (&["a", "", "Grüße"][..], &[2, 0, 2, 1][..], &["Grüße", "a", "Grüße", ""][..]),
        (&["b", "c", LONG], &[2, 2, 2, 0], &[LONG, LONG, LONG, "b"]),
        (&["", "", ""], &[0, 1, 2, 0], &[""; 4]),
        (&["only"], &[0], &["only"]),
    ] {
        let inputs = [("words", texts(&[words.len()], words)), at(places)];
        let found = caller.words("pick", &inputs, "picked");
        assert_eq!(found, expected, "{words:?} at {places:?}");
    }
    let failed = caller.ask("pick", &[("words", texts(&[1], &["a"])), at(&[5])]).unwrap_err().to_string();
    assert!(
        failed.contains("cannot run the model") && failed.contains("gather index out of bounds"),
        "{failed}"
    );
    assert_eq!(caller.words("pick", &[("words", texts(&[1], &["a"])), at(&[0])], "picked"), ["a"]);
}

#[test]
fn strings_are_compared_and_given_for_numbers() {
    let Some(model) = loaded("texts.tflite") else { return };
    let mut caller = Caller::of(&*model);
    let (a, b) = (texts(&[3], &["a", "", "Grüße"]), texts(&[3], &["a", "b", "Grüße"]));
    let same = caller.ask("same", &[("a", a), ("b", b)]).unwrap();
    assert_eq!(same[0].1.bools().unwrap(), [1, 0, 1]);
    let eye = Tensor::from_slice(&[3, 3], &[1f32, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    // The highest value's shape shows during a run alone, behind strings.
    let label = model.signatures().iter().find(|signature| signature.name() == "label").unwrap();
    assert_eq!(*label.rows(), RowRule::Independent);
    assert_eq!(caller.words("label", &[("x", eye.clone())], "label"), ["cat", "dog", "Vögel"]);
    for (row, name) in ["cat", "dog", "Vögel"].into_iter().enumerate() {
        assert_eq!(caller.words("label", &[("x", eye.rows(row..row + 1))], "label"), [name]);
    }
    let none = caller.ask("label", &[("x", eye.rows(1..1))]).unwrap();
    assert!(none.iter().all(|(_, tensor)| tensor.is_empty()), "no rows, no answers");
}

#[test]
fn outputs_of_strings_may_be_far_longer_than_the_inputs() {
    let Some(model) = loaded("texts.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for word in ["a", &"long ".repeat(1000), "b"] {
        let found = caller.words("often", &[("word", texts(&[2, 1], &[word, "c"]))], "words");
        assert_eq!(found.len(), 1000);
        assert!(
            found[..500].iter().all(|value| value == word) && found[500..].iter().all(|value| value == "c")
        );
    }
}

#[test]
fn strings_that_grow_from_call_to_call_and_shrink_again_come_back_whole() {
    let Some(model) = loaded("texts.tflite") else { return };
    let mut caller = Caller::of(&*model);
    // The longest ones together take more than memory is kept for.
    for length in [1, 10, 100, 10_000, 12_000, 40_000, 3, 40_000, 0] {
        let word = "w".repeat(length);
        let found = caller.words("often", &[("word", texts(&[1, 1], &[&word]))], "words");
        assert_eq!(found.len(), 500);
        assert!(found.iter().all(|value| *value == word), "{length} bytes each");
    }
}

#[test]
fn tables_take_words_to_words_and_to_numbers() {
    let Some(model) = loaded("tables.tflite") else { return };
    let mut caller = Caller::of(&*model);
    for _ in 0..2 {
        let word = [("word", texts(&[3], &["a", "c", "zz"]))];
        assert_eq!(caller.words("serving_default", &word, "name"), ["A", "CCC", "?"]);
        assert_eq!(caller.words("serving_default", &[("word", texts(&[1], &["b"]))], "name"), ["BB"]);
        let numbers = caller.ask("number", &word).unwrap();
        assert_eq!(numbers[0].1.values::<i64>().unwrap(), [10, 30, -1]);
    }
}
