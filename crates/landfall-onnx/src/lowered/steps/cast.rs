//! `Cast` between the types that pipelines have.

use super::super::Refusal;
use super::{Ask, Built, given};
use crate::declared::ElementType;
use crate::owned;
use landfall_model::{DType, Problem, Strings, Tensor};

/// A float as an integer, as x86 processors convert it: cut; the lowest integer where it does not fit.
pub(super) fn whole(value: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

fn whole32(value: f64) -> i32 {
    i32::try_from(whole(value)).unwrap_or(i32::MIN)
}

/// To another type.
pub(super) fn cast(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let to = ask.integer("to", 0)?;
    let to = u64::try_from(to).ok().and_then(|to| ElementType(to).dtype());
    let to = to.ok_or_else(|| Refusal::not("a cast to a type that no step takes"))?;
    let from = ask.dtype(0)?;
    let plain = |dtype| matches!(dtype, DType::F32 | DType::F64 | DType::I64 | DType::I32 | DType::Bool);
    let is_known = from == to
        || (plain(from) && plain(to))
        || (matches!(from, DType::I64 | DType::I32) && to == DType::String);
    if !is_known {
        return Err(Refusal::not(format!("a cast from {from} to {to}")));
    }
    Ok(Built::one(to, move |inputs| converted(given(inputs, 0)?, to)))
}

fn converted(x: &Tensor, to: DType) -> Result<Tensor, Problem> {
    let shape = x.shape().clone();
    macro_rules! to {
        ($values:expr, $wide:expr) => {{
            let values = $values;
            match to {
                DType::F32 => owned::tensor(shape, values.map(|v| v as f32).collect::<Vec<f32>>()),
                DType::F64 => owned::tensor(shape, values.map(|v| v as f64).collect::<Vec<f64>>()),
                DType::I64 => owned::tensor(shape, values.map($wide).collect::<Vec<i64>>()),
                DType::I32 => owned::tensor(shape, values.map(|v| $wide(v) as i32).collect::<Vec<i32>>()),
                DType::String => {
                    let texts = values.map(|v| $wide(v).to_string()).collect::<Strings>();
                    Tensor::from_strings(shape, texts)
                }
                _ => owned::bools(shape, values.map(|v| v as f64 != 0.0)),
            }
        }};
    }
    if x.dtype() == to {
        return Ok(x.clone());
    }
    match x.dtype() {
        DType::F32 | DType::F64 if to == DType::I32 => {
            let narrow = match x.dtype() {
                DType::F32 => x.values::<f32>()?.iter().map(|&v| whole32(v.into())).collect::<Vec<i32>>(),
                _ => x.values::<f64>()?.iter().map(|&v| whole32(v)).collect(),
            };
            owned::tensor(shape, narrow)
        }
        DType::F32 => to!(x.values::<f32>()?.iter().copied(), |v| whole(f64::from(v))),
        DType::F64 => to!(x.values::<f64>()?.iter().copied(), whole),
        DType::I64 => to!(x.values::<i64>()?.iter().copied(), |v: i64| v),
        DType::I32 => to!(x.values::<i32>()?.iter().copied(), i64::from),
        DType::Bool => to!(x.bools()?.iter().map(|&b| u8::from(b != 0)), i64::from),
        other => Err(Problem::internal(format!("a cast from {other} passed the check at load"))),
    }
}
