//! SavedModels beside the ONNX files that they were converted to, both in process on one thread: TensorFlow's C API and
//! ONNX Runtime, taken in turn.

use crate::report::say;
use crate::rows::call_of;
use landfall_foreign::Surroundings;
use landfall_model::{Engine, Instance, Options, Outputs, Problem, RowRule};
use landfall_onnx::{Preference, engines};
use landfall_serving::{Clock, FolderFiles, SystemClock};
use landfall_tensorflow::TensorFlow;
use std::path::Path;
use std::time::Duration;

/// Rows of one call.
const BATCHES: [usize; 3] = [1, 8, 32];
/// Rounds, taken in turn; the best of each counts.
const ROUNDS: usize = 5;

/// Compares `NAME` with `NAME.onnx` for every SavedModel in a folder; prints a table.
///
/// # Errors
/// When a library is missing, or a model does not load or run.
pub(crate) fn compare(folder: &Path, seconds: f64) -> Result<(), Problem> {
    let surroundings = Surroundings::of_process();
    let onnx = engines(Preference::OnnxRuntime, None, &surroundings)?;
    let onnx = onnx.engines.first().ok_or_else(|| Problem::internal("no engine"))?;
    let tensorflow = TensorFlow::new(None, surroundings);
    let trouble = |error: &std::io::Error| Problem::io(format!("list {}", folder.display()), error);
    let mut models = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| trouble(&error))? {
        let path = entry.map_err(|error| trouble(&error))?.path();
        if path.join("saved_model.pb").is_file() && path.with_extension("onnx").is_file() {
            models.push(path);
        }
    }
    models.sort();
    say("| model | rows | TensorFlow | ONNX Runtime | ratio |\n|---|---|---|---|---|");
    for path in models {
        for rows in BATCHES {
            let mut original = Run::of(&tensorflow, &path, rows)?;
            let mut converted = Run::of(&**onnx, &path.with_extension("onnx"), rows)?;
            let (mut slow, mut fast) = (f64::MAX, f64::MAX);
            for _ in 0..ROUNDS {
                slow = slow.min(original.micros(seconds)?);
                fast = fast.min(converted.micros(seconds)?);
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            say(&format!("| {name} | {rows} | {slow:.1} µs | {fast:.1} µs | {:.2} |", slow / fast));
        }
    }
    Ok(())
}

/// A call that is run over and over.
struct Run {
    instance: Box<dyn Instance>,
    call: landfall_model::Call,
    outputs: Outputs,
}

impl Run {
    fn of(engine: &dyn Engine, path: &Path, rows: usize) -> Result<Self, Problem> {
        let mut options = Options::new();
        for option in engine.options().iter().filter(|option| option.key.ends_with("_op_num_threads")) {
            options.set(option.key, "1");
        }
        let model = engine.load(&FolderFiles::open(path)?, &options)?;
        let signature = model.signatures()[0].as_ref().clone().with_rows(RowRule::Independent);
        let mut run =
            Run { instance: model.instance()?, call: call_of(signature, rows)?, outputs: Outputs::new() };
        run.micros(0.2)?;
        Ok(run)
    }

    /// Microseconds of one call, over `seconds`.
    fn micros(&mut self, seconds: f64) -> Result<f64, Problem> {
        let clock = SystemClock;
        let (started, mut runs) = (clock.now(), 0u64);
        loop {
            self.outputs.clear();
            self.instance.run(&self.call, &mut self.outputs)?;
            runs += 1;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(seconds) {
                return Ok(elapsed.as_secs_f64() * 1e6 / runs as f64);
            }
        }
    }
}
