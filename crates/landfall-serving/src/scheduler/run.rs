//! Running one call as its rows ask for: whole, in parts, or in pieces of a fixed number of rows.

use super::instances::PooledInstance;
use super::request::is_divisible;
use landfall_model::{Call, Outputs, Problem, RowRule};

/// Rows of one run where nobody set a maximum: what lies between an engine's layers stays within memory, and larger
/// runs are no faster.
pub(crate) const PART_ROWS: usize = 8192;

/// Runs a call: of a model that takes a fixed number of rows, piece by piece; of independent rows and larger than
/// `part_rows`, part by part; else whole.
///
/// # Errors
/// The engine's; internal, when it gave other outputs or another number of rows than asked for.
pub(crate) fn run_call(
    instance: &mut PooledInstance,
    call: &Call,
    part_rows: usize,
) -> Result<Outputs, Problem> {
    let rows = call.rows();
    match (call.signature().rows(), rows) {
        (RowRule::Pieces(size), Some(rows)) => run_pieces(instance, call, rows, (*size).max(1)),
        (RowRule::Independent, Some(rows)) if rows > part_rows && is_divisible(call) => {
            run_parts(instance, call, rows, part_rows.max(1))
        }
        (RowRule::Independent, Some(rows)) => run_whole(instance, call, Some(rows)),
        _ => run_whole(instance, call, None),
    }
}

/// Runs a call once, and holds what came back against what was asked for.
fn run_whole(instance: &mut PooledInstance, call: &Call, rows: Option<usize>) -> Result<Outputs, Problem> {
    let outputs = instance.run(call)?;
    for place in call.wanted().iter() {
        let Some(spec) = call.signature().outputs().get(place) else { continue };
        let Some(tensor) = outputs.get(place) else {
            return Err(broken(instance, &format!("gave no output {:?}", spec.name)));
        };
        let found = tensor.shape().first().copied();
        if let Some(rows) = rows.filter(|&rows| spec.has_rows && found != Some(rows)) {
            let (name, shape) = (&spec.name, tensor.shape());
            let way_out = "batch = false in model.toml lets it answer whole calls";
            return Err(broken(
                instance,
                &format!("gave output {name:?} of shape {shape} for {rows} rows ({way_out})"),
            ));
        }
    }
    let beyond = |rows: usize| outputs.failed().iter().any(|(row, _)| *row >= rows);
    match rows {
        Some(rows) if beyond(rows) => Err(broken(instance, &format!("failed a row that is none of {rows}"))),
        _ => Ok(outputs),
    }
}

fn run_parts(
    instance: &mut PooledInstance,
    call: &Call,
    rows: usize,
    part_rows: usize,
) -> Result<Outputs, Problem> {
    let mut parts = Vec::with_capacity(rows.div_ceil(part_rows));
    for start in (0..rows).step_by(part_rows) {
        let end = rows.min(start + part_rows);
        let part = call.part(start..end).ok_or_else(|| Problem::internal("a call that is not divisible"))?;
        parts.push(run_whole(instance, &part, Some(end - start))?);
    }
    Outputs::stacked(&parts)
}

/// Pieces of `size` rows each; the last one is padded with its last row, and the surplus dropped.
fn run_pieces(
    instance: &mut PooledInstance,
    call: &Call,
    rows: usize,
    size: usize,
) -> Result<Outputs, Problem> {
    if rows == size {
        return run_whole(instance, call, Some(rows));
    }
    if rows == 0 {
        return Err(Problem::invalid(format!(
            "the model takes {size} rows at a time, and the call has none"
        )));
    }
    let mut pieces = Vec::with_capacity(rows.div_ceil(size));
    for start in (0..rows).step_by(size) {
        let end = rows.min(start + size);
        let piece = call
            .part(start..end)
            .ok_or_else(|| Problem::invalid(format!("only arrays can be cut into pieces of {size} rows")))?;
        let whole = run_whole(instance, &piece.padded(size)?, Some(size))?;
        pieces.push(if end - start == size { whole } else { whole.rows(0..end - start) });
    }
    if pieces.len() == 1 { Ok(pieces.remove(0)) } else { Outputs::stacked(&pieces) }
}

#[cold]
fn broken(instance: &PooledInstance, text: &str) -> Problem {
    Problem::internal(format!("engine {} {text}", instance.engine()))
}
