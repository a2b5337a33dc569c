//! Whether a converted model answers as its original does: on made rows, and on golden rows where there are some.

mod rounding;
mod whole;

use super::rows::{self, Recipe, Values};
use super::trials;
use landfall_model::{Call, Input, InputSpec, Kind, Problem, Reason, Signature, Tensor};
use landfall_serving::{GoldenReport, GoldenRows, Lease, Tolerance, Worker, check_golden, check_golden_by};
use std::sync::Arc;

/// What a comparison came to.
#[derive(Debug)]
pub(crate) struct Parity {
    /// Of the rows that were made; the problem, where the original answers none of them.
    pub(crate) made: Result<GoldenReport, Problem>,
    /// Of the rows with values, lengths and numbers of rows that are seldom met, of those that the original answers.
    pub(crate) seldom: GoldenReport,
    /// What differs where values are infinite or NaN.
    pub(crate) endless: Option<Problem>,
    /// Of the golden rows.
    pub(crate) golden: Option<GoldenReport>,
    /// The first difference on made rows.
    differs: Option<Problem>,
}

impl Parity {
    /// Nothing, or why the converted model is not to be trusted.
    ///
    /// # Errors
    /// Data loss, naming the first value that differs, or the rows that only one of both takes; what the original said,
    /// when it answered no row at all.
    pub(crate) fn accepted(&self) -> Result<(), Problem> {
        if let Some(golden) = &self.golden {
            golden.accepted()?;
        }
        if let Some(differs) = &self.differs {
            return Err(differs.clone());
        }
        match (&self.made, &self.golden) {
            (Ok(_), _) | (Err(_), Some(_)) => Ok(()),
            (Err(problem), None) => Err(problem
                .clone()
                .at("nothing could be compared: the original answers no row that was made")),
        }
    }
}

/// Compares one signature of the original with the converted model's only one. Where the original may do
/// something as often as a number says (`may_count`), whole numbers of the rows are large below 0 alone.
///
/// # Errors
/// When the converted model lacks an input or output, has it of another type, or fails on golden rows.
pub(crate) fn compare(
    original: &Lease,
    signature: &Arc<Signature>,
    converted: &Lease,
    golden: Option<&GoldenRows>,
    tolerance: Tolerance,
    may_count: bool,
) -> Result<Parity, Problem> {
    let to = converted.signatures().first().ok_or_else(|| Problem::internal("a model without signature"))?;
    let golden = golden.map(|rows| {
        let rows = carried_over(rows, signature, to)?;
        check_golden(converted, &rows, tolerance).map_err(|problem| problem.at("the converted model"))
    });
    let golden = golden.transpose()?;
    let worker = |lease: &Lease| Worker::new(lease.clone());
    let (original, worker) = (worker(original)?, worker(converted)?);
    let mut pair = Pair { original, converted, worker, signature, to, tolerance, whole: Vec::new() };
    let mut parity = Parity {
        made: Err(Problem::internal("no rows were made")),
        seldom: GoldenReport::default(),
        endless: None,
        golden,
        differs: None,
    };
    let mut base = None;
    for recipe in trials::first(signature) {
        match pair.answered(&recipe)? {
            Ok(rows) => {
                base = Some((recipe, rows));
                break;
            }
            Err(problem) => parity.made = Err(problem),
        }
    }
    let Some((base, rows)) = base else { return Ok(parity) };
    pair.whole = whole::outputs(&rows);
    let made = pair.checked(&base, &rows)?;
    parity.differs = difference(&base, &rows, &made);
    parity.made = Ok(made);
    pair.seldom(&base, may_count, &mut parity)?;

    // Where a pool of pixels loses a NaN, or an activation an infinity, no two libraries agree: that is worth a word, not
    // the conversion.
    let recipe = Recipe { values: Values::Endless, ..base };
    if let Ok(rows) = pair.answered(&recipe)? {
        let found = pair.checked(&recipe, &rows).map(|report| difference(&recipe, &rows, &report));
        parity.endless = found.unwrap_or_else(Some);
    }
    Ok(parity)
}

/// Both models, of one signature.
struct Pair<'a> {
    original: Worker,
    converted: &'a Lease,
    /// What runs the converted model where shapes are asked for.
    worker: Worker,
    signature: &'a Arc<Signature>,
    to: &'a Arc<Signature>,
    tolerance: Tolerance,
    /// By output, whether it holds whole numbers in a type of the reals.
    whole: Vec<bool>,
}

impl Pair<'_> {
    /// Goes through the rows seldom met, up to the first difference.
    fn seldom(&mut self, base: &Recipe, may_count: bool, parity: &mut Parity) -> Result<(), Problem> {
        for recipe in trials::of_shapes(self.signature, base) {
            self.tried(&recipe, base, parity)?;
        }
        for recipe in trials::of_values(self.signature, base, may_count) {
            if self.tried(&recipe, base, parity)? {
                continue;
            }
            // One input refuses such values: each is tried by itself, the others as they were taken.
            for recipe in trials::apart(self.signature, base, &recipe) {
                self.tried(&recipe, base, parity)?;
            }
        }
        Ok(())
    }

    /// Compares the rows of a recipe, unless a difference is known. Whether the original answers them.
    fn tried(&mut self, recipe: &Recipe, base: &Recipe, parity: &mut Parity) -> Result<bool, Problem> {
        if parity.differs.is_some() {
            return Ok(true);
        }
        match self.answered(recipe)? {
            Ok(rows) => {
                let report = self.checked(recipe, &rows)?;
                parity.differs = difference(recipe, &rows, &report);
                add(&mut parity.seldom, report);
                Ok(true)
            }
            // What is refused for its shape may be answered: nobody declared that.
            Err(_) if !recipe.is_of_shapes_as(base) => Ok(false),
            Err(problem) => {
                parity.differs = self.taken_all_the_same(recipe, &problem)?;
                Ok(false)
            }
        }
    }

    /// Rows that the original answers, with its answers, or what it says of them.
    fn answered(&mut self, recipe: &Recipe) -> Result<Result<GoldenRows, Problem>, Problem> {
        Ok(self.answers(rows::made(self.signature, recipe)?))
    }

    /// Inputs with the original's answers.
    fn answers(&mut self, inputs: Vec<Option<Input>>) -> Result<GoldenRows, Problem> {
        let wanted = self.signature.default_outputs().clone();
        let call = Call::checked(self.signature.clone(), inputs.clone(), wanted)?;
        let response = self.original.run(&call)?;
        let outputs = response.outputs.iter().map(|(place, tensor)| (place, tensor.clone()));
        Ok(GoldenRows { signature: self.signature.clone(), inputs, outputs: outputs.collect() })
    }

    /// What is to be said of a converted model that answers values which the original refuses.
    fn taken_all_the_same(&mut self, recipe: &Recipe, refusal: &Problem) -> Result<Option<Problem>, Problem> {
        let (signature, outputs) = (self.signature.clone(), Vec::new());
        let inputs = rows::made(&signature, recipe)?;
        let rows = carried_over(&GoldenRows { signature, inputs, outputs }, self.signature, self.to)?;
        let call = Call::checked(self.to.clone(), rows.inputs, self.to.default_outputs().clone());
        let answered = call.and_then(|call| self.worker.run(&call));
        let text = || {
            format!("{} are refused by the original ({refusal}), and answered", named(recipe, self.signature))
        };
        Ok(answered.is_ok().then(|| Problem::worded(Kind::DataLoss, text())))
    }

    /// How the converted model answers rows of the original.
    fn checked(&mut self, recipe: &Recipe, rows: &GoldenRows) -> Result<GoldenReport, Problem> {
        let signature = self.signature;
        let at =
            |problem: Problem| problem.at(format!("the converted model, on {}", named(recipe, signature)));
        let carried = carried_over(rows, self.signature, self.to)?;
        self.shapes_agree(&carried).map_err(at)?;
        let absolute = if recipe.is_far() { Some(self.tolerances(rows)?) } else { None };
        let is_whole = |(output, (_, tensor)): (usize, &(usize, Tensor))| {
            self.whole.get(output) == Some(&true) && whole::is_whole(tensor)
        };
        let whole: Vec<bool> = rows.outputs.iter().enumerate().map(is_whole).collect();
        let own = |output: usize, value: usize| {
            let absolute =
                absolute.as_ref().map_or(self.tolerance.absolute, |absolute| absolute[output][value]);
            let tolerance = Tolerance { absolute, ..self.tolerance };
            match whole[output] {
                true => whole::tolerance(&rows.outputs[output].1, value, tolerance),
                false => tolerance,
            }
        };
        check_golden_by(self.converted, &carried, &own).map_err(at)
    }

    /// The absolute tolerance of each value of each output, of rows with large numbers.
    fn tolerances(&mut self, rows: &GoldenRows) -> Result<Vec<Vec<f64>>, Problem> {
        let nudge = rounding::nudge(rows);
        let mut moved = Vec::new();
        for draw in 0..rounding::DRAWS {
            // What the original refuses says nothing of how far it moves.
            moved.extend(self.answers(rows::nudged(&rows.inputs, nudge, draw)?).ok());
        }
        let of = |(output, (_, expected)): (usize, &(usize, Tensor))| {
            // A whole number moves by one where another one moves by little.
            let is_whole = self.whole.get(output) == Some(&true) && whole::is_whole(expected);
            let moved = moved.iter().filter(|_| !is_whole).map(|rows| &rows.outputs[output].1);
            rounding::tolerances(rows, expected, &moved.collect::<Vec<_>>(), nudge, self.tolerance.absolute)
        };
        Ok(rows.outputs.iter().enumerate().map(of).collect())
    }

    /// Whether outputs come in the original's shapes: a comparison of golden rows counts their values alone.
    fn shapes_agree(&mut self, rows: &GoldenRows) -> Result<(), Problem> {
        let wanted = rows.outputs.iter().map(|(place, _)| *place).collect();
        let call = Call::checked(self.to.clone(), rows.inputs.clone(), wanted)?;
        let outputs = self.worker.run(&call)?.outputs;
        for (place, expected) in &rows.outputs {
            let name = &self.to.outputs()[*place].name;
            let found = outputs.get(*place).map(|found| found.shape());
            if let Some(found) = found.filter(|found| *found != expected.shape()) {
                let text = format!("output {name:?} has shape {found}, the original's {}", expected.shape());
                return Err(Problem::worded(Kind::DataLoss, text));
            }
        }
        Ok(())
    }
}

/// Adds a comparison to those before it.
fn add(all: &mut GoldenReport, more: GoldenReport) {
    all.rows += more.rows;
    all.values += more.values;
    all.differing += more.differing;
    all.largest = all.largest.max(more.largest);
    all.differences.extend(more.differences);
}

/// The rows of a recipe, as sentences name them.
fn named(recipe: &Recipe, signature: &Signature) -> String {
    let mut text = recipe.values.to_string();
    if let Some((slot, values)) = recipe.apart {
        text += &format!(" with {values} as {:?}", signature.inputs()[slot].name);
    }
    match (recipe.rows, recipe.uneven) {
        (1, _) => text += ", one at a time",
        (_, true) => text += ", with axes of several lengths",
        _ => {}
    }
    text
}

/// The first value of a comparison that differs, with the row that it is an answer to.
fn difference(recipe: &Recipe, rows: &GoldenRows, report: &GoldenReport) -> Option<Problem> {
    let first = report.differences.first()?;
    let text = format!(
        "{} of {} values differ on {} made for the comparison; first: row {}{}, output {:?}, value {}: expected {}, found {}",
        report.differing,
        report.values,
        named(recipe, &rows.signature),
        first.row,
        shown(rows, first.row - 1),
        first.output,
        first.element,
        first.expected,
        first.found
    );
    Some(Problem::worded(Kind::DataLoss, text))
}

/// The inputs of a row in brackets, where they are few.
fn shown(rows: &GoldenRows, row: usize) -> String {
    const MOST: usize = 6;
    let one = |(input, given): (&InputSpec, &Option<Input>)| {
        let tensor = given.as_ref()?.dense()?;
        let part = match rows::has_rows(input) {
            true if row < tensor.shape().first().copied()? => tensor.rows(row..row + 1),
            true => return None,
            false => tensor.clone(),
        };
        let values: Vec<String> =
            (0..part.len().min(MOST + 1)).map(|at| part.scalar(at).to_string()).collect();
        (values.len() <= MOST).then(|| format!("{} = {}", input.name, values.join(", ")))
    };
    let inputs = rows.signature.inputs().iter().zip(&rows.inputs).take(MOST);
    let inputs: Vec<String> = inputs.filter_map(one).collect();
    if inputs.is_empty() { String::new() } else { format!(" ({})", inputs.join("; ")) }
}

/// The same rows for the converted model: inputs and outputs go over by name. An input that plays no part in the answer
/// may be gone; an output may not.
fn carried_over(rows: &GoldenRows, from: &Signature, to: &Arc<Signature>) -> Result<GoldenRows, Problem> {
    let input = |spec: &InputSpec| match from.slot(&spec.name) {
        Some(slot) => Ok(rows.inputs.get(slot.slot).cloned().flatten()),
        // What the original holds as a default becomes an input that may be left out.
        None if spec.optional => Ok(None),
        None => Err(Problem::new(Reason::InputUnknown { input: spec.name.clone() })),
    };
    let inputs = to.inputs().iter().map(input).collect::<Result<Vec<_>, Problem>>();
    let inputs = inputs.map_err(|problem| problem.at("the original"))?;
    let mut outputs = Vec::new();
    for (place, tensor) in &rows.outputs {
        let name = &from.outputs()[*place].name;
        let place = to.output(name).ok_or_else(|| {
            Problem::new(Reason::OutputUnknown { output: name.clone() }).at("the converted model")
        })?;
        let found = to.outputs()[place].dtype;
        if found != tensor.dtype() {
            let text =
                format!("output {name:?} is {}, the original's {}", found.name(), tensor.dtype().name());
            return Err(Problem::worded(Kind::DataLoss, text).at("the converted model"));
        }
        outputs.push((place, tensor.clone()));
    }
    Ok(GoldenRows { signature: to.clone(), inputs, outputs })
}

#[cfg(test)]
mod tests;
