//! Bodies for fuzzers: any bytes must come to an end, without a panic and without memory beyond a bound that their own
//! size gives.

use crate::document::{json, ubjson};
use crate::lightgbm::Text;
use crate::{catboost, lightgbm, load, xgboost};
use landfall_model::{Call, Input, Options, Outputs, Shape, Tensor, TensorMut};
use std::io::{ErrorKind, Read};

/// Whatever form the bytes have, and a row through the model if it is one.
pub fn model(bytes: &[u8]) {
    let Ok(model) = load::load("fuzz", bytes, &Options::new()) else { return };
    for signature in model.signatures() {
        let tensor = |spec: &landfall_model::InputSpec| -> Option<Tensor> {
            let width = spec.columns.len();
            let shape = if width > 0 { Shape::new(&[1, width]) } else { Shape::new(&[1]) };
            let mut values = TensorMut::new(spec.dtype);
            for _ in 0..shape.elements().ok()? {
                values.push_missing(&spec.null, &spec.name, 0).ok()?;
            }
            values.freeze(shape).ok()
        };
        let inputs: Vec<_> = signature
            .inputs()
            .iter()
            .map(|spec| if spec.optional { None } else { tensor(spec).map(Input::Dense) })
            .collect();
        let wanted = (0..signature.outputs().len()).filter(|&place| place < 4).collect();
        let Ok(call) = Call::checked(signature.clone(), inputs, wanted) else { continue };
        if let Ok(mut instance) = model.instance() {
            let _ = instance.run(&call, &mut Outputs::new());
        }
    }
}

/// JSON, as a model of XGBoost's, as a dump of LightGBM's, and as a model of CatBoost's.
pub fn json(bytes: &[u8]) {
    if let Ok(document) = json::read("fuzz", bytes) {
        let _ = xgboost::load_document(&document, &Options::new());
        let _ = lightgbm::load_dump(&document, &Options::new());
        let _ = catboost::load_document(&document, &Options::new());
    }
}

/// Universal Binary JSON, as a model of XGBoost's.
pub fn ubjson(bytes: &[u8]) {
    if let Ok(document) = ubjson::read("fuzz", bytes) {
        let _ = xgboost::load_document(&document, &Options::new());
    }
}

/// XGBoost's old binary form.
pub fn xgboost_binary(bytes: &[u8]) {
    let _ = xgboost::load_binary("fuzz", bytes, &Options::new());
}

/// CatBoost's own form.
pub fn catboost_binary(bytes: &[u8]) {
    let _ = catboost::load_binary("fuzz", bytes, &Options::new());
}

/// LightGBM's text, whole and in pieces of odd sizes, which the bytes themselves choose: both ways give the same.
///
/// # Panics
/// When they do not.
pub fn lightgbm_text(bytes: &[u8]) {
    let read = |text: Text<'_>| match lightgbm::load_text(text, &Options::new()) {
        Ok(compiled) => format!("{compiled:?}"),
        Err(problem) => problem.to_string(),
    };
    let whole = read(Text::of_bytes("fuzz", bytes));
    let mut pieces = Pieces { rest: bytes, size: bytes.len() % 61 };
    let in_pieces = read(Text::of_reader("fuzz", bytes.len() as u64, &mut pieces));
    assert_eq!(whole, in_pieces, "whole, and in pieces");
}

/// Gives bytes in pieces, each as long as the last one's bytes happen to say, and now and then an interruption.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.size == 0 {
            self.size = 1;
            return Err(ErrorKind::Interrupted.into());
        }
        let (piece, rest) = self.rest.split_at(self.size.min(self.rest.len()).min(into.len()));
        into[..piece.len()].copy_from_slice(piece);
        self.rest = rest;
        self.size = usize::from(piece.last().copied().unwrap_or(1)) % 61;
        Ok(piece.len())
    }
}
