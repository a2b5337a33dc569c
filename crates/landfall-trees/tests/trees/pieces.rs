//! Files that are read a piece at a time answer as those whose bytes are in memory.

use crate::files::load;
use crate::written;
use landfall_model::{Call, Input, Options, Outputs, Tensor};
use landfall_trees::Scorer;

/// So many that a file is not read at once.
const TIMES: usize = 30_000;

/// A model of so many times the trees of [`written::LIGHTGBM`].
fn repeated(times: usize) -> String {
    let start = written::LIGHTGBM.find("Tree=0").unwrap();
    let end = written::LIGHTGBM.find("end of trees").unwrap();
    let (head, trees, tail) =
        (&written::LIGHTGBM[..start], &written::LIGHTGBM[start..end], &written::LIGHTGBM[end..]);
    [head, &trees.repeat(times), tail].concat()
}

#[test]
fn text_of_lightgbm_of_several_megabytes_answers_as_its_bytes_do() {
    let text = repeated(TIMES);
    assert!(text.len() > 10 << 20);
    let rows = [[0.0, 1.0], [0.75, 33.0], [f32::NAN, 2.0]];
    let model = load("model.txt", text.as_bytes(), &[]).unwrap();
    let signature = model.signatures()[0].clone();
    let matrix = Tensor::from_slice(&[3, 2], rows.map(|row| row.map(f64::from)).as_flattened()).unwrap();
    let wanted = std::iter::once(signature.output("prediction").unwrap()).collect();
    let call = Call::checked(signature, vec![Some(Input::Dense(matrix))], wanted).unwrap();
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call, &mut outputs).unwrap();
    let found = outputs.iter().next().unwrap().1.values::<f64>().unwrap();
    let mut scorer = Scorer::read(text.as_bytes(), "model.txt", &Options::new()).unwrap();
    let mut expected = Vec::new();
    scorer.score(rows.as_flattened(), &mut expected).unwrap();
    assert_eq!(found, expected);
    assert_eq!(found[0], -0.75 * TIMES as f64);
}

#[test]
fn what_is_wrong_in_a_late_piece_is_told_by_tree_and_node() {
    let text = repeated(TIMES);
    let place = text.rfind("left_child=-1 -2").unwrap();
    let broken = [&text[..place], "left_child=-1 1", &text[place + 16..]].concat();
    let problem = load("model.txt", broken.as_bytes(), &[]).err().unwrap().to_string();
    assert!(problem.contains("node 1: child 1 is led to twice"), "{problem}");
    assert!(problem.starts_with(&format!("model.txt: tree {}: ", 2 * TIMES - 2)), "{problem}");
    let cut = &text[..text.len() / 2];
    let problem = load("model.txt", cut.as_bytes(), &[]).err().unwrap().to_string();
    assert!(problem.starts_with("model.txt: "), "{problem}");
}
