//! Golden rows: inputs with the outputs that are expected of them.

use crate::{GoldenRows, Lease, Worker};
use landfall_model::{Call, Outputs, Problem, RowRule, Scalar, Tensor};

/// Rows of one run: as many as a busy server's batches have.
const ROWS_AT_ONCE: usize = 256;
/// How many differences a report shows.
const MOST_SHOWN: usize = 10;

/// How far a found value may lie from the expected one: `absolute + relative × |expected|`.
#[derive(Clone, Copy, PartialEq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance { relative: 1e-5, absolute: 1e-5 }
    }
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoldenReport {
    /// Rows compared; for models without rows 1.
    pub rows: usize,
    /// Values compared.
    pub values: usize,
    /// Values that differ.
    pub differing: usize,
    /// The largest distance of two numbers.
    pub largest: f64,
    /// The first differences.
    pub differences: Vec<Difference>,
}

/// A value that is not as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// From 1, as rows of tables are counted everywhere.
    pub row: usize,
    /// Name of the output.
    pub output: String,
    /// Index of the value within the row's part of the output.
    pub element: usize,
    /// As text.
    pub expected: String,
    /// As text; the problem, where the row failed.
    pub found: String,
}

impl GoldenReport {
    /// Nothing, or a problem that names the first difference.
    ///
    /// # Errors
    /// Data loss, when a value differs: the version does not give what it should.
    pub fn accepted(&self) -> Result<(), Problem> {
        let Some(first) = self.differences.first() else { return Ok(()) };
        let Difference { row, output, element, expected, found } = first;
        Err(Problem::worded(
            landfall_model::Kind::DataLoss,
            format!(
                "{} of {} values differ from the golden rows; first: row {row}, output {output:?}, value {element}: \
                 expected {expected}, found {found}",
                self.differing, self.values
            ),
        ))
    }
}

/// Runs golden rows through a version, the way that calls run, and compares.
///
/// # Errors
/// When the rows do not fit the version, or a run fails as a whole.
pub fn check_golden(
    lease: &Lease,
    golden: &GoldenRows,
    tolerance: Tolerance,
) -> Result<GoldenReport, Problem> {
    check_golden_by(lease, golden, &|_, _| tolerance)
}

/// The same with a tolerance for each value: by the output's place among the golden rows' and the value's among all of the
/// output's.
///
/// # Errors
/// As above.
pub fn check_golden_by(
    lease: &Lease,
    golden: &GoldenRows,
    tolerance: &dyn Fn(usize, usize) -> Tolerance,
) -> Result<GoldenReport, Problem> {
    let wanted = golden.outputs.iter().map(|(place, _)| *place).collect();
    let call = Call::checked(golden.signature.clone(), golden.inputs.clone(), wanted)?;
    let mut worker = Worker::new(lease.clone())?;
    let mut report = GoldenReport::default();
    let divisible = matches!(golden.signature.rows(), RowRule::Independent | RowRule::Pieces(_));
    let Some(rows) = call.rows().filter(|_| divisible) else {
        let outputs = worker.run(&call)?.outputs;
        report.rows = call.rows().unwrap_or(1);
        return compare(golden, &outputs, None, tolerance, report);
    };
    for start in (0..rows).step_by(ROWS_AT_ONCE) {
        let end = rows.min(start + ROWS_AT_ONCE);
        let Some(part) = call.part(start..end) else {
            let outputs = worker.run(&call)?.outputs;
            report.rows = rows;
            return compare(golden, &outputs, Some((0, rows)), tolerance, report);
        };
        let outputs = worker.run(&part)?.outputs;
        report.rows += end - start;
        report = compare(golden, &outputs, Some((start, end)), tolerance, report)?;
    }
    Ok(report)
}

/// Compares outputs with the expected ones; `rows` are those of the expected ones that they belong to.
fn compare(
    golden: &GoldenRows,
    outputs: &Outputs,
    rows: Option<(usize, usize)>,
    tolerance: &dyn Fn(usize, usize) -> Tolerance,
    mut report: GoldenReport,
) -> Result<GoldenReport, Problem> {
    let start = rows.map_or(0, |(start, _)| start);
    for (output, (place, expected)) in golden.outputs.iter().enumerate() {
        let name = &golden.signature.outputs()[*place].name;
        let expected = match rows {
            Some((start, end)) if expected.shape().first().is_some_and(|&all| all >= end) => {
                expected.rows(start..end)
            }
            _ => expected.clone(),
        };
        let found =
            outputs.get(*place).ok_or_else(|| Problem::internal(format!("output {name:?} did not come")))?;
        if found.len() != expected.len() {
            return Err(Problem::invalid(format!(
                "output {name:?}: the golden rows have shape {}, the model gives {}",
                expected.shape(),
                found.shape()
            )));
        }
        let width = found.row_elements().max(1);
        for element in 0..found.len() {
            let row = element / width;
            report.values += 1;
            let failed = outputs.failed().iter().find(|(failed, _)| *failed == row);
            let difference = match failed {
                Some((_, problem)) => Some((text(&expected, element), problem.to_string())),
                None => {
                    let tolerance = tolerance(output, start * width + element);
                    differs(&expected, found, element, tolerance, &mut report.largest)
                }
            };
            let Some((expected, found)) = difference else { continue };
            report.differing += 1;
            if report.differences.len() < MOST_SHOWN {
                let (row, element) = (start + row + 1, element % width);
                report.differences.push(Difference { row, output: name.clone(), element, expected, found });
            }
        }
    }
    Ok(report)
}

fn differs(
    expected: &Tensor,
    found: &Tensor,
    element: usize,
    tolerance: Tolerance,
    largest: &mut f64,
) -> Option<(String, String)> {
    let texts = || Some((text(expected, element), text(found, element)));
    let number = |tensor: &Tensor| match tensor.scalar(element) {
        _ if tensor.is_missing(element) => Some(f64::NAN),
        Scalar::Float(value) => Some(value),
        Scalar::Int(value) => Some(value as f64),
        Scalar::UInt(value) => Some(value as f64),
        Scalar::Bool(value) => Some(f64::from(u8::from(value))),
        Scalar::Bytes(_) => None,
    };
    let whole = |tensor: &Tensor| match tensor.scalar(element) {
        Scalar::Int(value) => Some(i128::from(value)),
        Scalar::UInt(value) => Some(i128::from(value)),
        _ => None,
    };
    // Integers are equal or not: as floats, large ones would be near each other.
    if let (Some(a), Some(b)) = (whole(expected), whole(found))
        && !expected.is_missing(element)
        && !found.is_missing(element)
    {
        return if a == b { None } else { texts() };
    }
    match (number(expected), number(found)) {
        (Some(a), Some(b)) => {
            let distance = (a - b).abs();
            if distance.is_finite() {
                *largest = largest.max(distance);
            }
            let near = distance <= tolerance.absolute + tolerance.relative * a.abs();
            // Infinities are equal or not: everything is near one.
            let equal = a == b || (a.is_nan() && b.is_nan()) || (near && a.is_finite());
            if equal { None } else { texts() }
        }
        (None, None) if expected.scalar(element) == found.scalar(element) => None,
        _ => texts(),
    }
}

fn text(tensor: &Tensor, element: usize) -> String {
    if tensor.is_missing(element) { "nothing".to_owned() } else { tensor.scalar(element).to_string() }
}

#[cfg(test)]
mod tests;
