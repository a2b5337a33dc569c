//! How long a click-through-rate body takes to decode and its answer to encode: prints nanoseconds for each.
//!
//! `cargo run --release -p landfall-dialects --example decode_speed`
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use landfall_dialects::tfs::{grpc, rest};
use landfall_dialects::{Identity, JsonNan};
use landfall_model::{
    Buffer, DType, Dim, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature,
    Tensor, Version,
};
use std::hint::black_box;
use std::sync::Arc;

fn main() -> Result<(), Problem> {
    let signatures = [signature()?];
    for rows in [1, 256] {
        let body = Buffer::copy_of(rows_body(rows).as_bytes());
        measure(&format!("REST decode, {rows} rows, {} bytes", body.len()), rows, || {
            rest::decode(&body, &signatures).map(drop)
        })?;
        let decoded = rest::decode(&body, &signatures)?;
        let mut outputs = Outputs::new();
        let scores: Vec<f32> = (0..rows).map(|row| 0.755_923_75 / (row as f32 + 1.0)).collect();
        outputs.set(0, Tensor::from_slice(&[rows, 1], &scores)?);
        let mut out = Vec::new();
        measure(&format!("REST encode, {rows} rows"), rows, || {
            out.clear();
            rest::encode(&decoded.form, &signatures[0], &outputs, JsonNan::Bare, black_box(&mut out))
        })?;
        let (identity, form) =
            (Identity { model: "ctr", version: &Version::numbered(1) }, grpc::Form::default());
        measure(&format!("gRPC encode, {rows} rows"), rows, || {
            out.clear();
            grpc::encode_predict(&form, identity, &signatures[0], &outputs, black_box(&mut out))
        })?;
    }
    Ok(())
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

/// The best of several rounds: what else runs on the machine only adds.
fn measure(what: &str, rows: usize, mut work: impl FnMut() -> Result<(), Problem>) -> Result<(), Problem> {
    let calls = 40_000 / rows;
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        #[expect(clippy::disallowed_methods, reason = "it measures time")]
        let start = std::time::Instant::now();
        for _ in 0..calls {
            work()?;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / calls as f64);
    }
    println!("{what}: {best:.0} ns, {:.0} ns a row", best / rows as f64);
    Ok(())
}
