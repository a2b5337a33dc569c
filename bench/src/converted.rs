//! SavedModels beside the ONNX files that they were converted to, all in process on one thread and taken in turn:
//! TensorFlow's C API with nothing around it, the engine upon it, and ONNX Runtime.

use crate::report::{median, say};
use crate::rows::call_of;
use landfall_foreign::Surroundings;
use landfall_model::{Call, Engine, Input, Instance, Options, Outputs, Problem, RowRule};
use landfall_onnx::{Preference, engines};
use landfall_serving::{Clock, FolderFiles, SystemClock};
use landfall_tensorflow::TensorFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Rows of one call.
const BATCHES: [usize; 3] = [1, 8, 32];
/// Rounds, taken in turn; the best of each counts, and the median of the ratios within a round.
const ROUNDS: usize = 7;

/// Compares `NAME` with `NAME.onnx` for every SavedModel in a folder, and with `capi` (see `bench/tensorflow/capi.c`) where
/// it is given; prints a table.
///
/// # Errors
/// When a library is missing, a model does not load or run, or a SavedModel has no ONNX file beside it.
pub(crate) fn compare(folder: &Path, capi: Option<&Path>, seconds: f64) -> Result<(), Problem> {
    let surroundings = Surroundings::of_process();
    let onnx = engines(Preference::OnnxRuntime, None, &surroundings)?;
    let onnx = onnx.engines.first().ok_or_else(|| Problem::internal("no engine"))?;
    let tensorflow = TensorFlow::new(None, surroundings);
    let (_, library) =
        tensorflow.report().taken().ok_or_else(|| Problem::internal(tensorflow.report().to_string()))?;
    let models = saved_models(folder)?;
    say(
        "| model | rows | C API | engine | of the C API | ONNX Runtime | times faster |\n|---|---|---|---|---|---|---|",
    );
    for path in models {
        for rows in BATCHES {
            let original = Run::of(&tensorflow, &path, rows)?;
            let converted = Run::of(&**onnx, &path.with_extension("onnx"), rows)?;
            let bare =
                capi.map(|program| BareRun { program, library, model: &path, of: original.call.clone() });
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let columns = compared(original, converted, bare.as_ref(), seconds)?;
            say(&format!("| {name} | {rows} | {columns} |"));
        }
    }
    Ok(())
}

/// The SavedModels in a folder, by name, each with its ONNX file beside it.
fn saved_models(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let trouble = |error: &std::io::Error| Problem::io(format!("list {}", folder.display()), error);
    let mut models = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| trouble(&error))? {
        let path = entry.map_err(|error| trouble(&error))?.path();
        if !path.join("saved_model.pb").is_file() {
            continue;
        }
        let onnx = path.with_extension("onnx");
        if !onnx.is_file() {
            let instead = format!("make it by `landfall convert {} {}`", path.display(), onnx.display());
            return Err(Problem::unsupported(format!("{}: no such file", onnx.display()), instead));
        }
        models.push(path);
    }
    models.sort();
    Ok(models)
}

/// The columns of the table's row from "C API" on.
fn compared(
    mut original: Run,
    mut converted: Run,
    bare_run: Option<&BareRun<'_>>,
    seconds: f64,
) -> Result<String, Problem> {
    let (mut bare, mut slow, mut fast) = (f64::MAX, f64::MAX, f64::MAX);
    let (mut of_bare, mut faster) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [engine, onnx] = [original.micros(seconds)?, converted.micros(seconds)?];
        if let Some(run) = bare_run {
            let found = run.micros(seconds)?;
            bare = bare.min(found);
            of_bare.push(found / engine);
        }
        (slow, fast) = (slow.min(engine), fast.min(onnx));
        faster.push(engine / onnx);
    }
    let of_bare = match bare_run {
        Some(_) => format!("{bare:.1} µs | {slow:.1} µs | {:.2}", median(of_bare)),
        None => format!("– | {slow:.1} µs | –"),
    };
    Ok(format!("{of_bare} | {fast:.1} µs | {:.2}", median(faster)))
}

/// The same call by the C API alone, in a process of its own.
struct BareRun<'a> {
    program: &'a Path,
    library: &'a Path,
    model: &'a Path,
    of: Call,
}

impl BareRun<'_> {
    /// Microseconds of processor time of one call, over `seconds`.
    fn micros(&self, seconds: f64) -> Result<f64, Problem> {
        let signature = self.of.signature();
        let rows = self.of.inputs()[0].as_ref().and_then(Input::dense);
        let rows = rows.ok_or_else(|| Problem::internal("a model of one array was expected"))?;
        let mut command = Command::new(self.program);
        command.arg(self.library).arg(self.model);
        command.args([&signature.inputs()[0].tensor, &signature.outputs()[0].tensor, &seconds.to_string()]);
        command.args(rows.shape().iter().map(usize::to_string)).env("TF_CPP_MIN_LOG_LEVEL", "3");
        let output =
            command.output().map_err(|error| Problem::io(self.program.display().to_string(), &error))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        printed.trim().parse().map_err(|_| Problem::internal(String::from_utf8_lossy(&output.stderr)))
    }
}

/// A call that is run over and over.
struct Run {
    instance: Box<dyn Instance>,
    call: Call,
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

    /// Microseconds of processor time of one call, over `seconds`: what others do on this processor does not count. Both
    /// libraries run on the thread that calls.
    fn micros(&mut self, seconds: f64) -> Result<f64, Problem> {
        let clock = SystemClock;
        let (started, mut runs) = (clock.now(), 0u64);
        let before = processor_nanos()?;
        loop {
            self.outputs.clear();
            self.instance.run(&self.call, &mut self.outputs)?;
            runs += 1;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(seconds) {
                return Ok((processor_nanos()? - before) / 1e3 / runs as f64);
            }
        }
    }
}

/// Processor time of this thread so far, in nanoseconds; the first number of `schedstat`, see the kernel's
/// `sched-stats` page.
fn processor_nanos() -> Result<f64, Problem> {
    const FILE: &str = "/proc/thread-self/schedstat";
    let text = std::fs::read_to_string(FILE).map_err(|error| Problem::io(FILE, &error))?;
    let first = text.split_whitespace().next().and_then(|number| number.parse().ok());
    first.ok_or_else(|| Problem::internal(format!("{FILE}: {text:?}")))
}
