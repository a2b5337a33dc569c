//! Element types and numbers of axes of a graph's values, as far as the file says them or they follow from its nodes
//! (`Operators.md` of ONNX).

mod operators;

use crate::declared::{ElementType, ValueType, value_info};
use crate::node::{Node, name_of, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};
use operators::{ALIKE, REDUCING, SAME_ELEMENTS, TOGETHER, TRUTHS};
use std::collections::{HashMap, HashSet};

/// Tensors of more axes are of no known number of them.
const MOST_AXES: usize = 64;

/// What is known of the values of one graph, and of those around it.
#[derive(Default)]
pub(crate) struct Kinds<'a> {
    known: HashMap<&'a str, Kind>,
    /// Names in the order in which they were given, and what each was before.
    given: Vec<(&'a str, Option<Kind>)>,
}

/// What is known of a value.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Kind {
    element: Option<ElementType>,
    rank: Option<usize>,
    /// Values of a list: how many axes a tensor has of which it is the shape.
    length: Option<usize>,
}

impl Kind {
    fn of(element: Option<ElementType>, rank: Option<usize>) -> Self {
        Kind { element, rank: rank.filter(|rank| *rank <= MOST_AXES), length: None }
    }

    fn list(dtype: DType, length: Option<usize>) -> Self {
        Kind::of(Some(ElementType::of(dtype)), Some(1)).with_length(length)
    }

    fn with_length(self, length: Option<usize>) -> Self {
        Kind { length: length.filter(|length| *length <= MOST_AXES), ..self }
    }

    /// The same elements along other axes.
    fn with_rank(self, rank: Option<usize>) -> Self {
        Kind::of(self.element, rank)
    }

    /// What is not known here, from another source.
    fn or(self, other: Kind) -> Self {
        Kind {
            element: self.element.or(other.element),
            rank: self.rank.or(other.rank),
            length: self.length.or(other.length),
        }
    }
}

impl<'a> Kinds<'a> {
    /// Takes up inputs and constants of a graph, then its nodes in the order in which they run, then what the file says of
    /// values of which nothing followed.
    ///
    /// # Errors
    /// Malformed.
    pub(crate) fn read(graph: Fields<'a>) -> Result<Self, Problem> {
        let mut kinds = Kinds::default();
        kinds.enter(graph)?;
        Ok(kinds)
    }

    /// Takes up a graph within a node, which sees all that is known there. Gives what [`Kinds::leave`] goes back to.
    ///
    /// # Errors
    /// Malformed.
    pub(crate) fn enter(&mut self, graph: Fields<'a>) -> Result<usize, Problem> {
        let (mark, mut said) = (self.given.len(), HashMap::new());
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                5 => {
                    let (name, kind) = stored(value.message()?)?;
                    self.give(name, kind);
                }
                11..=13 => {
                    let value = value.message()?;
                    said.insert(name_of(value.clone())?, declared(value)?);
                }
                _ => {}
            }
        }
        let is_constant: HashSet<&str> = self.given[mark..].iter().map(|(name, _)| *name).collect();
        let rest: Vec<_> = said.iter().filter(|(name, _)| !is_constant.contains(**name)).collect();
        rest.into_iter().for_each(|(name, kind)| self.give(name, *kind));
        nodes(graph).try_for_each(|node| self.node(&node?, &said))?;
        Ok(mark)
    }

    /// Forgets what was taken up since.
    pub(crate) fn leave(&mut self, mark: usize) {
        for (name, before) in self.given.drain(mark..).rev() {
            match before {
                Some(kind) => self.known.insert(name, kind),
                None => self.known.remove(name),
            };
        }
    }

    fn give(&mut self, name: &'a str, kind: Kind) {
        let before = self.known.insert(name, kind);
        self.given.push((name, before));
    }

    /// The element type of a value.
    pub(crate) fn element(&self, name: &str) -> Option<ElementType> {
        self.known.get(name)?.element
    }

    /// How many axes a value has.
    pub(crate) fn rank(&self, name: &str) -> Option<usize> {
        self.known.get(name)?.rank
    }

    /// How many values a list has.
    pub(crate) fn length(&self, name: &str) -> Option<usize> {
        self.known.get(name)?.length
    }

    fn node(&mut self, node: &Node<'a>, said: &HashMap<&'a str, Kind>) -> Result<(), Problem> {
        let given_within = self.given_within(node)?;
        for (place, &name) in node.outputs.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let found = match &given_within {
                Some(elements) => Kind::of(elements.get(place).copied().flatten(), None),
                None if node.domain.is_empty() => self.output(node, place)?,
                None => Kind::default(),
            };
            self.give(name, found.or(said.get(name).copied().unwrap_or_default()));
        }
        Ok(())
    }

    /// The element types of a node's outputs where a graph within the node gives them.
    fn given_within(&mut self, node: &Node<'a>) -> Result<Option<Vec<Option<ElementType>>>, Problem> {
        // Beside what a loop carries and gives, its body says whether to go on.
        let (graph, beside) = match (node.domain, node.operator) {
            ("", "If") => ("then_branch", 0),
            ("", "Loop") => ("body", 1),
            ("", "Scan") => ("body", 0),
            _ => return Ok(None),
        };
        let Some(graph) = node.attributes.graph(graph)? else { return Ok(None) };
        let mark = self.enter(graph.clone())?;
        let (mut elements, mut fields) = (Vec::new(), graph);
        while let Some((number, value)) = fields.next()? {
            if number == 12 {
                elements.push(self.element(name_of(value.message()?)?));
            }
        }
        self.leave(mark);
        elements.drain(..beside.min(elements.len()));
        Ok(Some(elements))
    }

    fn input(&self, node: &Node<'a>, place: usize) -> Kind {
        node.inputs.get(place).and_then(|name| self.known.get(name)).copied().unwrap_or_default()
    }

    /// The kind of an output, by those of the inputs.
    fn output(&self, node: &Node<'a>, place: usize) -> Result<Kind, Problem> {
        let first = self.input(node, 0);
        Ok(match node.operator {
            "Concat" => {
                let lengths = (0..node.inputs.len()).map(|place| self.input(node, place).length);
                first.with_length(lengths.sum())
            }
            "Split" => first.with_rank(first.rank),
            "Identity" => first,
            operator if ALIKE.contains(&operator) && place == 0 => first.with_rank(first.rank),
            operator if TOGETHER.contains(&operator) => first.with_rank(self.broadcast(node)),
            operator if TRUTHS.contains(&operator) => {
                Kind::of(Some(ElementType::of(DType::Bool)), self.broadcast(node))
            }
            operator if REDUCING.contains(&operator) => {
                first.with_rank(self.reduced(node, self.axes(node)?)?)
            }
            "LSTM" | "GRU" | "RNN" => first.with_rank(Some(if place == 0 { 4 } else { 3 })),
            _ => match self.of_other_axes(node)? {
                Some(kind) => kind,
                None => self.of_other_type(node, place)?,
            },
        })
    }

    /// Where elements stay and axes change.
    fn of_other_axes(&self, node: &Node<'a>) -> Result<Option<Kind>, Problem> {
        let (first, second) = (self.input(node, 0), self.input(node, 1));
        let ranks = first.rank.zip(second.rank);
        let rank = match node.operator {
            "Reshape" => second.length,
            "Expand" => first.rank.zip(second.length).map(|(a, b)| a.max(b)),
            "Flatten" | "Gemm" => Some(2),
            "Unsqueeze" => first.rank.zip(self.axes(node)?).map(|(rank, axes)| rank + axes),
            "Squeeze" => first.rank.zip(self.axes(node)?).and_then(|(rank, axes)| rank.checked_sub(axes)),
            "Gather" => ranks.and_then(|(data, places)| (data + places).checked_sub(1)),
            "GatherElements" => second.rank,
            "MatMul" => product(first.rank, second.rank),
            "Range" => Some(1),
            _ => return Ok(None),
        };
        let is_list = node.operator == "Unsqueeze" && rank == Some(1);
        Ok(Some(first.with_rank(rank).with_length(is_list.then_some(1))))
    }

    /// Where elements are of a type of their own.
    fn of_other_type(&self, node: &Node<'a>, place: usize) -> Result<Kind, Problem> {
        let input = |place: usize| self.input(node, place);
        let first = input(0);
        let int64 = Some(ElementType::of(DType::I64));
        Ok(match node.operator {
            "Cast" => {
                let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
                Kind { element: to.map(ElementType), ..first }
            }
            "CastLike" => Kind { element: input(1).element, ..first },
            "Constant" => constant(node)?,
            "ConstantOfShape" => {
                let value = node.attributes.tensor("value")?.map(stored).transpose()?;
                let element = value.map_or(Some(ElementType::of(DType::F32)), |(_, kind)| kind.element);
                Kind::of(element, first.length)
            }
            "Where" => Kind::of(input(1).element.or(input(2).element), self.broadcast(node)),
            "TopK" => Kind::of(if place == 0 { first.element } else { int64 }, first.rank),
            "OneHot" => input(2).with_rank(first.rank.map(|rank| rank + 1)),
            "DequantizeLinear" => Kind::of(input(1).element, first.rank),
            "QuantizeLinear" => Kind::of(input(2).element.or(Some(ElementType::of(DType::U8))), first.rank),
            "DynamicQuantizeLinear" => match place {
                0 => Kind::of(Some(ElementType::of(DType::U8)), first.rank),
                1 => Kind::of(Some(ElementType::of(DType::F32)), Some(0)),
                _ => Kind::of(Some(ElementType::of(DType::U8)), Some(0)),
            },
            "ConvInteger" => Kind::of(Some(ElementType::of(DType::I32)), first.rank),
            "MatMulInteger" => {
                Kind::of(Some(ElementType::of(DType::I32)), product(first.rank, input(1).rank))
            }
            "QLinearConv" => Kind::of(input(7).element, first.rank),
            "QLinearMatMul" => Kind::of(input(7).element, product(first.rank, input(3).rank)),
            "Shape" => {
                let is_whole = !node.attributes.has("start") && !node.attributes.has("end");
                Kind::list(DType::I64, first.rank.filter(|_| is_whole))
            }
            operator if SAME_ELEMENTS.contains(&operator) && place == 0 => Kind::of(first.element, None),
            "Unique" => Kind::of(int64, Some(1)),
            "Size" => Kind::of(int64, Some(0)),
            "NonZero" => Kind::of(int64, Some(2)),
            "ArgMax" | "ArgMin" => Kind::of(int64, self.reduced(node, Some(1))?),
            _ => Kind::default(),
        })
    }

    /// The rank of what inputs become together; `None` unless all are known.
    fn broadcast(&self, node: &Node<'a>) -> Option<usize> {
        let ranks = (0..node.inputs.len()).map(|place| self.input(node, place).rank);
        ranks.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// How many axes a node names: by an attribute, or as its second input.
    fn axes(&self, node: &Node<'a>) -> Result<Option<usize>, Problem> {
        let listed = node.attributes.integers("axes")?.len();
        Ok(if listed > 0 { Some(listed) } else { self.input(node, 1).length })
    }

    /// The rank that is left where so many axes are taken together.
    fn reduced(&self, node: &Node<'a>, axes: Option<usize>) -> Result<Option<usize>, Problem> {
        let rank = self.input(node, 0).rank;
        let keeps = node.attributes.integer("keepdims")?.unwrap_or(1) != 0;
        Ok(if keeps { rank } else { rank.zip(axes).and_then(|(rank, axes)| rank.checked_sub(axes)) })
    }
}

/// The rank of a product of matrices.
fn product(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    a.zip(b).map(|ranks| match ranks {
        (1, 1) => 0,
        (1, other) | (other, 1) => other.saturating_sub(1),
        (a, b) => a.max(b),
    })
}

/// The kind of a `Constant`.
fn constant(node: &Node<'_>) -> Result<Kind, Problem> {
    let attributes = &node.attributes;
    if let Some(tensor) = attributes.tensor("value")? {
        return Ok(stored(tensor)?.1);
    }
    Ok(if attributes.has("value_float") {
        Kind::of(Some(ElementType::of(DType::F32)), Some(0))
    } else if attributes.has("value_int") {
        Kind::of(Some(ElementType::of(DType::I64)), Some(0))
    } else if attributes.has("value_floats") {
        Kind::list(DType::F32, None)
    } else if attributes.has("value_ints") {
        Kind::list(DType::I64, Some(attributes.integers("value_ints")?.len()))
    } else {
        Kind::default()
    })
}

/// The name of a `TensorProto`.
pub(crate) fn stored_name(fields: Fields<'_>) -> Result<&str, Problem> {
    Ok(stored(fields)?.0)
}

/// The name of a `TensorProto`, and its kind.
fn stored(mut fields: Fields<'_>) -> Result<(&str, Kind), Problem> {
    let (mut name, mut element, mut dims) = ("", ElementType::default(), Vec::new());
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => value.varints(|dim| dims.push(dim))?,
            2 => element = ElementType(value.varint()?),
            8 => name = value.text()?,
            _ => {}
        }
    }
    let length = match dims[..] {
        [length] => usize::try_from(length).ok(),
        _ => None,
    };
    Ok((name, Kind::of(Some(element), Some(dims.len())).with_length(length)))
}

/// The kind that a `ValueInfoProto` gives.
fn declared(fields: Fields<'_>) -> Result<Kind, Problem> {
    Ok(match value_info(fields)?.ty {
        Some(ValueType::Tensor { element, dims }) => Kind::of(Some(element), dims.map(|dims| dims.len())),
        _ => Kind::default(),
    })
}
