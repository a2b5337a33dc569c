//! What a TensorFlow Lite file declares: signatures, tensors, operators. Read after its layout was checked; here every
//! index is held against what it counts, and constants against the buffers that hold them.

use super::flatbuffer::{File, Table};
use super::layout;
use super::metadata::{self, Alias};
use landfall_model::{Buffer, BufferMut, DType, Problem};

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

/// One way to call the file. Inputs and outputs stand in the order of their subgraph, which is LiteRT's.
#[derive(Debug)]
pub(super) struct DeclaredSignature {
    pub(super) key: String,
    /// LiteRT's number of it.
    pub(super) number: usize,
    pub(super) inputs: Vec<DeclaredTensor>,
    pub(super) outputs: Vec<DeclaredTensor>,
}

/// An input or output.
#[derive(Clone, Debug)]
pub(super) struct DeclaredTensor {
    pub(super) name: String,
    /// The type, or its number where there is no such type here.
    pub(super) dtype: Result<DType, u8>,
    /// Lengths of axes as the file was converted with.
    pub(super) shape: Vec<i32>,
    /// The same with −1 for axes that may have any length.
    pub(super) free_shape: Vec<i32>,
    /// Scale and zero point of a quantised tensor: value = scale × (number − zero point).
    pub(super) quantisation: Option<(f32, i64)>,
}

/// How a file without signatures is called.
const ONLY_SIGNATURE: &str = "serving_default";

/// `OperatorCode` of an operator that is not TensorFlow Lite's own.
const CUSTOM: i32 = 32;
/// `TensorType` of strings.
const STRING: u8 = 5;
/// Axes of a tensor at most; LiteRT's own bound.
const MAX_RANK: usize = 8;

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
    let codes = model.tables(1)?.map(|code| custom_name(code?)).collect::<Result<Vec<_>, Problem>>()?;
    let mut graphs = Vec::new();
    let mut operators = 0;
    let count = model.tables(2)?.len();
    for graph in model.tables(2)? {
        let graph = graph?;
        graphs.push(Graph::read(graph, &buffers)?);
        operators += operators_of(graph, codes.len(), graphs.last().map_or(0, |graph| graph.tensors.len()))?;
    }
    if count == 0 {
        return Err(file.malformed(model.at(), "it holds no subgraph"));
    }
    let mut custom: Vec<String> = codes.into_iter().flatten().collect();
    custom.sort();
    custom.dedup();
    let signatures = signatures(model, &graphs, &buffers)?;
    Ok(Declared { signatures, operators, custom, description: model.text(3)? })
}

/// A copy of a file that was read, in which no axis is free: all have the lengths that the file was converted with.
/// `None` for a file that has no free axis.
///
/// # Errors
/// Malformed, with the place in the file; memory that is not to be had.
pub(super) fn closed(name: &str, bytes: &[u8]) -> Result<Option<Buffer>, Problem> {
    let file = File::new(name, bytes);
    let mut lengths = Vec::new();
    for graph in file.root()?.tables(2)? {
        for tensor in graph?.tables(0)? {
            let tensor = tensor?;
            let (shape, Some(free)) = (tensor.i32s(0)?, tensor.vector(7, 4)?) else { continue };
            let own = tensor.i32s(7)?;
            let is_free = |(axis, _): &(usize, &i32)| own.get(*axis).is_some_and(|&length| length < 0);
            lengths
                .extend(shape.iter().enumerate().filter(is_free).map(|(axis, &n)| (free.at + 4 * axis, n)));
        }
    }
    if lengths.is_empty() {
        return Ok(None);
    }
    let mut copy = BufferMut::with_capacity(bytes.len());
    copy.extend_from_bytes(bytes);
    for (at, length) in lengths {
        copy.bytes_mut()[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(Some(copy.freeze()))
}

/// The constants' bytes, by buffer; empty for a buffer that holds none.
fn buffers<'a>(model: Table<'a>) -> Result<Vec<&'a [u8]>, Problem> {
    let file = model.file();
    let each = |buffer: Result<Table<'a>, Problem>| {
        let buffer = buffer?;
        let inside = buffer.vector(0, 1)?.map_or(Ok(&[][..]), |vector| vector.bytes())?;
        // Files beyond 2 GiB keep constants behind the flatbuffer; an offset of 1 or less means none.
        match (buffer.u64(1)?, buffer.u64(2)?) {
            (0 | 1, _) => Ok(inside),
            (offset, size) => {
                let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                file.bytes(place(offset), place(size), 1)
            }
        }
    };
    model.tables(4)?.map(each).collect()
}

/// The name of an operator that is not TensorFlow Lite's own.
fn custom_name(code: Table<'_>) -> Result<Option<String>, Problem> {
    let builtin = code.i32(3)?.max(i32::from(code.u8(0)?.cast_signed()));
    match builtin {
        CUSTOM => code.text(1).map(Some),
        _ => Ok(None),
    }
}

/// A subgraph's tensors, and which of them come in and go out.
struct Graph<'a> {
    table: Table<'a>,
    tensors: Vec<Table<'a>>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl<'a> Graph<'a> {
    fn read(table: Table<'a>, buffers: &[&[u8]]) -> Result<Self, Problem> {
        let tensors = table.tables(0)?.collect::<Result<Vec<_>, Problem>>()?;
        for tensor in &tensors {
            check_constant(*tensor, buffers)?;
        }
        let ends = |slot| indices(table, slot, tensors.len(), false);
        Ok(Graph { table, inputs: ends(1)?, outputs: ends(2)?, tensors })
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

/// Holds a tensor's shape and constant against each other.
fn check_constant(tensor: Table<'_>, buffers: &[&[u8]]) -> Result<(), Problem> {
    let file = tensor.file();
    let malformed = |what: String| Err(file.malformed(tensor.at(), what));
    let shape = tensor.i32s(0)?;
    if shape.iter().any(|&dim| dim < -1) {
        return malformed(format!("a tensor of shape {shape:?}"));
    }
    let index = tensor.u32(2)? as usize;
    let constant = match (index, buffers.get(index)) {
        (_, Some(constant)) => *constant,
        (0, None) => &[],
        (_, None) => {
            return malformed(format!("buffer {index} is named, and the file has {}", buffers.len()));
        }
    };
    if constant.is_empty() {
        return Ok(());
    }
    let elements = shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(usize::try_from(dim).ok()?));
    let number = tensor.u8(1)?;
    // Sparse constants hold fewer elements than their shape; LiteRT holds them against their own index.
    if tensor.table(6)?.is_some() {
        return Ok(());
    }
    match (number, dtype(number)) {
        (STRING, _) => strings(tensor, constant),
        (_, Ok(dtype)) => {
            let wanted = elements.and_then(|n| n.checked_mul(dtype.size().unwrap_or(1)));
            // A scalar's shape may be left out, and one element be there all the same.
            match wanted == Some(constant.len()) {
                true => Ok(()),
                false => malformed(format!(
                    "a constant of {} bytes for {dtype} of shape {shape:?}",
                    constant.len()
                )),
            }
        }
        (_, Err(_)) => Ok(()),
    }
}

/// A constant of strings: their number, where each starts and where the last ends, then the bytes.
fn strings(tensor: Table<'_>, constant: &[u8]) -> Result<(), Problem> {
    let malformed =
        || Err(tensor.file().malformed(tensor.at(), "strings that do not lie within their constant"));
    let numbers = constant.as_chunks().0;
    let at = |index: usize| numbers.get(index).map(|number| u32::from_le_bytes(*number) as usize);
    let Some(count) = at(0) else { return malformed() };
    if count + 2 > numbers.len() {
        return malformed();
    }
    tensor.file().spend(count)?;
    let mut last = 4 * (count + 2);
    for index in 1..count + 2 {
        match at(index) {
            Some(start) if start >= last && start <= constant.len() => last = start,
            _ => return malformed(),
        }
    }
    Ok(())
}

/// The signatures that the file names; else those that its metadata give its first subgraph; else that as it is.
fn signatures(
    model: Table<'_>,
    graphs: &[Graph<'_>],
    buffers: &[&[u8]],
) -> Result<Vec<DeclaredSignature>, Problem> {
    let mut found = Vec::new();
    for (number, signature) in model.tables(7)?.enumerate() {
        let signature = signature?;
        let index = signature.u32(4)? as usize;
        let Some(graph) = graphs.get(index) else {
            let what = format!("subgraph {index} is named, and the file has {}", graphs.len());
            return Err(signature.file().malformed(signature.at(), what));
        };
        let key = signature.text(2)?;
        found.push(DeclaredSignature {
            inputs: named(signature, 0, graph, &graph.inputs)?,
            outputs: named(signature, 1, graph, &graph.outputs)?,
            key: if key.is_empty() { ONLY_SIGNATURE.to_owned() } else { key },
            number,
        });
    }
    if let ([], Some(graph)) = (&found[..], graphs.first()) {
        found = of_metadata(model, graph, buffers)?;
    }
    if let ([], Some(graph)) = (&found[..], graphs.first()) {
        let own = |places: &[usize]| {
            places.iter().map(|&place| described(graph.tensors[place], None)).collect::<Result<_, Problem>>()
        };
        found.push(DeclaredSignature {
            key: ONLY_SIGNATURE.to_owned(),
            inputs: own(&graph.inputs)?,
            outputs: own(&graph.outputs)?,
            number: 0,
        });
    }
    Ok(found)
}

/// The signatures in the file's metadata: names for all inputs and outputs of its first subgraph.
fn of_metadata(
    model: Table<'_>,
    graph: &Graph<'_>,
    buffers: &[&[u8]],
) -> Result<Vec<DeclaredSignature>, Problem> {
    let mut found = Vec::new();
    for about in model.tables(6)? {
        let about = about?;
        if about.text(0)? != metadata::NAME {
            continue;
        }
        let index = about.u32(1)? as usize;
        let Some(bytes) = buffers.get(index) else {
            let what = format!("buffer {index} is named, and the file has {}", buffers.len());
            return Err(about.file().malformed(about.at(), what));
        };
        let named = metadata::read(bytes).map_err(|problem| problem.at(about.file().name()))?;
        for signature in named {
            found.push(DeclaredSignature {
                inputs: aliased(graph, &graph.inputs, &signature.inputs)?,
                outputs: aliased(graph, &graph.outputs, &signature.outputs)?,
                key: signature.key,
                number: 0,
            });
        }
    }
    Ok(found)
}

/// Tensors under the names that metadata give them; under their own, where they give none.
fn aliased(graph: &Graph<'_>, places: &[usize], names: &[Alias]) -> Result<Vec<DeclaredTensor>, Problem> {
    let of_place = |&place: &usize| {
        let mut tensor = described(graph.tensors[place], None)?;
        if let Some(alias) = names.iter().find(|alias| alias.means(&tensor.name)) {
            alias.name.clone_into(&mut tensor.name);
        }
        Ok(tensor)
    };
    places.iter().map(of_place).collect()
}

/// The subgraph's inputs or outputs in their order, under the names that the signature gives them.
fn named(
    signature: Table<'_>,
    slot: usize,
    graph: &Graph<'_>,
    places: &[usize],
) -> Result<Vec<DeclaredTensor>, Problem> {
    let malformed = |what: String| Err(signature.file().malformed(signature.at(), what));
    let mut names: Vec<(usize, String)> = Vec::new();
    for entry in signature.tables(slot)? {
        let entry = entry?;
        names.push((entry.u32(1)? as usize, entry.text(0)?));
    }
    let side = if slot == 0 { "input" } else { "output" };
    if names.len() != places.len() {
        let (here, there) = (names.len(), places.len());
        let what = format!(
            "the signature names {here} {side}s, and its subgraph (at byte {}) has {there}",
            graph.table.at()
        );
        return malformed(what);
    }
    let mut found = Vec::new();
    for &place in places {
        match names.iter().position(|(index, _)| *index == place) {
            Some(index) => {
                let (_, name) = names.swap_remove(index);
                found.push(described(graph.tensors[place], Some(name))?);
            }
            None => {
                return malformed(format!(
                    "the signature does not name {side} tensor {place} of its subgraph"
                ));
            }
        }
    }
    Ok(found)
}

fn described(tensor: Table<'_>, name: Option<String>) -> Result<DeclaredTensor, Problem> {
    let shape = tensor.i32s(0)?;
    let own = tensor.i32s(7)?;
    let free_shape = if own.len() == shape.len() { own } else { shape.clone() };
    if shape.len() > MAX_RANK {
        let what = format!("a tensor of {} axes", shape.len());
        return Err(
            Problem::unsupported(what, format!("LiteRT takes {MAX_RANK} at most")).at(tensor.file().name())
        );
    }
    Ok(DeclaredTensor {
        name: name.map_or_else(|| tensor.text(3), Ok)?,
        dtype: dtype(tensor.u8(1)?),
        quantisation: tensor.table(4)?.map_or(Ok(None), quantisation)?,
        shape,
        free_shape,
    })
}

/// Scale and zero point, where there is one of each.
fn quantisation(parameters: Table<'_>) -> Result<Option<(f32, i64)>, Problem> {
    let (Some(scale), Some(zero)) = (parameters.vector(2, 4)?, parameters.vector(3, 8)?) else {
        return Ok(None);
    };
    let (scale, zero) = (scale.bytes()?.as_chunks().0, zero.bytes()?.as_chunks().0);
    match (scale, zero) {
        ([scale], [zero]) => Ok(Some((f32::from_le_bytes(*scale), i64::from_le_bytes(*zero)))),
        _ => Ok(None),
    }
}

/// The element type of a `TensorType`; its number where there is none here.
fn dtype(number: u8) -> Result<DType, u8> {
    Ok(match number {
        0 => DType::F32,
        1 => DType::F16,
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I64,
        STRING => DType::String,
        6 => DType::Bool,
        7 => DType::I16,
        8 => DType::Complex64,
        9 => DType::I8,
        10 => DType::F64,
        11 => DType::Complex128,
        12 => DType::U64,
        15 => DType::U32,
        16 => DType::U16,
        18 => DType::BF16,
        _ => return Err(number),
    })
}
