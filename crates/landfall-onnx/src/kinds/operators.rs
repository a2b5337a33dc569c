//! Operators whose outputs follow from their inputs in the same way (`Operators.md` of ONNX).

/// Operators whose first output is of the first input's type, along as many axes.
pub(super) const ALIKE: [&str; 53] = [
    "Dropout",
    "Neg",
    "Abs",
    "Relu",
    "LeakyRelu",
    "PRelu",
    "Elu",
    "Selu",
    "Celu",
    "ThresholdedRelu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "Tanh",
    "Softplus",
    "Softsign",
    "Gelu",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Erf",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sign",
    "Ceil",
    "Floor",
    "Round",
    "Clip",
    "Softmax",
    "LogSoftmax",
    "Transpose",
    "Slice",
    "Pad",
    "Tile",
    "CumSum",
    "Trilu",
    "ScatterND",
    "ScatterElements",
    "Conv",
    "ConvTranspose",
    "MaxPool",
    "AveragePool",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "Resize",
    "GroupNormalization",
];

/// Operators that give the first input's type along the axes of all of them.
pub(super) const TOGETHER: [&str; 10] =
    ["Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Mean", "Sum", "Pow"];

/// Operators that give truth values.
pub(super) const TRUTHS: [&str; 11] = [
    "Equal",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "And",
    "Or",
    "Xor",
    "Not",
    "IsNaN",
    "IsInf",
];

/// Operators that take axes together.
pub(super) const REDUCING: [&str; 7] =
    ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"];

/// Operators whose first output is of the first input's type, along other axes.
pub(super) const SAME_ELEMENTS: [&str; 14] = [
    "Unique",
    "Compress",
    "GatherND",
    "Einsum",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "BitwiseNot",
    "DepthToSpace",
    "SpaceToDepth",
    "ReverseSequence",
    "ReduceSumSquare",
    "GlobalMaxPool",
];
