//! How long an engine's run takes by rows and threads, and what a further session of the same model costs.

use crate::report::{Table, best};
use crate::rows::call_of;
use landfall_foreign::Surroundings;
use landfall_model::{Call, Engine, Model, Options, Outputs, Problem, RowRule};
use landfall_onnx::{Preference, engines};
use landfall_serving::FolderFiles;
use std::path::Path;

const ROUNDS: usize = 15;
/// Calls of a round.
const CALLS: usize = 1000;

/// An ONNX model on each engine that is there.
///
/// # Errors
/// When the model does not load or run.
pub(crate) fn figures(model: &Path, options: &Options) -> Result<Table, Problem> {
    let files = FolderFiles::open(model)?;
    let mut table = Table::new(&["engine", "what", "figure"]);
    for engine in engines(Preference::Auto, None, &Surroundings::of_process())?.engines {
        // Options are one engine's: the others run as they are.
        let own = if options.check(engine.options()).is_ok() { options.clone() } else { Options::new() };
        measure(&*engine, &files, &own, &mut table)?;
    }
    Ok(table)
}

fn measure(
    engine: &dyn Engine,
    files: &FolderFiles,
    options: &Options,
    table: &mut Table,
) -> Result<(), Problem> {
    let mut row =
        |what: &str, figure: String| table.row(vec![engine.name().to_owned(), what.to_owned(), figure]);
    let before = resident_kib();
    let model = engine.load(files, options)?;
    let loaded = resident_kib();
    for rows in [1, 32, 256] {
        let call = call_for(&*model, rows)?;
        run(&*model, &call)?;
        let time = best(ROUNDS, || run(&*model, &call))?.as_secs_f64() * 1e6 / CALLS as f64;
        row(&format!("{rows} rows, one thread"), format!("{time:.2} µs a call"));
    }
    let call = call_for(&*model, 1)?;
    let shared = of_two_threads([&*model, &*model], &call)?;
    let before_second = resident_kib();
    let second = engine.load(files, options)?;
    run(&*second, &call)?;
    let after_second = resident_kib();
    let apart = of_two_threads([&*model, &*second], &call)?;
    row("one row, two threads, one model", format!("{shared:.0} calls a second"));
    row("one row, two threads, a model each", format!("{apart:.0} calls a second"));
    row("memory of a model", format!("{} KiB", loaded.saturating_sub(before)));
    row("memory of a further one, warm", format!("{} KiB", after_second.saturating_sub(before_second)));
    Ok(())
}

fn call_for(model: &dyn Model, rows: usize) -> Result<Call, Problem> {
    call_of(model.signatures()[0].as_ref().clone().with_rows(RowRule::Independent), rows)
}

/// Calls per second of two threads, one on each of the models, the best round's.
fn of_two_threads(models: [&dyn Model; 2], call: &Call) -> Result<f64, Problem> {
    let panicked = |_| Problem::internal("a thread panicked");
    let time = best(ROUNDS, || {
        std::thread::scope(|scope| {
            let threads = models.map(|model| scope.spawn(move || run(model, call)));
            threads.into_iter().try_for_each(|thread| thread.join().map_err(panicked)?)
        })
    })?;
    Ok(2.0 * CALLS as f64 / time.as_secs_f64())
}

fn run(model: &dyn Model, call: &Call) -> Result<(), Problem> {
    let mut instance = model.instance()?;
    let mut outputs = Outputs::new();
    (0..CALLS).try_for_each(|_| {
        outputs.clear();
        instance.run(call, &mut outputs)
    })
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
