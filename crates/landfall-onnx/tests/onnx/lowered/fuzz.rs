//! Any bytes in place of a graph of trees.

use super::dice::Dice;
use super::graphs::{behind, floats, integers, ml_node, with};
use crate::support::{fixture, node, shared};
use landfall_onnx::fuzz;

#[test]
fn broken_bytes_come_to_an_end() {
    let scaler =
        with(ml_node("Scaler", &["x"], &["z"]), &[floats("offset", &[1.0]), floats("scale", &[2.0])]);
    let hot = with(ml_node("OneHotEncoder", &["x"], &["h"]), &[integers("cats_int64s", &[1, 2])]);
    let mut files = vec![
        behind(&[scaler.clone(), node("Add", &["z", "x"], &["s"])], "s", 1, 2),
        behind(&[hot, node("Flatten", &["h"], &["f"])], "f", 1, 2),
        std::fs::read(fixture("pipeline_strings.onnx")).unwrap(),
    ];
    if shared("conformance/trees/onnx.tar.xz").is_some()
        && let Some(folder) = super::cases::unpacked()
    {
        for case in ["onnxhand-v5-modes", "onnxhand-cls-2", "s19-cols-onehot"] {
            files.push(std::fs::read(folder.join(case).join("model.onnx")).unwrap());
        }
    }
    let mut dice = Dice::new(11);
    for file in &files {
        fuzz::lowered(file);
        for _ in 0..400 {
            let mut bytes = file.clone();
            for _ in 0..1 + dice.below(4) {
                let at = dice.below(bytes.len());
                let flipped = bytes[at] ^ 1 << dice.below(8);
                bytes[at] = dice.one_of(&[0, 1, 0x7f, 0x80, 0xff, flipped]);
            }
            if dice.chance(8) {
                bytes.truncate(dice.below(bytes.len()));
            }
            fuzz::lowered(&bytes);
        }
    }
}
