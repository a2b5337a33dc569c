//! Models whose rows take long answer with all threads at once: a lone caller waits less, and callers who come together share
//! a run.

use super::Opened;
use crate::kit::Kit;
use crate::probe::made_row;
use crate::{Clock, LoadReport};
use landfall_model::{Model, Outputs, Problem, RowRule, Signature};
use std::sync::Arc;
use std::time::Duration;

/// Rows that take less are better answered on a thread for each call: what the threads of one run tell each other would be
/// too much beside the work.
const LONG_ROW: Duration = Duration::from_millis(5);

/// How often a row is timed.
const TIMES: usize = 3;

/// The model; loaded once more, for runs on all threads, where its rows take long and its engine can do so. Only where
/// calls are batched: what threads of one run lose is made good by runs of several rows.
///
/// # Errors
/// What loading finds under the options that did before.
pub(super) fn spread(
    kit: &Kit,
    opened: Opened,
    signatures: &[Arc<Signature>],
    report: &mut LoadReport,
) -> Result<Arc<dyn Model>, Problem> {
    let Opened { model, engine, files, options } = opened;
    let (threads, facts) = (kit.pool.threads(), model.facts());
    let are_batched = signatures.iter().all(|signature| *signature.rows() == RowRule::Independent);
    let Some(key) = facts.threads_option.filter(|_| threads > 1 && are_batched) else { return Ok(model) };
    let Some(took) = row_takes(&*model, signatures, kit.pool.clock()).filter(|took| *took >= LONG_ROW) else {
        return Ok(model);
    };
    // Before the second one is loaded: weights need not lie in memory twice.
    drop(model);
    let mut on_all = options.clone();
    on_all.set(key, threads.to_string());
    let (took, of_all) = (took.as_millis(), format!("{threads} threads"));
    let model = match engine.load(&files, &on_all) {
        Ok(model) => {
            report.notes.push(format!(
                "a row takes {took} ms on one thread: each run takes {of_all} ({key} = 1 keeps it to one)"
            ));
            model
        }
        Err(problem) => {
            report
                .notes
                .push(format!("a row takes {took} ms, and runs on {of_all} cannot be had: {problem}"));
            engine.load(&files, &options)?
        }
    };
    model.prepare();
    Ok(model)
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
