//! The fuzzers' bodies over broken copies of small models, from fixed seeds.

use crate::{catboost, written};
use landfall_trees::fuzz;

/// Numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

/// What takes the place of some bytes.
const PIECES: [&[u8]; 16] = [
    b"",
    b"-1",
    b"0",
    b"4294967295",
    b"-9999999999",
    b"1e999",
    b"nan",
    b"[",
    b"]",
    b"{",
    b"\"",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"[$l#L",
    b",",
];

fn broken(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(bytes.len());
        match dice.below(4) {
            0 => bytes[at] = dice.below(256) as u8,
            1 => bytes[at] ^= 1 << dice.below(8),
            2 => {
                let end = (at + dice.below(9)).min(bytes.len());
                bytes.splice(at..end, PIECES[dice.below(PIECES.len())].iter().copied());
            }
            _ => {
                let from = dice.below(bytes.len());
                let piece = bytes[from..(from + dice.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

fn over(seed: u64, models: &[Vec<u8>], body: fn(&[u8])) {
    let mut dice = Dice(seed);
    for bytes in models {
        body(bytes);
        for _ in 0..1500 {
            body(&broken(bytes, &mut dice));
        }
    }
}

fn json() -> Vec<Vec<u8>> {
    let models =
        [written::xgboost(), written::xgboost_with_names(), written::lightgbm_dump(), catboost::document()];
    models.iter().map(|model| model.to_string().into_bytes()).collect()
}

#[test]
fn broken_json_comes_to_an_end() {
    over(1, &json(), fuzz::json);
    fuzz::json("[".repeat(1400).as_bytes());
    fuzz::json(format!("{}{}", "[".repeat(1400), "]".repeat(1400)).as_bytes());
}

#[test]
fn broken_universal_binary_json_comes_to_an_end() {
    over(
        2,
        &[written::ubjson(&written::xgboost()), written::ubjson(&written::xgboost_with_names())],
        fuzz::ubjson,
    );
}

#[test]
fn broken_binary_models_come_to_an_end() {
    over(3, &[written::binary()], fuzz::xgboost_binary);
}

#[test]
fn broken_text_comes_to_an_end() {
    over(4, &[written::LIGHTGBM.into()], fuzz::lightgbm_text);
}

#[test]
fn broken_flatbuffers_come_to_an_end() {
    over(6, &[catboost::binary(false), catboost::binary(true)], fuzz::catboost_binary);
}

#[test]
fn broken_models_that_are_read_still_answer() {
    let mut models = json();
    models.extend([catboost::binary(false), catboost::binary(true)]);
    models.extend([written::ubjson(&written::xgboost()), written::binary(), written::LIGHTGBM.into()]);
    over(5, &models, fuzz::model);
}
