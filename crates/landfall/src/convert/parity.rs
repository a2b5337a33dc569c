//! Whether a converted model answers as its original does: on made rows, and on golden rows where there are some.

use super::rows::{self, Values};
use landfall_model::{Call, InputSpec, Problem, Reason, Signature, Tensor};
use landfall_serving::{GoldenReport, GoldenRows, Lease, Tolerance, Worker, check_golden};
use std::sync::Arc;

/// Lengths that free axes other than rows get, until the original answers.
const LENGTHS: [usize; 3] = [8, 1, 64];

/// What a comparison came to.
#[derive(Debug)]
pub(crate) struct Parity {
    /// Of the rows that were made; `None` where the original answers none of them.
    pub(crate) made: Result<GoldenReport, Problem>,
    /// Of rows with values that are seldom met, of those kinds that the original answers.
    pub(crate) seldom: Vec<GoldenReport>,
    /// What differs where values are infinite or NaN.
    pub(crate) endless: Option<Problem>,
    /// Of the golden rows.
    pub(crate) golden: Option<GoldenReport>,
}

impl Parity {
    /// Nothing, or why the converted model is not to be trusted.
    ///
    /// # Errors
    /// Data loss, naming the first value that differs; what the original said, when it answered no row at all.
    pub(crate) fn accepted(&self) -> Result<(), Problem> {
        if let Some(golden) = &self.golden {
            golden.accepted()?;
        }
        self.seldom.iter().try_for_each(GoldenReport::accepted)?;
        match (&self.made, &self.golden) {
            (Ok(made), _) => made.accepted(),
            (Err(_), Some(_)) => Ok(()),
            (Err(problem), None) => Err(problem
                .clone()
                .at("nothing could be compared: the original answers no row that was made")),
        }
    }
}

/// Compares one signature of the original with the converted model's only one.
///
/// # Errors
/// When the converted model lacks an input or output, or fails on what the original answers.
pub(crate) fn compare(
    original: &Lease,
    signature: &Arc<Signature>,
    converted: &Lease,
    golden: Option<&GoldenRows>,
    tolerance: Tolerance,
) -> Result<Parity, Problem> {
    let to = converted.signatures().first().ok_or_else(|| Problem::internal("a model without signature"))?;
    let checked = |rows: &GoldenRows| {
        let rows = carried_over(rows, signature, to)?;
        check_golden(converted, &rows, tolerance).map_err(|problem| problem.at("the converted model"))
    };
    let made = match answered(original, signature, &[Values::Varied, Values::Small]) {
        Err(problem) => Err(problem),
        Ok(rows) => Ok(checked(&rows)?),
    };
    let mut seldom = Vec::new();
    for values in [Values::Ties, Values::Wide] {
        if let Ok(rows) = answered(original, signature, &[values]) {
            seldom.push(checked(&rows)?);
        }
    }
    // Where a pool of pixels loses a NaN, or an activation an infinity, no two libraries agree: that is worth a word, not
    // the conversion.
    let endless = answered(original, signature, &[Values::Endless]).ok();
    let endless = endless.and_then(|rows| checked(&rows).and_then(|report| report.accepted()).err());
    let golden = golden.map(checked).transpose()?;
    Ok(Parity { made, seldom, endless, golden })
}

/// Rows that the original answers, with its answers: of the first kind of values that it takes.
fn answered(original: &Lease, signature: &Arc<Signature>, kinds: &[Values]) -> Result<GoldenRows, Problem> {
    let mut worker = Worker::new(original.clone())?;
    let mut last = Problem::internal("no rows were made");
    for &values in kinds {
        for length in LENGTHS {
            let inputs = rows::made(signature, values, length)?;
            let wanted = signature.default_outputs().clone();
            let run =
                Call::checked(signature.clone(), inputs.clone(), wanted).and_then(|call| worker.run(&call));
            match run {
                Ok(response) => {
                    let outputs = response.outputs.iter().map(|(place, tensor)| (place, tensor.clone()));
                    let outputs: Vec<(usize, Tensor)> = outputs.collect();
                    return Ok(GoldenRows { signature: signature.clone(), inputs, outputs });
                }
                Err(problem) => last = problem,
            }
            if !rows::has_free_inner_axes(signature) {
                break;
            }
        }
    }
    Err(last)
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
        outputs.push((place, tensor.clone()));
    }
    Ok(GoldenRows { signature: to.clone(), inputs, outputs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, Input, Method, OutputSpec, RowRule, Scalar, ShapeRule, TensorMut};

    fn signature(inputs: &[(&str, bool)], output: &str) -> Arc<Signature> {
        let input = |(name, optional): &(&str, bool)| InputSpec {
            optional: *optional,
            ..InputSpec::new(*name, DType::F32, None)
        };
        let inputs = inputs.iter().map(input).collect();
        let outputs = vec![OutputSpec::new(output, DType::F32, None)];
        let made = Signature::new(
            "serving_default",
            Method::Predict,
            inputs,
            outputs,
            RowRule::None,
            ShapeRule::AsSent,
        );
        made.unwrap().shared()
    }

    fn row(value: f64) -> Tensor {
        let mut made = TensorMut::with_capacity(DType::F32, 1);
        made.push_scalar(&Scalar::Float(value)).unwrap();
        made.freeze([1].into_iter().collect()).unwrap()
    }

    #[test]
    fn inputs_and_outputs_go_over_by_name_and_one_that_may_be_left_out_is() {
        let original = signature(&[("x", false), ("unused", false)], "y");
        let inputs = [1.0, 2.0].map(|value| Some(Input::Dense(row(value)))).to_vec();
        let rows = GoldenRows { signature: original.clone(), inputs, outputs: vec![(0, row(3.0))] };

        let converted = signature(&[("k", true), ("x", false)], "y");
        let carried = carried_over(&rows, &original, &converted).unwrap();
        assert!(carried.inputs[0].is_none(), "it keeps its default");
        assert_eq!(carried.inputs[1].as_ref().and_then(Input::dense), Some(&row(1.0)));
        assert_eq!(carried.outputs, [(0, row(3.0))]);

        let asks_for_more = signature(&[("k", false), ("x", false)], "y");
        let problem = carried_over(&rows, &original, &asks_for_more).unwrap_err().to_string();
        assert!(problem.contains('k') && problem.contains("the original"), "{problem}");
        let gives_another = signature(&[("x", false)], "z");
        let problem = carried_over(&rows, &original, &gives_another).unwrap_err().to_string();
        assert!(problem.contains('y') && problem.contains("the converted model"), "{problem}");
    }
}
