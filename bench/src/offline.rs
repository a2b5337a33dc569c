//! Offline: `landfall predict` over a Parquet file, beside the engine in process on as many threads.

use crate::process::output_of;
use crate::report::Table;
use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use landfall_serving::{Clock, SystemClock};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Makes the table, scores it, and compares with the engine alone.
///
/// # Errors
/// When a process fails or a file cannot be written.
pub(crate) fn run(
    landfall: &Path,
    bench: &Path,
    data: &Path,
    scratch: &Path,
    rows: usize,
    threads: usize,
) -> Result<Table, String> {
    let input = scratch.join(format!("ctr-{rows}.parquet"));
    if !input.exists() {
        write_rows(&input, rows).map_err(|e| format!("write {}: {e}", input.display()))?;
    }
    let model = data.join("ctr.onnx").display().to_string();
    let processors = format!("0-{}", threads - 1);
    let output = scratch.join("scores.parquet").display().to_string();
    let (landfall, bench, input) = (text(landfall), text(bench), text(&input));
    let mut table = Table::new(&[
        "threads",
        "rows",
        "rows/s in process",
        "rows/s predict",
        "of in process",
        "peak memory",
    ]);
    let in_process = engines_at_once(&bench, &model, threads)?;
    let started = SystemClock.now();
    let count = threads.to_string();
    let command = [
        "/usr/bin/time",
        "-f",
        "%M",
        &landfall,
        "predict",
        &model,
        "-i",
        &input,
        "-o",
        &output,
        "--threads",
        &count,
    ];
    let errors = crate::process::errors_of(&processors, &command)?;
    let rate = rows as f64 / (SystemClock.now() - started).as_secs_f64();
    let kilobytes =
        errors.lines().last().and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or(f64::NAN);
    table.row(vec![
        count.clone(),
        rows.to_string(),
        format!("{in_process:.0}"),
        format!("{rate:.0}"),
        format!("{:.2}", rate / in_process),
        format!("{:.0} MB", kilobytes / 1000.0),
    ]);
    Ok(table)
}

/// Rows a second of as many engines at once as there are threads, each on a processor of its own.
fn engines_at_once(bench: &str, model: &str, threads: usize) -> Result<f64, String> {
    let rates = std::thread::scope(|scope| {
        let one = |processor: usize| output_of(&processor.to_string(), &[bench, "rows", model, "256"]);
        let running: Vec<_> = (0..threads).map(|processor| scope.spawn(move || one(processor))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
            .collect::<Vec<_>>()
    });
    rates.into_iter().map(|rate| rate?.trim().parse::<f64>().map_err(|e| e.to_string())).sum()
}

/// Rows like those of the request bodies: 13 numbers and 26 ids, as lists.
fn write_rows(path: &Path, rows: usize) -> Result<(), String> {
    const CHUNK: usize = 65_536;
    let mut writer: Option<ArrowWriter<File>> = None;
    let failed = |e: parquet::errors::ParquetError| e.to_string();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64: any numbers do, as long as they are the same every time.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for start in (0..rows).step_by(CHUNK) {
        let mut dense = FixedSizeListBuilder::new(Float32Builder::new(), 13);
        let mut ids = FixedSizeListBuilder::new(Int64Builder::new(), 26);
        for _ in start..rows.min(start + CHUNK) {
            (0..13).for_each(|_| dense.values().append_value((next() % 10_000) as f32 / 2_500.0 - 2.0));
            (0..26).for_each(|_| ids.values().append_value((next() % 10_000) as i64));
            dense.append(true);
            ids.append(true);
        }
        let columns: [(&str, ArrayRef); 2] =
            [("dense", Arc::new(dense.finish())), ("ids", Arc::new(ids.finish()))];
        let batch = RecordBatch::try_from_iter(columns).map_err(|e| e.to_string())?;
        if writer.is_none() {
            let file = File::create(path).map_err(|e| e.to_string())?;
            writer = Some(ArrowWriter::try_new(file, batch.schema(), None).map_err(failed)?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch).map_err(failed)?;
        }
    }
    writer.map_or(Ok(()), |writer| writer.close().map(|_| ()).map_err(failed))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
