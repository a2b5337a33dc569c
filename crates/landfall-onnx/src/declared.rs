//! What an ONNX file declares: inputs, outputs, types, operators. The truth for every engine, read by field numbers
//! without copying weights.
//!
//! Format: `onnx.proto` of the ONNX project (IR version 3 and later), walked with the bounded protobuf reader; lengths
//! are held against the bytes, nesting against [`MAX_DEPTH`].

mod acyclic;
mod functions;
mod graph;
mod sizes;
mod tensor;
mod types;

pub use sizes::{Size, SizedBy};
pub(crate) use tensor::first_wide;
pub use tensor::{External, WideConstant};
pub(crate) use types::value_info;
pub use types::{ElementType, Value, ValueType};

use landfall_model::Problem;
use landfall_model::protobuf::{Fields, varint};
use landfall_model::reader::Reader;
use std::collections::{BTreeMap, BTreeSet};

/// Levels of graphs within graphs, and of types within types, that are followed.
pub const MAX_DEPTH: usize = 24;

/// What one ONNX file declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// Version of the file format.
    pub ir_version: i64,
    /// The program that wrote it, with its version.
    pub producer: String,
    /// The author's version of the model; 0 where none is given.
    pub model_version: i64,
    /// What the author says about it.
    pub doc: String,
    /// The author's own key–value pairs.
    pub metadata: Vec<(String, String)>,
    /// Operator sets with their versions; the empty domain is `ai.onnx`.
    pub opsets: BTreeMap<String, i64>,
    /// Name of the graph.
    pub graph: String,
    /// Inputs that a call feeds, in the file's order: no plain initializers.
    pub inputs: Vec<Value>,
    /// Outputs, in the file's order.
    pub outputs: Vec<Value>,
    /// How often each operator occurs, by domain and name, graphs within nodes and functions included.
    pub operators: BTreeMap<(String, String), usize>,
    /// Functions that the file itself defines, by domain and name: they are operators, too.
    pub functions: BTreeSet<(String, String)>,
    /// Elements of all initializers.
    pub parameters: u64,
    /// Types of all tensors that lie in the file, beside those of inputs and outputs, and of those that `Cast` makes.
    pub inner_types: BTreeSet<ElementType>,
    /// Types that a `Cast` makes.
    pub casts: BTreeSet<ElementType>,
    /// Files beside the model that hold tensors.
    pub externals: Vec<External>,
    /// int64 constants that do not fit into 32 bits.
    pub wide_constants: Vec<WideConstant>,
    /// Class names of each value that a `ZipMap` or a classifier makes, in their order.
    pub class_names: BTreeMap<String, Vec<String>>,
    /// Tensors in each value that a `SequenceConstruct` makes.
    pub sequences: BTreeMap<String, Vec<String>>,
    /// Nodes whose output's size is set by values.
    pub sized_by: Vec<SizedBy>,
}

/// Whether bytes begin as an ONNX file does: an IR version, short texts, then a graph. `head` may be cut off; `length` is
/// the whole file's.
pub fn looks_like_onnx(head: &[u8], length: u64) -> Look {
    let mut reader = Reader::new("head", head);
    let mut known = false;
    let next = |reader: &mut Reader<'_>| varint(reader).ok();
    while let Some(tag) = next(&mut reader) {
        let number = tag >> 3;
        match (number, tag & 7) {
            (1 | 5, 0) => match next(&mut reader) {
                Some(version) => known |= number == 1 && (1..=1000).contains(&version),
                None => return Look::No,
            },
            // The graph: what is within it is for the reader of the whole file.
            (7, 2) => match next(&mut reader) {
                Some(bytes) if known && bytes <= length.saturating_sub(reader.offset()) => {
                    return Look::Whole;
                }
                Some(_) if known => return Look::CutOff,
                _ => return Look::No,
            },
            (2..=4 | 6 | 8 | 14, 2) => {
                let skipped = next(&mut reader)
                    .and_then(|bytes| reader.part(usize::try_from(bytes).unwrap_or(usize::MAX)).ok());
                if skipped.is_none() {
                    return Look::No;
                }
            }
            _ => return Look::No,
        }
    }
    Look::No
}

/// What the first bytes of a file look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// An ONNX file.
    Whole,
    /// An ONNX file whose end is missing.
    CutOff,
    /// None.
    No,
}

/// Reads what an ONNX file declares. `file` is for messages.
///
/// # Errors
/// Malformed, with the place; unsupported, for types that no tensor here can have.
pub fn read(file: &str, bytes: &[u8]) -> Result<Declared, Problem> {
    let mut declared = Declared::default();
    let mut found = graph::Findings::new(file);
    let mut fields = Fields::new(file, bytes);
    let mut graph = None;
    let (mut producer, mut producer_version) = ("", "");
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => declared.ir_version = value.signed()?,
            2 => producer = value.text()?,
            3 => producer_version = value.text()?,
            5 => declared.model_version = value.signed()?,
            6 => declared.doc = value.text()?.to_owned(),
            7 => graph = Some(value.message()?),
            8 => {
                let (domain, version) = opset(value.message()?)?;
                declared.opsets.insert(if domain == "ai.onnx" { String::new() } else { domain }, version);
            }
            14 => declared.metadata.push(tensor::pair(value.message()?)?),
            25 => {
                let name = found.function(value.message()?)?;
                declared.functions.insert(name);
            }
            _ => {}
        }
    }
    if declared.ir_version < 1 {
        return Err(Problem::malformed(file, None, "no ONNX file: it has no IR version"));
    }
    let graph = graph.ok_or_else(|| Problem::malformed(file, None, "no ONNX model: it has no graph"))?;
    declared.producer = format!("{producer} {producer_version}").trim().to_owned();
    found.main(graph, &mut declared)?;
    found.into_declared(&mut declared);
    Ok(declared)
}

/// Domain and version of an `OperatorSetIdProto`.
pub(crate) fn opset(mut fields: Fields<'_>) -> Result<(String, i64), Problem> {
    let (mut domain, mut version) = (String::new(), 0);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => domain = value.text()?.to_owned(),
            2 => version = value.signed()?,
            _ => {}
        }
    }
    Ok((domain, version))
}
