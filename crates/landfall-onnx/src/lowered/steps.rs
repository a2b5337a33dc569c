//! What stands before and behind the trees: each operator as a step over whole tensors, to the bits that ONNX Runtime
//! gives.
//!
//! Types are settled when a graph is compiled; shapes are known, and held against each other, when a step runs.

mod arithmetic;
mod arrays;
mod boxes;
mod broadcast;
mod cast;
mod categories;
mod columns;
mod convolution;
mod linear;
mod matrix;
mod ordered;
mod pooling;
mod recurrent;
mod reduce;
mod resize;
mod sampled;
mod slice;
mod softmax;
mod support_vectors;
mod windows;

pub(super) use arrays::concatenated;

use super::Refusal;
use crate::node::Node;
use landfall_model::{DType, Problem, Tensor};
use std::collections::HashMap;

/// Types that numbers have.
const NUMBERS: [DType; 4] = [DType::F32, DType::F64, DType::I64, DType::I32];

/// A tensor that a step is given; `None` for an optional one that does not come.
pub(crate) type Give<'a> = Option<&'a Tensor>;
/// What a step does.
pub(crate) type Run = Box<dyn Fn(&[Give<'_>]) -> Result<Vec<Tensor>, Problem> + Send + Sync>;

/// A step ready to run.
pub(super) struct Built {
    /// Types of what it gives.
    pub(super) outputs: Vec<DType>,
    pub(super) run: Run,
    /// Whether it gives ONNX Runtime's bits; else numbers next to them (order of addition, functions of a library).
    pub(super) is_exact: bool,
    /// Roughly how many multiplications it takes for a row, beyond what any step does.
    pub(super) work: usize,
}

impl Built {
    /// A step to the bit.
    pub(super) fn exact(
        outputs: Vec<DType>,
        run: impl Fn(&[Give<'_>]) -> Result<Vec<Tensor>, Problem> + Send + Sync + 'static,
    ) -> Self {
        Built { outputs, run: Box::new(run), is_exact: true, work: 0 }
    }

    /// A step of one output, to the bit.
    fn one(
        output: DType,
        run: impl Fn(&[Give<'_>]) -> Result<Tensor, Problem> + Send + Sync + 'static,
    ) -> Self {
        Built::exact(vec![output], move |inputs| Ok(vec![run(inputs)?]))
    }

    pub(super) fn nearly(mut self) -> Self {
        self.is_exact = false;
        self
    }

    pub(super) fn costs(mut self, work: usize) -> Self {
        self.work = work;
        self
    }
}

/// Versions of operator sets.
#[derive(Clone, Copy)]
pub(super) struct Versions {
    /// `ai.onnx`.
    pub(super) onnx: i64,
    /// `ai.onnx.ml`.
    pub(super) ml: i64,
}

/// A node to be made a step of.
pub(super) struct Ask<'a> {
    pub(super) node: &'a Node<'a>,
    /// Types of its inputs; `None` for an optional one that does not come.
    pub(super) types: &'a [Option<DType>],
    pub(super) constants: &'a HashMap<&'a str, Tensor>,
    pub(super) versions: Versions,
}

impl Ask<'_> {
    /// Type of an input.
    pub(super) fn dtype(&self, input: usize) -> Result<DType, Refusal> {
        let dtype = self.types.get(input).copied().flatten();
        dtype.ok_or_else(|| Refusal::not(format!("an input {input} that does not come")))
    }

    /// The one of these types that an input has.
    fn one_of(&self, input: usize, types: &[DType]) -> Result<DType, Refusal> {
        let found = self.dtype(input)?;
        if types.contains(&found) { Ok(found) } else { Err(Refusal::not(format!("it over {found}"))) }
    }

    /// Whether an input comes.
    fn has(&self, input: usize) -> bool {
        self.types.get(input).copied().flatten().is_some()
    }

    /// An input that must be a constant of the file.
    fn constant(&self, input: usize) -> Result<&Tensor, Refusal> {
        let name = self.node.inputs.get(input).copied().unwrap_or_default();
        self.constants.get(name).ok_or_else(|| Refusal::not(format!("an input {input} that is no constant")))
    }

    /// A list of integers that is an attribute, or in later versions of the operator an input.
    fn integers(&self, attribute: &str, input: usize) -> Result<Vec<i64>, Refusal> {
        if self.has(input) {
            return Ok(self.constant(input)?.values::<i64>()?.to_vec());
        }
        Ok(self.node.attributes.integers(attribute)?)
    }

    pub(super) fn integer(&self, attribute: &str, default: i64) -> Result<i64, Refusal> {
        Ok(self.node.attributes.integer(attribute)?.unwrap_or(default))
    }

    pub(super) fn flag(&self, attribute: &str, default: bool) -> Result<bool, Refusal> {
        Ok(self.integer(attribute, i64::from(default))? != 0)
    }
}

/// Makes a step of a node.
pub(super) fn build(ask: &Ask<'_>) -> Result<Built, Refusal> {
    match (ask.node.domain, ask.node.operator) {
        ("ai.onnx.ml", operator) => match operator {
            "Scaler" => columns::scaler(ask),
            "Imputer" => columns::imputer(ask),
            "Normalizer" => columns::normalizer(ask),
            "Binarizer" => columns::binarizer(ask),
            "FeatureVectorizer" => columns::feature_vectorizer(ask),
            "ArrayFeatureExtractor" => arrays::array_feature_extractor(ask),
            "LabelEncoder" => categories::label_encoder(ask),
            "OneHotEncoder" => categories::one_hot_encoder(ask),
            "ZipMap" => categories::zip_map(ask),
            "LinearClassifier" => linear::classifier(ask),
            "LinearRegressor" => linear::regressor(ask),
            "SVMClassifier" => support_vectors::classifier(ask),
            "SVMRegressor" => support_vectors::regressor(ask),
            _ => Err(unknown(ask)),
        },
        ("", operator) => match operator {
            "Cast" => cast::cast(ask),
            "Identity" => arrays::identity(ask),
            "Concat" => arrays::concat(ask),
            "Gather" => arrays::gather(ask),
            "Reshape" => arrays::reshape(ask),
            "Flatten" => arrays::flatten(ask),
            "Squeeze" => arrays::squeeze(ask),
            "Unsqueeze" => arrays::unsqueeze(ask),
            "Transpose" => arrays::transpose(ask),
            "Slice" => slice::slice(ask),
            "Shape" => arrays::shape(ask),
            "ConstantOfShape" => arrays::constant_of_shape(ask),
            "Add" | "Sub" | "Mul" | "Div" | "Pow" => arithmetic::two(ask),
            "Max" | "Min" | "Sum" => arithmetic::several(ask),
            "Neg" | "Abs" | "Sqrt" | "Exp" | "Log" | "Sigmoid" | "Floor" | "Ceil" | "Relu" | "Tanh"
            | "Reciprocal" | "Sign" => arithmetic::one(ask),
            "Clip" => arithmetic::clip(ask),
            "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => arithmetic::compare(ask),
            "And" | "Or" => arithmetic::both(ask),
            "Not" => arithmetic::not(ask),
            "IsNaN" => arithmetic::is_nan(ask),
            "Where" => arithmetic::choose(ask),
            "ReduceSum" | "ReduceMean" | "ReduceProd" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare"
            | "ReduceLogSumExp" => reduce::reduce(ask),
            "LpNormalization" => reduce::normalized(ask),
            "ArgMax" | "ArgMin" => reduce::place(ask),
            "TopK" => ordered::top(ask),
            "CumSum" => ordered::running_sum(ask),
            "GatherElements" => ordered::gather_elements(ask),
            "MatMul" => matrix::mat_mul(ask),
            "Gemm" => matrix::gemm(ask),
            "Softmax" => softmax::softmax(ask),
            "NonMaxSuppression" => boxes::suppressed(ask),
            "RNN" | "GRU" | "LSTM" => recurrent::recurrent(ask),
            "Resize" | "Upsample" => resize::resize(ask),
            "MaxPool" | "AveragePool" | "LpPool" => pooling::pool(ask),
            "Conv" => convolution::convolution(ask),
            "ConvTranspose" => convolution::transposed(ask),
            "GridSample" => sampled::sampled(ask),
            "AffineGrid" => sampled::affine(ask),
            _ => Err(unknown(ask)),
        },
        _ => Err(unknown(ask)),
    }
}

fn unknown(ask: &Ask<'_>) -> Refusal {
    Refusal::not(format!("operator {}", ask.node.full_operator()))
}

/// A tensor that a step cannot do without.
pub(super) fn given<'a>(inputs: &[Give<'a>], input: usize) -> Result<&'a Tensor, Problem> {
    inputs.get(input).copied().flatten().ok_or_else(|| Problem::internal("an input of a step did not come"))
}

/// An axis, or a place along one, counted from the front.
fn axis_of(axis: i64, rank: usize) -> Result<usize, Problem> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(counted).ok().filter(|&axis| axis < rank);
    found.ok_or_else(|| Problem::invalid(format!("place {axis} of {rank}")))
}
