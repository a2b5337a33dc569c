//! Broken files: refused with a place and a reason, whether or not the library is here; and the fuzzers' body over broken
//! copies, from fixed seeds.

use crate::cases::Case;
use landfall_foreign::Surroundings;
use landfall_model::{Engine, FilesInMemory, Kind, Options};
use landfall_tensorflow::{LiteRt, fuzz};

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

fn files() -> Option<Vec<(String, Vec<u8>)>> {
    let cases = Case::all()?;
    Some(cases.iter().map(|case| (case.name.clone(), std::fs::read(case.model()).unwrap())).collect())
}

#[test]
fn a_broken_file_never_panics_and_never_reads_beyond_itself() {
    let Some(files) = files() else { return };
    let mut dice = Dice(0x7f1e);
    for (_, bytes) in &files {
        for _ in 0..400 {
            let mut broken = bytes.clone();
            for _ in 0..=dice.below(4) {
                let at = dice.below(broken.len());
                match dice.below(4) {
                    0 => broken[at] = dice.below(256) as u8,
                    1 => broken[at] ^= 1 << dice.below(8),
                    2 => broken.truncate(at.max(8)),
                    _ => {
                        let end = (at + 4).min(broken.len());
                        let wild = [0u32, 1, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000][dice.below(5)];
                        broken[at..end].copy_from_slice(&wild.to_le_bytes()[..end - at]);
                    }
                }
            }
            fuzz::tflite(&broken);
        }
    }
}

#[test]
fn noise_and_cut_files_are_refused_before_the_library_is_looked_for() {
    let Some(files) = files() else { return };
    let engine = LiteRt::new(None, Surroundings::default());
    let refused = |name: &str, bytes: Vec<u8>| {
        let file = FilesInMemory::new("/models/model.tflite", &bytes);
        let problem = engine.load(&file, &Options::new()).map(|_| ()).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidArgument, "{name}: {problem}");
        assert!(problem.to_string().starts_with("/models/model.tflite"), "{name}: {problem}");
    };
    for (name, bytes) in files {
        if name.starts_with("bad_") {
            refused(&name, bytes);
        } else {
            refused(&name, bytes[..bytes.len() * 2 / 3].to_vec());
        }
    }
}

#[test]
fn without_the_library_a_good_file_says_how_to_get_it() {
    let Some(files) = files() else { return };
    let (_, good) = files.into_iter().find(|(name, _)| name == "tflite_mlp").unwrap();
    let engine = LiteRt::new(None, Surroundings::default());
    let problem = engine.load(&FilesInMemory::new("model.tflite", &good), &Options::new());
    let problem = problem.map(|_| ()).unwrap_err();
    assert!(problem.to_string().contains("pip install ai-edge-litert"), "{problem}");
}

#[test]
fn tensorflow_operators_are_refused_by_name() {
    let Some(files) = files() else { return };
    let (_, flex) = files.into_iter().find(|(name, _)| name == "tflite_lstm").unwrap();
    let engine = LiteRt::new(None, Surroundings::default());
    let problem = engine.load(&FilesInMemory::new("model.tflite", &flex), &Options::new());
    let problem = problem.map(|_| ()).unwrap_err();
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(problem.to_string().contains("FlexTensorListReserve"), "{problem}");
}
