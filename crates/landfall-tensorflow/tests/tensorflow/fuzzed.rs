//! The readers of foreign bytes on damaged files: any bytes come to an end.

use crate::message::{graph, node, of_type, saved_model};
use landfall_tensorflow::fuzz;

/// Numbers that look like chance, the same each time.
fn dice(mut state: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound.max(1) as u64) as usize
    }
}

fn damaged(whole: &[u8], seed: u64) -> Vec<u8> {
    let (mut bytes, mut roll) = (whole.to_vec(), dice(seed));
    for _ in 0..=roll(4) {
        let at = roll(bytes.len());
        match roll(4) {
            0 => bytes[at] = roll(256) as u8,
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, roll(256) as u8),
            _ => {
                let end = (at + roll(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

#[test]
fn damaged_files_come_to_an_end() {
    let graph = graph(&[
        node("x", "Placeholder", &[], &[("dtype", of_type(1))]),
        node("y", "AddV2", &["x", "x:0"], &[("T", of_type(1))]),
    ]);
    let model = saved_model(&graph, "y:0", 1);
    let text = br#"node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "y" op: "AddV2" input: ["x", "x:0"] attr { key: "T" value { type: DT_FLOAT } } }
        library { function { signature { name: "f" } node_def { name: "n" op: "WriteFile" } } }"#;
    for seed in 1..3000 {
        fuzz::saved_model(&damaged(&model.0, seed));
        fuzz::graph(&damaged(&graph.0, seed));
        fuzz::graph(&damaged(text, seed));
    }
}
