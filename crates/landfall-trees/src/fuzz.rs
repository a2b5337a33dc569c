//! Bodies for fuzzers: any bytes must come to an end, without a panic and without memory beyond a bound that their own
//! size gives.

use crate::document::{json, ubjson};
use crate::{catboost, lightgbm, load, xgboost};
use landfall_model::{Call, Input, Options, Outputs, Shape, Tensor, TensorMut};

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

/// LightGBM's text.
pub fn lightgbm_text(bytes: &[u8]) {
    let _ = lightgbm::load_text(lightgbm::Text::of_bytes("fuzz", bytes), &Options::new());
}
