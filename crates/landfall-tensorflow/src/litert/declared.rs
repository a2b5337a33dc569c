//! What a TensorFlow Lite file declares: signatures, tensors, operators. Read after its layout was checked; here every
//! index is held against what it counts, and constants against the buffers that hold them.

mod constants;
mod shapes;
mod signatures;
mod tensor;

use super::flatbuffer::{File, Table};
use super::layout;
use constants::{buffers, check_constant};
use landfall_model::Problem;
pub(super) use shapes::Shapes;
use shapes::shapes;
use signatures::signatures;
pub(super) use tensor::DeclaredTensor;

/// A file's declarations.
#[derive(Debug)]
pub(crate) struct Declared {
    /// The ways to call it; at least one.
    pub(super) signatures: Vec<DeclaredSignature>,
    /// Operators of all subgraphs together.
    pub(super) operators: usize,
    /// Names of operators that are not TensorFlow Lite's own, each once.
    pub(super) custom: Vec<String>,
    /// What the file says about itself.
    pub(super) description: String,
}

impl Declared {
    /// When the shapes of each signature are known.
    pub(super) fn shapes(&self) -> Vec<Shapes> {
        self.signatures.iter().map(|signature| signature.shapes).collect()
    }
}

/// One way to call the file. Inputs and outputs stand in the order of their subgraph, which is LiteRT's.
#[derive(Debug)]
pub(super) struct DeclaredSignature {
    pub(super) key: String,
    /// LiteRT's number of it.
    pub(super) number: usize,
    /// When its outputs' shapes are known.
    pub(super) shapes: Shapes,
    pub(super) inputs: Vec<DeclaredTensor>,
    pub(super) outputs: Vec<DeclaredTensor>,
}

/// `BuiltinOperator` of one that is not TensorFlow Lite's own.
const CUSTOM: i32 = 32;
/// Reads and checks a file; `name` is for messages.
///
/// # Errors
/// Malformed, with the place in the file; unsupported, for what is valid and cannot be called.
pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Declared, Problem> {
    let file = File::new(name, bytes);
    if file.bytes(4, 4, 1)? != b"TFL3" {
        return Err(file.malformed(4, "expected TFL3, the mark of a TensorFlow Lite file"));
    }
    let model = file.root()?;
    if model.u32(0)? != 3 {
        let version = model.u32(0)?;
        return Err(file.malformed(model.at(), format!("version {version} of the format, expected 3")));
    }
    layout::check(model)?;
    let buffers = buffers(model)?;
    let codes = model.tables(1)?.map(|code| Code::read(code?)).collect::<Result<Vec<_>, Problem>>()?;
    let mut graphs = Vec::new();
    let mut operators = 0;
    let count = model.tables(2)?.len();
    for graph in model.tables(2)? {
        let graph = graph?;
        let mut read = Graph::read(graph, &buffers)?;
        operators += operators_of(graph, codes.len(), read.tensors.len())?;
        read.shapes = shapes(&read, &codes, &buffers)?;
        graphs.push(read);
    }
    if count == 0 {
        return Err(file.malformed(model.at(), "it holds no subgraph"));
    }
    let mut custom: Vec<String> = codes.into_iter().filter_map(|code| code.custom).collect();
    custom.sort();
    custom.dedup();
    let signatures = signatures(model, &graphs, &buffers)?;
    Ok(Declared { signatures, operators, custom, description: model.text(3)? })
}

/// A kind of operator that the file names.
struct Code {
    /// `BuiltinOperator`.
    builtin: i32,
    /// The name of one that is not TensorFlow Lite's own.
    custom: Option<String>,
}

impl Code {
    /// Older files have the number in a field of one byte.
    fn read(code: Table<'_>) -> Result<Self, Problem> {
        let builtin = code.i32(3)?.max(i32::from(code.u8(0)?.cast_signed()));
        let custom = if builtin == CUSTOM { Some(code.text(1)?) } else { None };
        Ok(Code { builtin, custom })
    }
}

/// A subgraph's tensors, and which of them come in and go out.
struct Graph<'a> {
    table: Table<'a>,
    tensors: Vec<Table<'a>>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    shapes: Shapes,
}

impl<'a> Graph<'a> {
    fn read(table: Table<'a>, buffers: &[&[u8]]) -> Result<Self, Problem> {
        let tensors = table.tables(0)?.collect::<Result<Vec<_>, Problem>>()?;
        for tensor in &tensors {
            check_constant(*tensor, buffers)?;
        }
        let ends = |slot| indices(table, slot, tensors.len(), false);
        Ok(Graph { table, inputs: ends(1)?, outputs: ends(2)?, shapes: Shapes::InRun, tensors })
    }
}

/// Indices of tensors; `None`s (−1) are left out where `optional`.
fn indices(table: Table<'_>, slot: usize, tensors: usize, optional: bool) -> Result<Vec<usize>, Problem> {
    let mut found = Vec::new();
    for index in table.i32s(slot)? {
        match usize::try_from(index) {
            Ok(index) if index < tensors => found.push(index),
            Err(_) if optional && index == -1 => {}
            _ => {
                let what = format!("tensor {index} is named, and the subgraph has {tensors}");
                return Err(table.file().malformed(table.at(), what));
            }
        }
    }
    Ok(found)
}

/// Checks what a subgraph's operators refer to, and counts them.
fn operators_of(graph: Table<'_>, codes: usize, tensors: usize) -> Result<usize, Problem> {
    let mut count = 0;
    for operator in graph.tables(3)? {
        let operator = operator?;
        let code = operator.u32(0)?;
        if code as usize >= codes {
            let what = format!("operator code {code} is named, and the file has {codes}");
            return Err(operator.file().malformed(operator.at(), what));
        }
        indices(operator, 1, tensors, true)?;
        indices(operator, 2, tensors, true)?;
        indices(operator, 7, tensors, true)?;
        let (offset, size) = (operator.u64(8)?, operator.u64(9)?);
        if offset > 1 {
            let length = operator.file().length() as u64;
            let end = offset.checked_add(size).filter(|&end| end <= length);
            end.ok_or_else(|| operator.file().malformed(operator.at(), "its options lie beyond the file"))?;
        }
        count += 1;
    }
    Ok(count)
}
