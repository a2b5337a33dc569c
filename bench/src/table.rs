//! A tree, regression or other model over a table of numbers, in process on one thread: rows a second in batch, the
//! time of one row, the time to load.

use landfall_model::{
    Call, DType, Engine, Input, Options, Outputs, Problem, Shape, Signature, Tensor, TensorMut,
};
use landfall_pmml::Scorer;
use landfall_serving::{Clock, FolderFiles, SystemClock};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows of one call in batch.
const CALL_ROWS: usize = 4096;

/// Rows that are timed one by one.
const SINGLE_ROWS: usize = 5_000;

/// What was measured.
pub(crate) struct Figures {
    /// Rows a second in calls of many rows: the best of three rounds.
    pub(crate) rate: f64,
    /// Microseconds of one row by the row call, the median; nothing for files that are not PMML.
    pub(crate) one_row: Option<f64>,
    /// Milliseconds to load.
    pub(crate) load: f64,
}

/// Measures a model over the rows of a CSV file of numbers.
///
/// # Errors
/// What the model or the table has wrong.
pub(crate) fn figures(model: &Path, table: &Path, seconds: f64) -> Result<Figures, Problem> {
    let clock = SystemClock;
    let is_pmml = model.extension().is_some_and(|ending| ending == "pmml");
    let engine: Arc<dyn Engine> = if is_pmml { landfall_pmml::engine() } else { landfall_trees::engine() };
    let table = Table::read(table)?;
    let started = clock.now();
    let loaded = engine.load(&FolderFiles::open(model)?, &Options::new())?;
    let load = (clock.now() - started).as_secs_f64() * 1e3;
    let call = table.call(loaded.signatures()[0].clone())?;
    let mut instance = loaded.instance()?;
    let mut outputs = Outputs::new();
    let mut rate = 0f64;
    for round in 0..4 {
        let (started, mut rows) = (clock.now(), 0usize);
        let elapsed = loop {
            outputs.clear();
            instance.run(&call, &mut outputs)?;
            rows += CALL_ROWS;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(seconds) {
                break elapsed;
            }
        };
        // The first round warms up.
        if round > 0 {
            rate = rate.max(rows as f64 / elapsed.as_secs_f64());
        }
    }
    let one_row = if is_pmml { Some(one_row(model, &table)?) } else { None };
    Ok(Figures { rate, one_row, load })
}

/// The median time of one row, values set and the first output read included.
fn one_row(model: &Path, table: &Table) -> Result<f64, Problem> {
    let clock = SystemClock;
    let bytes = std::fs::read(model).map_err(|error| Problem::invalid(error.to_string()))?;
    let mut scorer = Scorer::read(&bytes, "model")?;
    let places: Vec<usize> =
        scorer.inputs().iter().map(|name| table.place(name)).collect::<Result<_, _>>()?;
    let mut times = Vec::with_capacity(SINGLE_ROWS);
    let mut seen = 0.0;
    for row in 0..SINGLE_ROWS {
        let started = clock.now();
        scorer.start();
        for (input, place) in places.iter().enumerate() {
            scorer.set_number(input, table.columns[*place].1[row % CALL_ROWS]);
        }
        scorer.run()?;
        seen += scorer.number(0)?.unwrap_or_default();
        times.push(clock.now() - started);
    }
    std::hint::black_box(seen);
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}

/// Columns of numbers; empty cells are not numbers.
struct Table {
    columns: Vec<(String, Vec<f64>)>,
}

impl Table {
    fn read(path: &Path) -> Result<Table, Problem> {
        let bad = |what: String| Problem::invalid(format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let mut lines = text.lines();
        let names = lines.next().unwrap_or_default().split(',');
        let mut columns: Vec<(String, Vec<f64>)> = names.map(|name| (name.to_owned(), Vec::new())).collect();
        for line in lines.take(CALL_ROWS) {
            for (cell, (_, column)) in line.split(',').zip(&mut columns) {
                let number = if cell.is_empty() { Ok(f64::NAN) } else { cell.parse() };
                column.push(number.map_err(|_| bad(format!("{cell:?} is not a number")))?);
            }
        }
        match columns.iter().all(|(_, column)| column.len() == CALL_ROWS) {
            true => Ok(Table { columns }),
            false => Err(bad(format!("fewer than {CALL_ROWS} rows"))),
        }
    }

    fn place(&self, name: &str) -> Result<usize, Problem> {
        let found = self.columns.iter().position(|(column, _)| column == name);
        found.ok_or_else(|| Problem::invalid(format!("the table has no column {name:?}")))
    }

    /// All rows as one call: columns by name, or one matrix for a model that takes that.
    fn call(&self, signature: Arc<Signature>) -> Result<Call, Problem> {
        let tensor = |dtype: DType,
                      values: &mut dyn Iterator<Item = f64>,
                      shape: &[usize]|
         -> Result<Tensor, Problem> {
            let mut tensor = TensorMut::new(dtype);
            match dtype {
                DType::F32 => values.for_each(|value| tensor.push(value as f32)),
                _ => values.for_each(|value| tensor.push(value)),
            }
            tensor.freeze(Shape::new(shape))
        };
        let mut inputs = Vec::new();
        for spec in signature.inputs() {
            inputs.push(if spec.name == "features" {
                let all =
                    (0..CALL_ROWS).flat_map(|row| self.columns.iter().map(move |(_, column)| column[row]));
                let shape = [CALL_ROWS, self.columns.len()];
                Some(Input::Dense(tensor(spec.dtype, &mut { all }, &shape)?))
            } else if let Ok(place) = self.place(&spec.name) {
                let mut values = self.columns[place].1.iter().copied();
                Some(Input::Dense(tensor(spec.dtype, &mut values, &[CALL_ROWS])?))
            } else {
                None
            });
        }
        let wanted = signature.default_outputs().clone();
        Call::checked(signature, inputs, wanted)
    }
}
