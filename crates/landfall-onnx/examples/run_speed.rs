//! How long a run takes, by engine, rows and threads, and what a further session costs.
//!
//! ```text
//! cargo run --release -p landfall-onnx --example run_speed [MODEL.onnx] [KEY=VALUE…]
//! ```
//!
//! Inputs are zeros (valid for every embedding). Each figure is the best of several rounds, so that a busy machine does
//! not show.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use landfall_foreign::Surroundings;
use landfall_model::{
    Buffer, BufferMut, Call, DType, FileEntry, Input, InputSpec, Model, ModelFiles, Options, Outputs,
    Problem, RowRule, Shape, Signature, StringsMut, Tensor,
};
use landfall_onnx::{Preference, engines};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

fn main() -> Result<(), Problem> {
    let mut path = PathBuf::from("../shared/data/bench/ctr.onnx");
    let mut options = Options::new();
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some((key, value)) => options.set(key, value),
            None => path = argument.into(),
        }
    }
    let files = OneFile::open(&path)?;
    let chosen = engines(Preference::Auto, None, &Surroundings::of_process())?;
    println!("{}: {}", path.display(), chosen.reason);
    for engine in &chosen.engines {
        // Options are one engine's: the others run as they are.
        let own = if options.check(engine.options()).is_ok() { options.clone() } else { Options::new() };
        let before = resident_kib();
        let model = engine.load(&files, &own)?;
        let loaded = resident_kib();
        for rows in [1, 32, 256] {
            let call = zeros(&*model, rows)?;
            let single = best(|calls| run(&*model, &call, calls))?;
            println!("{:>12} {rows:>4} rows, 1 thread:           {:>9.2} µs per call", engine.name(), single);
        }
        let call = zeros(&*model, 1)?;
        let shared = best_of_two(&[&*model, &*model], &call)?;
        let before_second = resident_kib();
        let second = engine.load(&files, &own)?;
        run(&*second, &call, 100)?;
        let after_second = resident_kib();
        let apart = best_of_two(&[&*model, &*second], &call)?;
        println!("{:>12}    1 rows, 2 threads, 1 model:  {shared:>9.0} calls/s", engine.name());
        println!("{:>12}    1 rows, 2 threads, 2 models: {apart:>9.0} calls/s", engine.name());
        println!(
            "{:>12} memory of a model: {} KiB; of a further one, warm: {} KiB",
            engine.name(),
            loaded.saturating_sub(before),
            after_second.saturating_sub(before_second)
        );
    }
    Ok(())
}

/// Microseconds per call, the best round's.
fn best(run: impl Fn(usize) -> Result<(), Problem>) -> Result<f64, Problem> {
    let start = Instant::now();
    run(20)?;
    let calls =
        (Duration::from_millis(100).as_nanos() * 20 / start.elapsed().as_nanos().max(1)).max(5) as usize;
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run(calls)?;
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e6 / calls as f64);
    }
    Ok(fastest)
}

/// Calls per second of two threads, one on each of the models, the best round's.
fn best_of_two(models: &[&dyn Model; 2], call: &Call) -> Result<f64, Problem> {
    const CALLS: usize = 3000;
    let mut most = 0f64;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::thread::scope(|scope| {
            let threads = models.map(|model| scope.spawn(move || run(model, call, CALLS)));
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Problem::internal("a thread panicked")))
            })
        })?;
        most = most.max(2.0 * CALLS as f64 / start.elapsed().as_secs_f64());
    }
    Ok(most)
}

fn run(model: &dyn Model, call: &Call, calls: usize) -> Result<(), Problem> {
    let mut instance = model.instance()?;
    let mut outputs = Outputs::new();
    for _ in 0..calls {
        outputs.clear();
        instance.run(call, &mut outputs)?;
    }
    Ok(())
}

fn zeros(model: &dyn Model, rows: usize) -> Result<Call, Problem> {
    let mut signature: Signature = (*model.signatures()[0]).clone();
    if *signature.rows() == RowRule::Unproven {
        signature = signature.with_rows(RowRule::Independent);
    }
    let inputs = signature.inputs().iter().map(|spec| zero(spec, rows).map(|t| Some(Input::Dense(t))));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let wanted = signature.default_outputs().clone();
    Call::checked(signature.shared(), inputs, wanted)
}

fn zero(spec: &InputSpec, rows: usize) -> Result<Tensor, Problem> {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let length = |(axis, dim): (usize, &landfall_model::Dim)| {
        usize::try_from(dim.as_signed()).unwrap_or(if axis == 0 { rows } else { 1 })
    };
    let shape: Shape = dims.iter().enumerate().map(length).collect();
    let elements = shape.elements()?;
    match spec.dtype {
        DType::String => {
            let mut strings = StringsMut::new();
            (0..elements).for_each(|_| strings.push(b""));
            Tensor::from_strings(shape, strings.freeze())
        }
        plain => {
            let bytes = BufferMut::zeroed(elements * plain.size().unwrap_or(1))?;
            Tensor::from_buffer(plain, shape, bytes.freeze())
        }
    }
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A model file and what lies beside it.
struct OneFile {
    path: PathBuf,
    entries: Vec<FileEntry>,
}

impl OneFile {
    fn open(path: &Path) -> Result<Self, Problem> {
        let bytes = std::fs::metadata(path)
            .map_err(|error| Problem::io(format!("open {}", path.display()), &error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(OneFile { path: path.to_owned(), entries: vec![FileEntry { name, bytes: bytes.len() }] })
    }
}

impl ModelFiles for OneFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        false
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        Ok(self.bytes(name)?.bytes().iter().copied().take(bytes).collect())
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        let path = self.path.with_file_name(name);
        let bytes = std::fs::read(&path);
        bytes.map(Buffer::from_owner).map_err(|error| Problem::io(format!("read {}", path.display()), &error))
    }
}
