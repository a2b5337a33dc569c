//! A tree model over a matrix of float32, in process: figures that a driver asks for line by line (`trees/run.py`), so that
//! peers are measured in turn with it.

use crate::report::print;
use landfall_forest::{Instructions, Kernel};
use landfall_model::{
    Call, DType, Input, Instance, Model, Options, Outputs, Problem, Shape, TensorMut, Wanted,
};
use landfall_serving::{Clock, FolderFiles, SystemClock};
use landfall_trees::Scorer;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a call of contributions.
const EXPLAINED_ROWS: usize = 256;
/// Calls before the memory of a model is looked at: of one row, and rows of the one that follows.
const CALLS_OF_ONE: usize = 1000;
const BATCH: usize = 1000;

/// What is measured.
struct Bench<'a> {
    path: &'a Path,
    scorer: Scorer,
    model: Arc<dyn Model>,
    rows: Vec<f32>,
    width: usize,
}

/// Answers requests on standard input, a line each:
///
/// - `kernels`: the instruction sets that this processor has kernels for, by name;
/// - `predict PATH KERNEL`: writes the predictions of all rows, in one call and then row by row, as float64;
/// - `batch ROWS SECONDS KERNEL`: rows a second in calls of so many rows;
/// - `one SECONDS KERNEL`: nanoseconds of a call of one row;
/// - `threads N ROWS SECONDS`: rows a second on so many threads that share the model;
/// - `shap SECONDS`: rows a second of contributions;
/// - `load SECONDS`: milliseconds to load the file;
/// - `first SECONDS`: milliseconds to load the file and answer one row;
/// - `ready SECONDS`: milliseconds to load the file and make all layouts, as a server does before a version goes live;
/// - `memory`: bytes that the model holds once single rows and batches were asked for.
///
/// # Errors
/// What the model or the rows have wrong, and a request that is none of these.
pub(crate) fn answer(path: &Path, rows: &Path) -> Result<(), Problem> {
    let bytes = read(path)?;
    let scorer = Scorer::read(&bytes, "model", &Options::new())?;
    let model = landfall_trees::engine().load(&FolderFiles::open(path)?, &Options::new())?;
    let width = scorer.features();
    let values = read(rows)?.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
    let mut bench = Bench { path, scorer, model, rows: values, width };
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Problem::invalid(error.to_string()))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        print(&format!("{}\n", bench.request(&words)?));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem::invalid(format!("{}: {error}", path.display())))
}

impl Bench<'_> {
    fn request(&mut self, words: &[&str]) -> Result<String, Problem> {
        let figure = |word: &str| word.parse::<f64>().map_err(|_| Problem::invalid(format!("{word:?}")));
        Ok(match words {
            ["kernels"] => {
                Instructions::available().iter().map(|set| format!("{set:?} ").to_lowercase()).collect()
            }
            ["predict", path, kernel] => self.predict(Path::new(path), kernel_named(kernel)?)?,
            ["batch", rows, seconds, kernel] => {
                let kernel = instructions_named(kernel)?.map(Kernel::Sliced);
                format!("{:.0}", self.batch(figure(rows)? as usize, figure(seconds)?, kernel)?)
            }
            ["one", seconds, kernel] => {
                let kernel = instructions_named(kernel)?.map(Kernel::Packed);
                format!("{:.2}", 1e9 / self.batch(1, figure(seconds)?, kernel)?)
            }
            ["threads", count, rows, seconds] => {
                format!(
                    "{:.0}",
                    self.threads(figure(count)? as usize, figure(rows)? as usize, figure(seconds)?)?
                )
            }
            ["shap", seconds] => format!("{:.1}", self.contributions(figure(seconds)?)?),
            ["load", seconds] => self.load(figure(seconds)?, |_| Ok(()))?,
            ["first", seconds] => {
                let call = self.call(&self.rows[..self.width], "prediction")?;
                self.load(figure(seconds)?, |model| model.instance()?.run(&call, &mut Outputs::new()))?
            }
            ["ready", seconds] => self.load(figure(seconds)?, |model| {
                model.prepare();
                Ok(())
            })?,
            ["memory"] => self.memory()?.to_string(),
            _ => return Err(Problem::invalid(format!("no such request: {words:?}"))),
        })
    }

    /// Rows a second in calls of so many rows, each call of the rows that follow.
    fn batch(&mut self, call: usize, seconds: f64, kernel: Option<Kernel>) -> Result<f64, Problem> {
        let clock = SystemClock;
        let mut predictions = Vec::with_capacity(call);
        let parts: Vec<&[f32]> = self.rows.chunks_exact(call * self.width).collect();
        // The clock is read once in a while: it takes as long as a row.
        let calls = (16384 / call).max(1);
        let (started, mut done) = (clock.now(), 0);
        loop {
            for i in 0..calls {
                let part = parts[(done + i) % parts.len()];
                predictions.clear();
                match kernel {
                    Some(kernel) => self.scorer.score_by(kernel, part, &mut predictions)?,
                    None => self.scorer.score(part, &mut predictions)?,
                }
                std::hint::black_box(&predictions);
            }
            done += calls;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(seconds) {
                return Ok((done * call) as f64 / elapsed.as_secs_f64());
            }
        }
    }

    /// Writes the predictions of all rows, in one call and then of each alone.
    fn predict(&mut self, path: &Path, kernels: Option<[Kernel; 2]>) -> Result<String, Problem> {
        let mut predictions = Vec::new();
        let mut score = |scorer: &mut Scorer, rows: &[f32], place: usize| match kernels {
            Some(kernels) => scorer.score_by(kernels[place], rows, &mut predictions),
            None => scorer.score(rows, &mut predictions),
        };
        score(&mut self.scorer, &self.rows, 0)?;
        for row in self.rows.chunks_exact(self.width) {
            score(&mut self.scorer, row, 1)?;
        }
        let bytes: Vec<u8> = predictions.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(path, bytes).map_err(|error| Problem::invalid(error.to_string()))?;
        Ok("written".to_owned())
    }

    /// Rows a second of threads that each answer calls of their own.
    fn threads(&self, count: usize, call: usize, seconds: f64) -> Result<f64, Problem> {
        let rows = self.rows.len() / self.width - call;
        let calls = (0..count).map(|place| {
            let start = place * call % rows * self.width;
            self.call(&self.rows[start..][..call * self.width], "prediction")
        });
        let calls: Vec<Call> = calls.collect::<Result<_, _>>()?;
        let model = &self.model;
        let rates: Result<Vec<f64>, Problem> = std::thread::scope(|scope| {
            let work = |call| move || runs(&mut *model.instance()?, call, seconds);
            let threads: Vec<_> = calls.iter().map(|call| scope.spawn(work(call))).collect();
            let panicked = |_| Err(Problem::internal("a thread panicked"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
        });
        Ok(rates?.iter().sum::<f64>() * call as f64)
    }

    fn contributions(&self, seconds: f64) -> Result<f64, Problem> {
        let mut instance = self.model.instance()?;
        let call = self.call(&self.rows[..EXPLAINED_ROWS * self.width], "contributions")?;
        Ok(runs(&mut *instance, &call, seconds)? * EXPLAINED_ROWS as f64)
    }

    /// Bytes that the model holds after calls of one row, as many as it takes to make what is good at them, and a batch.
    fn memory(&self) -> Result<u64, Problem> {
        let mut instance = self.model.instance()?;
        let mut outputs = Outputs::new();
        for rows in std::iter::repeat_n(1, CALLS_OF_ONE).chain([BATCH]) {
            outputs.clear();
            instance.run(&self.call(&self.rows[..rows * self.width], "prediction")?, &mut outputs)?;
        }
        Ok(self.model.facts().memory_bytes.unwrap_or(0))
    }

    /// Milliseconds to load the file, as a server does, and for what is done with the model then.
    fn load(
        &self,
        seconds: f64,
        then: impl Fn(&dyn Model) -> Result<(), Problem>,
    ) -> Result<String, Problem> {
        let clock = SystemClock;
        let (started, mut loads) = (clock.now(), 0);
        loop {
            let files = FolderFiles::open(self.path)?;
            let model = landfall_trees::engine().load(&files, &Options::new())?;
            then(&*model)?;
            std::hint::black_box(model);
            loads += 1;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(seconds) {
                return Ok(format!("{:.3}", elapsed.as_secs_f64() * 1e3 / f64::from(loads)));
            }
        }
    }

    fn call(&self, rows: &[f32], output: &str) -> Result<Call, Problem> {
        let signature = self.model.signatures()[0].clone();
        let spec = &signature.inputs()[0];
        let mut tensor = TensorMut::new(spec.dtype);
        match spec.dtype {
            DType::F32 => rows.iter().for_each(|&x| tensor.push(x)),
            _ => rows.iter().for_each(|&x| tensor.push(f64::from(x))),
        }
        let tensor = tensor.freeze(Shape::new(&[rows.len() / self.width, self.width]))?;
        let mut inputs = vec![None; signature.inputs().len()];
        inputs[0] = Some(Input::Dense(tensor));
        let place = signature.outputs().iter().position(|spec| spec.name == output);
        let place = place.ok_or_else(|| Problem::invalid(format!("no output {output}")))?;
        Call::checked(signature, inputs, Wanted::from_iter([place]))
    }
}

/// Runs a second.
fn runs(instance: &mut dyn Instance, call: &Call, seconds: f64) -> Result<f64, Problem> {
    let clock = SystemClock;
    let mut outputs = Outputs::new();
    let (started, mut runs) = (clock.now(), 0);
    loop {
        outputs.clear();
        instance.run(call, &mut outputs)?;
        runs += 1;
        let elapsed = clock.now() - started;
        if elapsed >= Duration::from_secs_f64(seconds) {
            return Ok(f64::from(runs) / elapsed.as_secs_f64());
        }
    }
}

/// Kernels of many rows and of one, by the name of an instruction set; `None` for what the product takes.
fn kernel_named(name: &str) -> Result<Option<[Kernel; 2]>, Problem> {
    Ok(instructions_named(name)?.map(|set| [Kernel::Sliced(set), Kernel::Packed(set)]))
}

fn instructions_named(name: &str) -> Result<Option<Instructions>, Problem> {
    if name == "best" {
        return Ok(None);
    }
    let sets = Instructions::available();
    let found = sets.into_iter().find(|set| format!("{set:?}").eq_ignore_ascii_case(name));
    found.map(Some).ok_or_else(|| Problem::invalid(format!("this processor has no {name}")))
}
