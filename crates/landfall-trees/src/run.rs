//! One call on a tree model.

use crate::compiled::{Compiled, Evaluator};
use crate::interface::{Interface, MATRIX, OutputKind};
use crate::rows::Matrix;
use crate::transform::Transform;
use landfall_forest::{Forest, Numbers, Real, Rows, ShapSpace, narrowed};
use landfall_model::{
    Buffer, BufferMut, Call, Element, Input, Instance, Kind, Outputs, Problem, Shape, Tensor,
};
use std::ops::Range;
use std::sync::Arc;

/// Numbers that one call may ask of contributions: interactions are quadratic in the number of features.
const MAX_EXPLAINED: usize = 1 << 26;
/// Numbers that are kept in float64 at a time, or those of one row.
const EXPLAINED_AT_ONCE: usize = 1 << 20;

/// Rows whose numbers are brought to float32 at a time.
const PART_ROWS: usize = 1024;

/// What every run needs, made once.
pub(crate) struct Plan<X, Y> {
    pub(crate) compiled: Compiled<X, Y>,
    pub(crate) interface: Interface,
}

/// One thread's workspace.
pub(crate) struct TreeInstance<X, Y> {
    plan: Arc<Plan<X, Y>>,
    matrix: Matrix<X>,
    space: Space<Y>,
}

/// What numbers on their way to an output are kept in, from call to call.
#[derive(Default)]
struct Space<Y> {
    /// The sums of the call's rows, where an output is made of them.
    margins: Vec<Y>,
    predictions: Vec<Y>,
    explained: Vec<f64>,
    narrow: Vec<f32>,
    shap: ShapSpace,
}

impl<X: Real + Element, Y: Real + Element> TreeInstance<X, Y> {
    pub(crate) fn new(plan: Arc<Plan<X, Y>>) -> Self {
        let (matrix, space) = (Matrix::default(), Space::default());
        TreeInstance { plan, matrix, space }
    }
}

impl<X: Real + Element, Y: Real + Element> Instance for TreeInstance<X, Y> {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let Plan { compiled, interface } = &*self.plan;
        let rows = call.rows().unwrap_or(0);
        let inputs = call.inputs();
        let by_matrix = !interface.lists_columns || call.signature().name() == MATRIX;
        let mut bad = Vec::new();
        let (values, base_slot) = if by_matrix {
            let input = inputs[0].as_ref().ok_or_else(|| Problem::internal("features did not come"))?;
            (self.matrix.of_matrix(input, &compiled.features, &compiled.rules)?, 1)
        } else {
            let features = &compiled.features;
            let derived = compiled.derived.as_deref();
            let values =
                self.matrix.of_columns(inputs, rows, features, derived, &compiled.rules, &mut bad)?;
            (values, features.len())
        };
        let rows = Rows::new(values, rows, compiled.width());
        let base = match inputs.get(base_slot).and_then(Option::as_ref).and_then(Input::dense) {
            Some(base) => Some(base.values::<Y>()?),
            None => None,
        };
        if call.wanted().iter().any(|place| interface.outputs[place].is_of_sums()) {
            let Space { margins, narrow, .. } = &mut self.space;
            add_up(compiled, rows, base, margins, narrow);
        }
        for place in call.wanted().iter() {
            outputs.set(place, self.space.answer(compiled, interface.outputs[place], rows, base)?);
        }
        bad.into_iter().for_each(|(row, problem)| outputs.fail_row(row, problem));
        Ok(())
    }
}

impl OutputKind {
    /// Whether it is made of the sums of rows.
    fn is_of_sums(self) -> bool {
        use OutputKind::{Class, LogProbability, Margin, Prediction};
        matches!(self, Margin | Prediction | Class | LogProbability)
    }
}

impl<Y: Real + Element> Space<Y> {
    /// One output of all rows; `base` is what the caller has sums begin with.
    fn answer<X: Real>(
        &mut self,
        compiled: &Compiled<X, Y>,
        kind: OutputKind,
        rows: Rows<'_, X>,
        base: Option<&[Y]>,
    ) -> Result<Tensor, Problem> {
        match kind {
            OutputKind::Margin => tensor_of(&self.margins, rows.len(), &[compiled.margins()]),
            OutputKind::Prediction if !compiled.predicts_classes => {
                transformed(compiled, &*compiled.transform, &self.margins, rows.len(), &mut self.predictions)
            }
            OutputKind::Prediction | OutputKind::Class => {
                classes(compiled, &self.margins, rows.len(), &mut self.predictions)
            }
            OutputKind::LogProbability => {
                let missing = || Problem::internal("a model without logarithms of probabilities");
                let transform = compiled.log_probability.as_deref().ok_or_else(missing)?;
                transformed(compiled, transform, &self.margins, rows.len(), &mut self.predictions)
            }
            OutputKind::Leaf => leaves(compiled, rows),
            OutputKind::Contributions | OutputKind::Interactions => {
                let pairs = kind == OutputKind::Interactions;
                explained(compiled, rows, base, pairs, (&mut self.shap, &mut self.explained))
            }
        }
    }
}

/// What a transform makes of the sums.
fn transformed<X, Y: Real + Element>(
    compiled: &Compiled<X, Y>,
    transform: &dyn Transform<Y>,
    margins: &[Y],
    rows: usize,
    space: &mut Vec<Y>,
) -> Result<Tensor, Problem> {
    space.clear();
    transform.apply(margins, compiled.extent.rounds, space);
    tensor_of(space, rows, &[transform.width()])
}

/// The classes that the sums decide on.
fn classes<X, Y: Real + Element>(
    compiled: &Compiled<X, Y>,
    margins: &[Y],
    rows: usize,
    space: &mut Vec<Y>,
) -> Result<Tensor, Problem> {
    let missing = || Problem::internal("a model without classes");
    let classes = compiled.classes.as_ref().ok_or_else(missing)?;
    let (values, width) = if classes.of_margins {
        (margins, compiled.margins())
    } else {
        space.clear();
        compiled.transform.apply(margins, compiled.extent.rounds, space);
        (space.as_slice(), compiled.transform.width())
    };
    let wide: Vec<f64> = values.iter().map(|value| value.wide()).collect();
    classes.decide(&wide, width, rows)
}

/// Sums of all rows: the base, then the trees.
fn add_up<X: Real, Y: Real>(
    compiled: &Compiled<X, Y>,
    rows: Rows<'_, X>,
    base: Option<&[Y]>,
    margins: &mut Vec<Y>,
    narrow: &mut Vec<f32>,
) {
    margins.clear();
    match base {
        Some(base) => margins.extend_from_slice(base),
        None => (0..rows.len()).for_each(|_| margins.extend_from_slice(&compiled.base)),
    }
    match &compiled.evaluator {
        Evaluator::Forest(forest) => {
            add_trees(forest, rows, &compiled.extent.trees, margins, narrow);
        }
        Evaluator::Linear(linear) => linear.add_margins(rows, margins),
    }
    if let Some(after) = &compiled.after {
        after.apply(margins);
    }
    if let Some(spread) = &compiled.spread {
        spread.apply(margins);
    }
}

/// Adds trees some rows at a time, those whose numbers float32 holds as such: they are compared in half the time.
fn add_trees<X: Real, Y: Real>(
    forest: &Forest<X, Y>,
    rows: Rows<'_, X>,
    trees: &Range<usize>,
    margins: &mut [Y],
    narrow: &mut Vec<f32>,
) {
    // A single row the forest looks at itself.
    if rows.len() == 1 || matches!(X::numbers(rows.values()), Numbers::F32(_)) {
        return forest.add_margins(rows, trees.clone(), margins);
    }
    for (part, margins) in margins.chunks_mut(PART_ROWS * forest.outputs()).enumerate() {
        let count = margins.len() / forest.outputs();
        let rows = rows.part(part * PART_ROWS..part * PART_ROWS + count);
        narrow.resize(rows.values().len(), 0.0);
        if narrowed(rows.values(), narrow) {
            let columns = narrow.len() / count;
            forest.add_margins_of_f32(None, Rows::new(narrow, count, columns), trees.clone(), margins);
        } else {
            forest.add_margins(rows, trees.clone(), margins);
        }
    }
}

fn leaves<X: Real, Y: Real>(compiled: &Compiled<X, Y>, rows: Rows<'_, X>) -> Result<Tensor, Problem> {
    let Evaluator::Forest(forest) = &compiled.evaluator else {
        return Err(Problem::internal("a linear booster has no leaves"));
    };
    from_start(compiled, "leaf indices")?;
    let trees = compiled.extent.trees.clone();
    let mut ids = vec![0i32; rows.len() * trees.len()];
    forest.leaf_ids(rows, trees.clone(), &mut ids);
    Tensor::from_slice(&[rows.len(), trees.len()], &ids)
}

/// XGBoost has leaves and contributions only of rounds from the first one on.
fn from_start<X, Y>(compiled: &Compiled<X, Y>, what: &str) -> Result<(), Problem> {
    if compiled.takes_base_margin && !compiled.extent.from_start {
        let what = format!("{what} of rounds that do not begin with the first one");
        return Err(Problem::unsupported(what, "as in the library: set iteration_range from 0 on"));
    }
    Ok(())
}

/// Contributions, or interactions, of all rows, some rows at a time.
fn explained<X: Real, Y: Real + Element>(
    compiled: &Compiled<X, Y>,
    rows: Rows<'_, X>,
    base: Option<&[Y]>,
    pairs: bool,
    (space, sums): (&mut ShapSpace, &mut Vec<f64>),
) -> Result<Tensor, Problem> {
    from_start(compiled, "contributions")?;
    let side = compiled.players() + 1;
    let each = if pairs { side * side } else { side };
    let row = each.saturating_mul(compiled.groups);
    if row.saturating_mul(rows.len()) > MAX_EXPLAINED {
        let what = format!("contributions of {} rows, {row} numbers each: too many for one call", rows.len());
        return Err(Problem::worded(Kind::ResourceExhausted, what));
    }
    let told = (compiled.features.len() + 1).pow(if pairs { 2 } else { 1 }) * compiled.explained_groups;
    let mut buffer = BufferMut::with_capacity(rows.len() * told * size_of::<Y>());
    let step = (EXPLAINED_AT_ONCE / row).max(1);
    for start in (0..rows.len()).step_by(step) {
        let part = start..rows.len().min(start + step);
        let base = base.map(|base| &base[part.start * compiled.groups..part.end * compiled.groups]);
        explain(compiled, rows.part(part), base, pairs, space, sums)?;
        sums.iter().for_each(|&sum| buffer.push(Y::of(sum)));
    }
    Tensor::from_buffer(Y::DTYPE, explained_shape(compiled, rows.len(), pairs), buffer.freeze())
}

/// Contributions, or interactions, in float64, the base in the last place of each.
fn explain<X: Real, Y: Real>(
    compiled: &Compiled<X, Y>,
    rows: Rows<'_, X>,
    base: Option<&[Y]>,
    pairs: bool,
    space: &mut ShapSpace,
    sums: &mut Vec<f64>,
) -> Result<(), Problem> {
    let side = compiled.players() + 1;
    let each = if pairs { side * side } else { side };
    let total = each * compiled.groups * rows.len();
    sums.clear();
    sums.resize(total, 0.0);
    let trees = compiled.extent.trees.clone();
    match &compiled.evaluator {
        Evaluator::Forest(forest) if pairs => forest.interactions(rows, trees, space, sums)?,
        Evaluator::Forest(forest) => forest.contributions(rows, trees, space, sums)?,
        Evaluator::Linear(linear) if pairs => {
            let mut plain = vec![0.0; rows.len() * compiled.groups * side];
            linear.contributions(rows, &mut plain);
            // Features of a linear model do not interact: all is on the diagonal.
            for (square, line) in sums.chunks_exact_mut(each).zip(plain.chunks_exact(side)) {
                line.iter().enumerate().for_each(|(k, value)| square[k * side + k] = *value);
            }
        }
        Evaluator::Linear(linear) => linear.contributions(rows, sums),
    }
    for (i, sums) in sums.chunks_exact_mut(each).enumerate() {
        let base = base.map_or(compiled.base[i % compiled.groups], |base| base[i]);
        sums[each - 1] += base.wide();
    }
    share_out(compiled, side, sums);
    Ok(())
}

/// Brings contributions of players to features, and of all groups to those that are told.
fn share_out<X, Y>(compiled: &Compiled<X, Y>, side: usize, sums: &mut Vec<f64>) {
    if let Some(after) = &compiled.after {
        for (i, sums) in sums.chunks_exact_mut(side).enumerate() {
            sums.iter_mut().for_each(|sum| *sum *= after.scale);
            sums[side - 1] += after.bias[i % compiled.groups];
        }
    }
    let features = compiled.features.len();
    if compiled.derived.is_none() && compiled.explained_groups == compiled.groups {
        return;
    }
    let mut told = Vec::with_capacity(sums.len());
    for (i, sums) in sums.chunks_exact(side).enumerate() {
        if i % compiled.groups >= compiled.explained_groups {
            continue;
        }
        let start = told.len();
        told.resize(start + features + 1, 0.0);
        match &compiled.derived {
            Some(derived) => derived.share(&sums[..side - 1], &mut told[start..start + features]),
            None => told[start..start + features].copy_from_slice(&sums[..features]),
        }
        told[start + features] = sums[side - 1];
    }
    *sums = told;
}

fn explained_shape<X, Y>(compiled: &Compiled<X, Y>, rows: usize, pairs: bool) -> Shape {
    let side = compiled.features.len() + 1;
    let mut shape = Shape::new(&[rows]);
    if compiled.flat_contributions {
        Some(compiled.groups * side)
            .filter(|&width| width != 1)
            .into_iter()
            .for_each(|width| shape.push(width));
        return shape;
    }
    if compiled.explained_groups > 1 {
        shape.push(compiled.explained_groups);
    }
    (0..if pairs { 2 } else { 1 }).for_each(|_| shape.push(side));
    shape
}

/// [rows, widths], or [rows] where there is one value a row.
fn tensor_of<Y: Element>(values: &[Y], rows: usize, widths: &[usize]) -> Result<Tensor, Problem> {
    let mut shape = Shape::new(&[rows]);
    widths.iter().filter(|&&width| width != 1).for_each(|&width| shape.push(width));
    freeze(values, shape)
}

fn freeze<Y: Element>(values: &[Y], shape: Shape) -> Result<Tensor, Problem> {
    let mut buffer = BufferMut::with_capacity(size_of_val(values));
    buffer.extend(values);
    let buffer: Buffer = buffer.freeze();
    Tensor::from_buffer(Y::DTYPE, shape, buffer)
}
