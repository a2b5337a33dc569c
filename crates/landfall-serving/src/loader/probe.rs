//! What rows are: what configuration says, or a probe at load. Two different rows, each of them twice, must give the same
//! together as each alone, or the version is never batched and never split.

mod made;

use landfall_model::{
    Call, DType, Dim, Input, Instance, Outputs, Problem, RowRule, Scalar, Signature, Tensor, Wanted,
};
pub(crate) use made::made_row;
use made::{LENGTHS, Pair, SMALL, Small, made_pair, made_pair_beside_large};
use std::sync::Arc;

/// How far a row's answers may lie apart, alone and in company; at least as far as neighbouring values of their type do
/// ([`spacing`]), since a sum that another batch size rounds in another way may end on either.
const RELATIVE: f64 = 1e-4;
/// The same for values near 0, in parts of the largest value of the output: what cancels out leaves noise of that size.
const NEAR_ZERO: f64 = 1e-6;
/// What `batch = …` makes of a signature; the signature itself where nobody said.
///
/// # Errors
/// Failed precondition, when the model itself says what its rows are, or axis 0 cannot be rows.
pub(crate) fn overridden(signature: &Signature, batch: Option<bool>) -> Result<Signature, Problem> {
    let refuse = |why: &str| {
        let text = format!("batch = true does not fit signature {:?}: {why}", signature.name());
        Err(Problem::worded(landfall_model::Kind::FailedPrecondition, text))
    };
    let rule = match (batch, signature.rows()) {
        (None, RowRule::Pieces(rows)) => RowRule::Pieces(*rows),
        (None, _) => return Ok(signature.clone()),
        (Some(_), RowRule::Ordered | RowRule::GroupedBy(_)) => {
            return refuse("the model says that its rows depend on each other");
        }
        (Some(false), _) => RowRule::None,
        (Some(true), _) => match first_dims(signature) {
            FirstDims::Free => RowRule::Independent,
            FirstDims::Fixed(rows) => RowRule::Pieces(rows),
            FirstDims::Mixed => return refuse("axis 0 is not of one length in all inputs and outputs"),
        },
    };
    match rule {
        RowRule::Pieces(rows) => open_to_any_number(signature, rows),
        rule => Ok(signature.clone().with_rows(rule)),
    }
}

/// What is to be said of a signature whose axis 0 has one length throughout, which may be rows or may not: nobody but its
/// author knows.
pub(crate) fn one_length(signature: &Signature) -> Option<String> {
    match (signature.rows(), first_dims(signature)) {
        (RowRule::None, FirstDims::Fixed(rows @ 2..)) => Some(format!(
            "signature {:?}: axis 0 is always {rows}, and so are its calls; where those are rows, batch = true lets calls have \
             any number of them, in pieces of {rows}",
            signature.name()
        )),
        _ => None,
    }
}

/// A model that takes `rows` rows at a time takes calls of any number of them: axis 0 is declared free.
fn open_to_any_number(signature: &Signature, rows: usize) -> Result<Signature, Problem> {
    let open = |dims: &mut Option<Vec<Dim>>| {
        if let Some(first) = dims.as_mut().and_then(|dims| dims.first_mut()) {
            *first = Dim::Free(None);
        }
    };
    let (mut inputs, mut outputs) = (signature.inputs().to_vec(), signature.outputs().to_vec());
    inputs.iter_mut().for_each(|input| open(&mut input.dims));
    outputs.iter_mut().for_each(|output| open(&mut output.dims));
    let (name, method, shapes) = (signature.name(), signature.method().clone(), signature.shapes());
    Signature::new(name, method, inputs, outputs, RowRule::Pieces(rows), shapes)
}

enum FirstDims {
    Free,
    Fixed(usize),
    Mixed,
}

/// What is declared for axis 0 of all inputs and outputs that declare any; scalars, and a length of 0, cannot be rows.
fn first_dims(signature: &Signature) -> FirstDims {
    let inputs = signature.inputs().iter().map(|input| &input.dims);
    let outputs = signature.outputs().iter().map(|output| &output.dims);
    let mut seen: Option<&Dim> = None;
    for dims in inputs.chain(outputs).flatten() {
        let Some(first) = dims.first() else { return FirstDims::Mixed };
        match (seen, first) {
            (None, _) => seen = Some(first),
            (Some(Dim::Free(_)), Dim::Free(_)) => {}
            (Some(Dim::Known(a)), Dim::Known(b)) if a == b => {}
            _ => return FirstDims::Mixed,
        }
    }
    match seen {
        None | Some(Dim::Free(_)) => FirstDims::Free,
        Some(Dim::Known(0)) => FirstDims::Mixed,
        Some(Dim::Known(rows)) => FirstDims::Fixed(*rows),
    }
}

/// Settles [`RowRule::Unproven`]; other signatures come back as they are. `rows` are calls with this signature to take
/// rows from. The note says why a version will not be batched.
pub(crate) fn proven(
    signature: &Arc<Signature>,
    instance: &mut dyn Instance,
    rows: &[Call],
) -> (Arc<Signature>, Option<String>) {
    if *signature.rows() != RowRule::Unproven {
        return (signature.clone(), None);
    }
    match try_rows(signature, instance, rows) {
        Ok(()) => (Arc::new((**signature).clone().with_rows(RowRule::Independent)), None),
        Err(why) => {
            let note = format!("signature {:?} is never batched: {why}", signature.name());
            (Arc::new((**signature).clone().with_rows(RowRule::None)), Some(note))
        }
    }
}

/// Tries two rows, given ones where there are any, else made ones.
fn try_rows(signature: &Arc<Signature>, instance: &mut dyn Instance, rows: &[Call]) -> Result<(), String> {
    if let Some(pair) = rows.iter().find_map(pair_of) {
        return agree(signature, instance, &pair?);
    }
    let (mut why, mut agreed) = (String::new(), None);
    for length in LENGTHS {
        match agree_made(signature, instance, length) {
            Ok(small) => agreed = Some((length, small)),
            Err(reason) if !reason.starts_with(NOT_RUN) => return Err(reason),
            // A length that the model does not take says nothing.
            Err(reason) => why = reason,
        }
        // What agrees in rows of one value may not in longer ones.
        let is_tried = agreed.is_some() && length > LENGTHS[0];
        if is_tried || !has_free_inner_dims(signature) {
            break;
        }
    }
    match agreed {
        Some((length, small)) => keeps_beside_large(signature, instance, length, small),
        None => Err(why),
    }
}

/// Tries made rows, of one kind of small values after the other until a model takes them: one that divides by an input
/// takes no zeros. Gives the kind that it took.
fn agree_made(
    signature: &Arc<Signature>,
    instance: &mut dyn Instance,
    length: usize,
) -> Result<Small, String> {
    let mut first_reason = None;
    for small in SMALL {
        let pair = made_pair(signature, length, small).map_err(not_run);
        match pair.and_then(|pair| agree(signature, instance, &pair)) {
            Ok(()) => return Ok(small),
            Err(reason) if !reason.starts_with(NOT_RUN) => return Err(reason),
            Err(reason) => {
                first_reason.get_or_insert(reason);
            }
        }
    }
    Err(first_reason.unwrap_or_default())
}

const NOT_RUN: &str = "the probe did not run";

/// Two neighbouring rows of a call that differ.
fn pair_of(call: &Call) -> Option<Result<Pair, String>> {
    let tensors: Vec<Option<&Tensor>> =
        call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense)).collect();
    if call.inputs().iter().flatten().any(|input| input.dense().is_none()) {
        return None;
    }
    let lengths = |tensor: &&Tensor| tensor.shape().first().copied().unwrap_or(0);
    let rows = tensors.iter().flatten().map(lengths).min()?;
    let row = (1..rows).find(|&row| {
        tensors.iter().flatten().any(|tensor| tensor.rows(row..row + 1) != tensor.rows(row - 1..row))
    })?;
    let cut = |tensor: &Option<&Tensor>| tensor.map(|tensor| Input::Dense(tensor.rows(row - 1..row + 1)));
    Pair::of(&tensors.iter().map(cut).collect::<Vec<_>>()).map(Ok)
}

fn has_free_inner_dims(signature: &Signature) -> bool {
    let free = |dims: &Vec<Dim>| dims.iter().skip(1).any(|dim| matches!(dim, Dim::Free(_)));
    signature.inputs().iter().filter_map(|input| input.dims.as_ref()).any(free)
}

/// Runs pairs of rows, together and alone.
struct Trial<'a> {
    signature: &'a Arc<Signature>,
    instance: &'a mut dyn Instance,
}

impl Trial<'_> {
    fn call(&self, row: &[Option<Input>]) -> Result<Call, String> {
        // Every output has rows, or none of the calls that want it can be cut: so all of them, whoever asks for them.
        let wanted: Wanted = (0..self.signature.outputs().len()).collect();
        let call = Call::checked(self.signature.clone(), row.to_vec(), wanted).map_err(not_run)?;
        match call.rows() {
            Some(1) => Ok(call),
            _ => Err(format!("{NOT_RUN}: its rows are not of the declared shape")),
        }
    }

    fn run(&mut self, call: &Call) -> Result<Outputs, String> {
        let mut outputs = Outputs::new();
        self.instance.run(call, &mut outputs).map_err(not_run)?;
        match outputs.failed().first() {
            Some((_, problem)) => Err(not_run(problem.clone())),
            None => Ok(outputs),
        }
    }

    /// Whether a row of several has the outputs that it has alone.
    fn compare(&self, row: usize, rows: usize, together: &Outputs, alone: &Outputs) -> Result<(), String> {
        for (place, spec) in self.signature.outputs().iter().enumerate() {
            let (Some(all), Some(one)) = (together.get(place), alone.get(place)) else {
                return Err(format!("output {:?} did not come", spec.name));
            };
            if all.shape().first() != Some(&rows) || one.shape().first() != Some(&1) {
                return Err(format!(
                    "output {:?} has shape {} for {rows} rows and {} for 1",
                    spec.name,
                    all.shape(),
                    one.shape()
                ));
            }
            if !same(&all.rows(row..row + 1), one) {
                return Err(format!(
                    "output {:?} of a row depends on the other rows of its batch",
                    spec.name
                ));
            }
        }
        Ok(())
    }
}

#[cold]
fn not_run(problem: Problem) -> String {
    format!("{NOT_RUN}: {problem}")
}

/// Whether rows' answers are the same together and alone. Each comes a second time, so that a model shows itself which
/// drops or merges rows (distinct values, those other than 0), or to which a row of zeros is none (a norm over the batch).
fn agree(signature: &Arc<Signature>, instance: &mut dyn Instance, pair: &Pair) -> Result<(), String> {
    let mut trial = Trial { signature, instance };
    let [first, second] = [trial.call(&pair.0[0])?, trial.call(&pair.0[1])?];
    let rows = [&first, &second, &first, &second];
    let alone = [trial.run(&first)?, trial.run(&second)?];
    let together = trial.run(&Call::stacked(&rows).map_err(not_run)?);
    let together = together.map_err(|reason| format!("rows that run alone fail together ({reason})"))?;
    let mut both = alone.iter().cycle().take(rows.len()).enumerate();
    both.try_for_each(|(row, alone)| trial.compare(row, rows.len(), &together, alone))
}

/// Whether a small row's answers stay what they are beside a large row: what a model makes of a whole batch (its largest value,
/// a branch on its sum, its longest text) may show there alone. The large row's own answers say nothing: a network far out
/// of its range answers by its rounding. Nor does a model say anything that does not take such a row.
fn keeps_beside_large(
    signature: &Arc<Signature>,
    instance: &mut dyn Instance,
    length: usize,
    small: Small,
) -> Result<(), String> {
    let mut trial = Trial { signature, instance };
    let mut outputs = || -> Result<[Outputs; 2], String> {
        let Pair([small, large]) = made_pair_beside_large(signature, length, small).map_err(not_run)?;
        let (small, large) = (trial.call(&small)?, trial.call(&large)?);
        let together = Call::stacked(&[&small, &large]).map_err(not_run)?;
        Ok([trial.run(&together)?, trial.run(&small)?])
    };
    match outputs() {
        Ok([together, alone]) => trial.compare(0, 2, &together, &alone),
        Err(_) => Ok(()),
    }
}

/// Equal, or for floats within the tolerance.
fn same(a: &Tensor, b: &Tensor) -> bool {
    if a.shape() != b.shape() || a.dtype() != b.dtype() {
        return false;
    }
    if !a.dtype().is_float() && !matches!(a.dtype(), DType::Complex64 | DType::Complex128) {
        return a == b;
    }
    let relative = RELATIVE.max(spacing(a.dtype()));
    let (a, b) = (floats(a), floats(b));
    let largest = a.iter().chain(&b).filter(|v| v.is_finite()).fold(0.0f64, |most, v| most.max(v.abs()));
    a.iter().zip(&b).all(|(&a, &b)| {
        let distance = (a - b).abs();
        let near = distance.is_finite() && distance <= relative * a.abs().max(b.abs()) + NEAR_ZERO * largest;
        a == b || near || (a.is_nan() && b.is_nan())
    })
}

/// How far neighbouring values of a type lie apart at most, in parts of themselves; 0 where [`RELATIVE`] is far more.
fn spacing(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => 0.0,
    }
}

/// All numbers of a tensor of floats; of complex ones both parts.
fn floats(tensor: &Tensor) -> Vec<f64> {
    if let Ok(parts) = tensor.values::<[f32; 2]>() {
        return parts.iter().flatten().map(|&v| f64::from(v)).collect();
    }
    if let Ok(parts) = tensor.values::<[f64; 2]>() {
        return parts.iter().flatten().copied().collect();
    }
    (0..tensor.len())
        .map(|element| match tensor.scalar(element) {
            Scalar::Float(value) => value,
            _ => f64::NAN,
        })
        .collect()
}

#[cfg(test)]
mod tests;
