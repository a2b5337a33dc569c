//! A copy of a file in which signatures whose outputs' shapes show in a run give all their numbers as one stream of bytes.
//!
//! LiteRT hands out numbers in memory that was made before the run. What has to be made in the run is collected there
//! instead: operators of TensorFlow Lite lay the outputs' shapes and bytes in a row, and one of our own (`taker`) takes
//! the row over. Of such a signature's outputs those of strings stay, since LiteRT copies them after the run, and a number
//! that means nothing follows them.
//!
//! The stream: for each output of numbers its rank and its lengths, 32 bits each; then the outputs' elements, one output
//! after the other. Nothing is padded.

use super::declared::Shapes;
use super::flatbuffer::{File, Table};
use super::front::{Front, Label, To, Value};
use super::taker;
use landfall_model::{Buffer, BufferMut, DType, Problem, Shape, Tensor};

/// What the output that means nothing is called.
const TOKEN: &str = "landfall_taken";

/// `TensorType`s.
const INT32: u8 = 2;
const STRING: u8 = 5;
const INT8: u8 = 9;
/// `BuiltinOperator`s.
const CONCATENATION: u32 = 2;
const RESHAPE: u32 = 22;
const CUSTOM: u32 = 32;
const SHAPE: u32 = 77;
const BITCAST: u32 = 159;
/// `BuiltinOptions` of a reshape, a shape and a concatenation.
const CONCATENATION_OPTIONS: u8 = 10;
const RESHAPE_OPTIONS: u8 = 17;
const SHAPE_OPTIONS: u8 = 55;

/// The operators that are put behind a subgraph's own, in the order of their codes.
static ADDED: [(u32, Option<&str>); 5] =
    [(SHAPE, None), (BITCAST, None), (RESHAPE, None), (CONCATENATION, None), (CUSTOM, Some(taker::NAME))];

/// The copy of a file that was read; `shapes` are its signatures', or those of the one that it is called by without any.
/// `None` where all shapes are known ahead.
///
/// # Errors
/// Malformed, with the place in the file; a file beyond 2 GiB; memory that is not to be had.
pub(super) fn streamed(name: &str, bytes: &[u8], shapes: &[Shapes]) -> Result<Option<Buffer>, Problem> {
    if shapes.iter().all(|shapes| *shapes == Shapes::Ahead) {
        return Ok(None);
    }
    let file = File::new(name, bytes);
    let model = file.root()?;
    let signatures = model.tables(7)?.collect::<Result<Vec<_>, Problem>>()?;
    let of_signature = |signature: &Table<'_>| Ok(signature.u32(4)? as usize);
    let named = signatures.iter().map(of_signature).collect::<Result<Vec<_>, Problem>>()?;
    let called = if named.is_empty() { vec![0] } else { named.clone() };
    let is_streamed = |graph: usize| {
        called.iter().zip(shapes).any(|(&own, shapes)| own == graph && *shapes != Shapes::Ahead)
    };
    let codes = model.tables(1)?.len() as u32;
    let (mut front, root) = Front::new(*b"TFL3");
    let lists = Lists { root, codes: front.label(), graphs: front.label(), signatures: front.label() };
    lists.root(&mut front, model)?;
    let added: Vec<Label> = ADDED.iter().map(|_| front.label()).collect();
    let old_codes = model.tables(1)?.map(|code| Ok(To::Old(code?.at())));
    let all = old_codes.chain(added.iter().map(|&label| Ok(To::New(label))));
    front.offsets(lists.codes, &all.collect::<Result<Vec<_>, Problem>>()?);
    let graphs = model.tables(2)?.collect::<Result<Vec<_>, Problem>>()?;
    let own = |front: &mut Front, index: usize| is_streamed(index).then(|| front.label());
    let new_graphs: Vec<_> = (0..graphs.len()).map(|index| own(&mut front, index)).collect();
    let new_signatures: Vec<_> = named.iter().map(|&graph| own(&mut front, graph)).collect();
    front.offsets(lists.graphs, &places(&graphs, &new_graphs));
    front.offsets(lists.signatures, &places(&signatures, &new_signatures));
    added.iter().zip(&ADDED).for_each(|(&label, &(code, name))| operator_code(&mut front, label, code, name));
    let shared = Shared { one: front.label(), any: front.label(), name: front.label(), codes };
    for (index, graph) in graphs.iter().enumerate() {
        let Some(label) = new_graphs[index] else { continue };
        let ends = Graph::of(&mut front, &shared, *graph)?.written(label)?;
        for (place, signature) in signatures.iter().enumerate().filter(|(place, _)| named[*place] == index) {
            if let Some(label) = new_signatures[place] {
                write_signature(&mut front, label, *signature, &ends, shared.name)?;
            }
        }
    }
    front.numbers(shared.one, &[1]);
    front.numbers(shared.any, &[-1]);
    front.text(shared.name, TOKEN);
    let (mut whole, moved) = front.before(bytes)?;
    move_places(model, &graphs, moved, whole.bytes_mut())?;
    Ok(Some(whole.freeze()))
}

/// Tables where they are, or anew.
fn places(old: &[Table<'_>], new: &[Option<Label>]) -> Vec<To> {
    old.iter().zip(new).map(|(old, new)| new.map_or(To::Old(old.at()), To::New)).collect()
}

/// The lists that the root refers to.
struct Lists {
    root: Label,
    codes: Label,
    graphs: Label,
    signatures: Label,
}

impl Lists {
    /// Writes the root: the file's own, but for the lists.
    fn root(&self, front: &mut Front, model: Table<'_>) -> Result<(), Problem> {
        let mut fields = vec![
            (0, Value::Number(model.u32(0)?)),
            (1, Value::Offset(To::New(self.codes))),
            (2, Value::Offset(To::New(self.graphs))),
            (7, Value::Offset(To::New(self.signatures))),
        ];
        // Description, constants, metadata, constants in other files.
        fields.extend(kept(model, &[3, 4, 5, 6, 8, 9])?);
        front.table(self.root, &fields);
        Ok(())
    }
}

/// Fields that go on referring to what they did.
fn kept(table: Table<'_>, slots: &[usize]) -> Result<Vec<(usize, Value)>, Problem> {
    let field = |&slot: &usize| Ok(table.target(slot)?.map(|place| (slot, Value::Offset(To::Old(place)))));
    slots.iter().map(field).filter_map(Result::transpose).collect()
}

fn operator_code(front: &mut Front, label: Label, code: u32, name: Option<&str>) {
    // Codes that do not fit into the field of one byte have the last number there.
    let mut fields =
        vec![(0, Value::Byte(code.min(127) as u8)), (2, Value::Number(1)), (3, Value::Number(code))];
    let text = name.map(|name| (front.label(), name));
    fields.extend(text.map(|(label, _)| (1, Value::Offset(To::New(label)))));
    front.table(label, &fields);
    if let Some((label, name)) = text {
        front.text(label, name);
    }
}

/// What all new tensors share: shapes of one element, and of any number; a name.
struct Shared {
    one: Label,
    any: Label,
    name: Label,
    /// Number of the file's own kinds of operators; those of `ADDED` follow.
    codes: u32,
}

/// Which outputs a subgraph keeps, and the one that it gets.
struct Ends {
    kept: Vec<i32>,
    token: i32,
}

/// A subgraph as it becomes.
struct Graph<'a, 'f> {
    front: &'f mut Front,
    shared: &'f Shared,
    own: Table<'a>,
    /// Tensors and operators: the subgraph's own, and those behind them.
    tensors: Vec<To>,
    operators: Vec<To>,
    /// Tables to be written once the lists are.
    tables: Vec<(Label, Vec<(usize, Value)>)>,
    vectors: Vec<(Label, Vec<i32>)>,
    ends: Ends,
}

impl<'a, 'f> Graph<'a, 'f> {
    /// Puts behind a subgraph what lays its outputs of numbers in a row.
    fn of(front: &'f mut Front, shared: &'f Shared, own: Table<'a>) -> Result<Self, Problem> {
        let tensors = own.tables(0)?.collect::<Result<Vec<_>, Problem>>()?;
        let places = |table: Result<Table<'_>, Problem>| Ok(To::Old(table?.at()));
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for index in own.i32s(2)? {
            let kind =
                usize::try_from(index).ok().and_then(|index| tensors.get(index)).map(|tensor| tensor.u8(1));
            if kind.transpose()? == Some(STRING) { kept.push(index) } else { taken.push(index) }
        }
        let mut graph = Graph {
            front,
            shared,
            own,
            tensors: tensors.iter().map(|tensor| To::Old(tensor.at())).collect(),
            operators: own.tables(3)?.map(places).collect::<Result<_, Problem>>()?,
            tables: Vec::new(),
            vectors: Vec::new(),
            ends: Ends { kept, token: 0 },
        };
        let mut heads = Vec::new();
        for &output in &taken {
            let lengths = graph.shape(output);
            heads.extend([graph.shape(lengths), lengths]);
        }
        let mut row = Vec::new();
        if !taken.is_empty() {
            let heads = graph.joined(INT32, heads);
            row.push(graph.flat(heads));
        }
        row.extend(taken.iter().map(|&output| graph.flat(output)).collect::<Vec<_>>());
        let row = if row.is_empty() { row } else { vec![graph.joined(INT8, row)] };
        graph.ends.token = graph.operator(CUSTOM, INT8, row, None);
        Ok(graph)
    }

    /// The lengths of a tensor's axes.
    fn shape(&mut self, tensor: i32) -> i32 {
        self.operator(SHAPE, INT32, vec![tensor], Some((SHAPE_OPTIONS, vec![(0, Value::Byte(INT32))])))
    }

    /// Tensors of one axis, one after the other.
    fn joined(&mut self, kind: u8, tensors: Vec<i32>) -> i32 {
        self.operator(CONCATENATION, kind, tensors, Some((CONCATENATION_OPTIONS, Vec::new())))
    }

    /// The bytes of a tensor.
    fn flat(&mut self, tensor: i32) -> i32 {
        let bytes = self.operator(BITCAST, INT8, vec![tensor], None);
        let any = vec![(0, Value::Offset(To::New(self.shared.any)))];
        self.operator(RESHAPE, INT8, vec![bytes], Some((RESHAPE_OPTIONS, any)))
    }

    /// Another operator behind the others; gives its one output, a new tensor.
    fn operator(
        &mut self,
        code: u32,
        kind: u8,
        inputs: Vec<i32>,
        options: Option<(u8, Vec<(usize, Value)>)>,
    ) -> i32 {
        let output = self.tensors.len() as i32;
        let to = |label: Label| Value::Offset(To::New(label));
        let tensor = self.front.label();
        self.tensors.push(To::New(tensor));
        let shape = to(self.shared.one);
        self.tables.push((tensor, vec![(0, shape), (1, Value::Byte(kind)), (3, to(self.shared.name))]));
        let (operator, from, into) = (self.front.label(), self.front.label(), self.front.label());
        self.operators.push(To::New(operator));
        let place = ADDED.iter().position(|(added, _)| *added == code).unwrap_or(0) as u32;
        let mut fields = vec![(0, Value::Number(self.shared.codes + place)), (1, to(from)), (2, to(into))];
        if let Some((kind, options)) = options {
            let label = self.front.label();
            fields.extend([(3, Value::Byte(kind)), (4, to(label))]);
            self.tables.push((operator, fields));
            self.tables.push((label, options));
        } else {
            self.tables.push((operator, fields));
        }
        self.vectors.extend([(from, inputs), (into, vec![output])]);
        output
    }

    /// Writes it.
    fn written(self, label: Label) -> Result<Ends, Problem> {
        let front = self.front;
        let (tensors, outputs, operators) = (front.label(), front.label(), front.label());
        let mut fields = vec![
            (0, Value::Offset(To::New(tensors))),
            (2, Value::Offset(To::New(outputs))),
            (3, Value::Offset(To::New(operators))),
        ];
        fields.extend(kept(self.own, &[1, 4])?);
        front.table(label, &fields);
        front.offsets(tensors, &self.tensors);
        front.offsets(operators, &self.operators);
        self.tables.iter().for_each(|(label, fields)| front.table(*label, fields));
        self.vectors.iter().for_each(|(label, numbers)| front.numbers(*label, numbers));
        let all: Vec<i32> = self.ends.kept.iter().copied().chain([self.ends.token]).collect();
        front.numbers(outputs, &all);
        Ok(self.ends)
    }
}

/// Writes a signature: its own, but for its outputs of numbers.
fn write_signature(
    front: &mut Front,
    label: Label,
    own: Table<'_>,
    ends: &Ends,
    name: Label,
) -> Result<(), Problem> {
    let (list, token) = (front.label(), front.label());
    let mut fields = vec![(1, Value::Offset(To::New(list))), (4, Value::Number(own.u32(4)?))];
    fields.extend(kept(own, &[0, 2, 3])?);
    front.table(label, &fields);
    let mut outputs = Vec::new();
    for named in own.tables(1)? {
        let named = named?;
        if ends.kept.contains(&named.i32(1)?) {
            outputs.push(To::Old(named.at()));
        }
    }
    outputs.push(To::New(token));
    front.offsets(list, &outputs);
    let index = Value::Number(ends.token.unsigned_abs());
    front.table(token, &[(0, Value::Offset(To::New(name))), (1, index)]);
    Ok(())
}

/// Adds to the places that count from the file's start: of constants and options that lie behind the flatbuffer.
fn move_places(
    model: Table<'_>,
    graphs: &[Table<'_>],
    moved: usize,
    whole: &mut [u8],
) -> Result<(), Problem> {
    let mut move_place = |table: Table<'_>, slot: usize| {
        let place = table.u64(slot)?;
        // 0 and 1 mean none.
        if let (Some(at), 2..) = (table.field(slot, 8)?, place) {
            let place = place.saturating_add(moved as u64);
            whole[moved + at..moved + at + 8].copy_from_slice(&place.to_le_bytes());
        }
        Ok::<_, Problem>(())
    };
    for constant in model.tables(4)? {
        move_place(constant?, 1)?;
    }
    for graph in graphs {
        for operator in graph.tables(3)? {
            move_place(operator?, 8)?;
        }
    }
    Ok(())
}

/// The numbers of a stream: outputs of these types.
///
/// # Errors
/// Internal, for what is no such stream; memory that is not to be had.
pub(super) fn numbers(stream: &[u8], kinds: &[DType]) -> Result<Vec<Tensor>, Problem> {
    let broken = || Problem::internal("what a run has laid in a row has another length than its shapes");
    let mut words = stream.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes) as usize);
    let mut shapes: Vec<Shape> = Vec::with_capacity(kinds.len());
    let mut at = 0;
    for _ in kinds {
        let rank = words.next().ok_or_else(broken)?;
        let shape: Shape = words.by_ref().take(rank).collect();
        if shape.len() != rank {
            return Err(broken());
        }
        at += 4 * (1 + rank);
        shapes.push(shape);
    }
    let mut found = Vec::with_capacity(kinds.len());
    for (shape, &kind) in shapes.into_iter().zip(kinds) {
        let size =
            kind.size().and_then(|size| shape.elements().ok()?.checked_mul(size)).ok_or_else(broken)?;
        let end = at.checked_add(size).ok_or_else(broken)?;
        let bytes = stream.get(at..end).ok_or_else(broken)?;
        let mut buffer = BufferMut::zeroed(0)?;
        buffer.try_reserve(size)?;
        buffer.extend_from_bytes(bytes);
        found.push(Tensor::from_buffer(kind, shape, buffer.freeze())?);
        at = end;
    }
    if at == stream.len() { Ok(found) } else { Err(broken()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(words: &[u32], bytes: &[u8]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).chain(bytes.iter().copied()).collect()
    }

    #[test]
    fn a_stream_gives_shapes_and_elements_of_every_output() {
        let bytes = stream(&[2, 2, 1, 0, 1, 0, 7f32.to_bits(), 8f32.to_bits()], &[1]);
        let found = numbers(&bytes, &[DType::F32, DType::Bool, DType::I64]).unwrap();
        assert_eq!(found[0].values::<f32>().unwrap(), [7.0, 8.0]);
        assert_eq!(
            (&found[0].shape()[..], &found[1].shape()[..], &found[2].shape()[..]),
            (&[2, 1][..], &[][..], &[0][..])
        );
        assert_eq!(found[1].bools().unwrap(), [1]);
        assert!(numbers(&[], &[]).unwrap().is_empty());
    }

    #[test]
    fn a_stream_of_another_length_is_an_error() {
        let whole = stream(&[1, 2], &[1, 2]);
        assert!(numbers(&whole, &[DType::U8]).is_ok());
        for end in 0..whole.len() {
            assert!(numbers(&whole[..end], &[DType::U8]).is_err(), "{end} bytes");
        }
        assert!(numbers(&[&whole[..], &[0]].concat(), &[DType::U8]).is_err());
        assert!(numbers(&stream(&[u32::MAX], &[]), &[DType::U8]).is_err());
        assert!(numbers(&stream(&[3, u32::MAX, u32::MAX, u32::MAX], &[]), &[DType::F64]).is_err());
    }
}
