//! Models whose rows take long answer with several threads at once: a lone caller waits less, and callers who come together
//! share a run, or wait for one another.

use super::Opened;
use super::probe::made_row;
use crate::kit::Kit;
use crate::{Clock, LoadReport};
use landfall_model::{Model, Outputs, Problem, RowRule, Signature};
use std::sync::Arc;
use std::time::Duration;

/// Rows that take less are better answered on a thread for each call: what the threads of one run tell each other would be
/// too much beside the work.
const LONG_ROW: Duration = Duration::from_millis(5);

/// Threads of a run of a model whose calls are never batched, at most: each further one does less, and nothing makes good
/// for it.
const OF_ONE_CALL: usize = 4;

/// How often a row is timed.
const TIMES: usize = 3;

/// The model; loaded once more, for runs on several threads, where its rows take long and its engine can do so: on all
/// threads, where calls are batched, for runs of several rows make good what such threads lose.
///
/// # Errors
/// What loading finds under the options that did before.
pub(super) fn on_several_threads(
    kit: &Kit,
    opened: Opened,
    signatures: &[Arc<Signature>],
    report: &mut LoadReport,
) -> Result<Arc<dyn Model>, Problem> {
    let Opened { model, engine, files, options } = opened;
    let are_batched = signatures.iter().all(|signature| *signature.rows() == RowRule::Independent);
    let all = kit.pool.threads();
    let threads = if are_batched { all } else { of_one_call(all) };
    let Some(key) = model.facts().threads_option.filter(|_| threads > 1) else { return Ok(model) };
    let Some(took) = row_takes(&*model, signatures, kit.pool.clock()).filter(|took| *took >= LONG_ROW) else {
        return Ok(model);
    };
    // Before the second one is loaded: weights need not lie in memory twice.
    drop(model);
    let (took, mut on_several) = (took.as_millis(), options.clone());
    on_several.set(key, threads.to_string());
    let model = match engine.load(&files, &on_several) {
        Ok(model) => {
            report.notes.push(format!(
                "a row takes {took} ms on one thread: each run takes {threads} threads ({key} = 1 keeps it to one)"
            ));
            model
        }
        Err(problem) => {
            let text =
                format!("a row takes {took} ms, and runs on {threads} threads cannot be had: {problem}");
            report.notes.push(text);
            engine.load(&files, &options)?
        }
    };
    model.prepare();
    Ok(model)
}

/// Threads of a run, so that as few as may be are left over where as many runs as there is room for take place at once.
fn of_one_call(all: usize) -> usize {
    let busy = |threads: &usize| all / threads * threads;
    (2..=OF_ONE_CALL.min(all)).max_by_key(busy).unwrap_or(1)
}

/// How long a made row takes by the default signature, once it has run: the least of some times, for other models may be
/// loading. `None` where none runs.
fn row_takes(model: &dyn Model, signatures: &[Arc<Signature>], clock: &dyn Clock) -> Option<Duration> {
    let mut instance = model.instance().ok()?;
    let call = made_row(signatures.first()?, |call| instance.run(call, &mut Outputs::new()).is_ok())?;
    let mut shortest = Duration::MAX;
    for _ in 0..TIMES {
        let began = clock.now();
        instance.run(&call, &mut Outputs::new()).ok()?;
        shortest = shortest.min(clock.now().saturating_duration_since(began));
        if shortest < LONG_ROW {
            break;
        }
    }
    Some(shortest)
}
