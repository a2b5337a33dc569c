//! ZipMap's output, a map from class to score for each row, as one tensor [rows, classes] in the order of the classes.

use super::problem::run_problem;
use super::value::Value;
use landfall_model::{DType, Problem, Reason, Shape, Strings, Tensor, TensorMut};

/// The keys of one map.
#[derive(PartialEq)]
enum Keys {
    Strings(Strings),
    Integers(Vec<i64>),
}

/// Reads the maps.
///
/// # Errors
/// When the library fails, or a key is none of the classes.
pub(super) fn tensor(value: &Value, classes: &[String]) -> Result<Tensor, Problem> {
    let rows = value.count().map_err(run_problem)?;
    let mut scores = TensorMut::with_capacity(DType::F32, rows * classes.len());
    // All rows of a ZipMap have the same keys: where they stand among the classes is found once.
    let mut known: Option<(Keys, Vec<usize>)> = None;
    for row in 0..rows {
        let map = value.item(row).map_err(run_problem)?;
        let keys = keys(map.item(0).map_err(run_problem)?)?;
        if known.as_ref().is_none_or(|(same, _)| *same != keys) {
            let places = places(&keys, classes)?;
            known = Some((keys, places));
        }
        let Some((_, places)) = &known else { continue };
        let (_, shape, buffer) = map.item(1).and_then(Value::plain).map_err(run_problem)?;
        let values = Tensor::from_buffer(DType::F32, shape, buffer)?;
        let start = scores.len();
        (0..classes.len()).for_each(|_| scores.push(0f32));
        let line = &mut scores.plain_mut().values_mut::<f32>()[start..];
        for (&place, &score) in places.iter().zip(values.values::<f32>()?) {
            line[place] = score;
        }
    }
    scores.freeze(Shape::new(&[rows, classes.len()]))
}

fn keys(value: Value) -> Result<Keys, Problem> {
    let (element, shape) = value.tensor().map_err(run_problem)?;
    match element.dtype() {
        Some(DType::String) => Ok(Keys::Strings(value.strings(shape.elements()?).map_err(run_problem)?)),
        Some(DType::I64) => {
            let (_, shape, buffer) = value.plain().map_err(run_problem)?;
            Ok(Keys::Integers(Tensor::from_buffer(DType::I64, shape, buffer)?.values::<i64>()?.to_vec()))
        }
        _ => Err(engine(format!("a map has keys of {element}"))),
    }
}

/// Where each key stands among the classes.
fn places(keys: &Keys, classes: &[String]) -> Result<Vec<usize>, Problem> {
    let place = |key: String| {
        let found = classes.iter().position(|class| *class == key);
        found.ok_or_else(|| engine(format!("{key:?} is none of the classes that the model declares")))
    };
    match keys {
        Keys::Strings(texts) => {
            texts.iter().map(|key| place(String::from_utf8_lossy(key).into_owned())).collect()
        }
        Keys::Integers(numbers) => numbers.iter().map(|key| place(key.to_string())).collect(),
    }
}

fn engine(text: String) -> Problem {
    Problem::new(Reason::Engine { engine: super::NAME, text })
}
