//! How long a click-through-rate body takes to decode and its answer to encode, without a server around it.

use crate::report::{Table, best};
use landfall_dialects::tfs::{grpc, rest};
use landfall_dialects::{Identity, JsonNan};
use landfall_model::{
    Buffer, DType, Dim, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature,
    Tensor, Version,
};
use std::hint::black_box;
use std::sync::Arc;

const ROUNDS: usize = 20;
/// Rows of a round.
const ROWS: usize = 40_000;

/// Nanoseconds for each of decoding and encoding.
///
/// # Errors
/// None is expected.
pub(crate) fn figures() -> Result<Table, Problem> {
    let signatures = [signature()?];
    let mut table = Table::new(&["what", "rows", "bytes", "ns", "ns a row"]);
    for rows in [1, 256] {
        let mut measure = |what: &str, bytes: usize, work: &mut dyn FnMut() -> Result<(), Problem>| {
            let calls = ROWS / rows;
            let time = best(ROUNDS, || (0..calls).try_for_each(|_| work()))?;
            let time = time.as_nanos() as f64 / calls as f64;
            let figures = [time, time / rows as f64].map(|figure| format!("{figure:.0}"));
            table.row(
                [what.to_owned(), rows.to_string(), bytes.to_string()].into_iter().chain(figures).collect(),
            );
            Ok::<(), Problem>(())
        };
        let body = Buffer::copy_of(rows_body(rows).as_bytes());
        measure("REST decode", body.len(), &mut || rest::decode(&body, &signatures).map(drop))?;
        let decoded = rest::decode(&body, &signatures)?;
        let mut outputs = Outputs::new();
        let scores: Vec<f32> = (0..rows).map(|row| 0.755_923_75 / (row as f32 + 1.0)).collect();
        outputs.set(0, Tensor::from_slice(&[rows, 1], &scores)?);
        let mut out = Vec::new();
        let encode = |out: &mut Vec<u8>| {
            out.clear();
            rest::encode(&decoded.form, &signatures[0], &outputs, JsonNan::Bare, black_box(out))
        };
        encode(&mut out)?;
        measure("REST encode", out.len(), &mut || encode(&mut out))?;
        let version = Version::numbered(1);
        let form = grpc::Form::default();
        let encode = |out: &mut Vec<u8>| {
            out.clear();
            let identity = Identity { model: "ctr", version: &version };
            grpc::encode_predict(&form, identity, &signatures[0], &outputs, black_box(out))
        };
        encode(&mut out)?;
        measure("gRPC encode", out.len(), &mut || encode(&mut out))?;
    }
    Ok(table)
}

fn signature() -> Result<Arc<Signature>, Problem> {
    let input =
        |name, dtype, width| InputSpec::new(name, dtype, Some(vec![Dim::Free(None), Dim::Known(width)]));
    let inputs = vec![input("dense", DType::F32, 13), input("ids", DType::I64, 26)];
    let outputs = vec![OutputSpec::new("score", DType::F32, Some(vec![Dim::Free(None), Dim::Known(1)]))];
    let name = "serving_default";
    Ok(Signature::new(name, Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)?
        .shared())
}

/// `{"instances":[{"dense":[13 floats],"ids":[26 integers]},…]}` in shortest form.
fn rows_body(rows: usize) -> String {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let row = |next: &mut dyn FnMut() -> u32| {
        let dense: Vec<String> = (0..13).map(|_| (next() as f32 / (1 << 24) as f32).to_string()).collect();
        let ids: Vec<String> = (0..26).map(|_| (next() % 10_000).to_string()).collect();
        format!(r#"{{"dense":[{}],"ids":[{}]}}"#, dense.join(","), ids.join(","))
    };
    let rows: Vec<String> = (0..rows).map(|_| row(&mut next)).collect();
    format!(r#"{{"instances":[{}]}}"#, rows.join(","))
}
