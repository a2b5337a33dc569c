//! Nodes and their attributes (`NodeProto`, `AttributeProto` of `onnx.proto`), read where they lie.

use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};

/// One node.
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    /// Empty for the default domain.
    pub(crate) domain: &'a str,
    pub(crate) operator: &'a str,
    /// Which of several functions of this domain and name.
    pub(crate) overload: &'a str,
    /// An empty name is an optional input that does not come.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    pub(crate) attributes: Attributes<'a>,
}

/// The attributes of a node, each read when it is asked for.
pub(crate) struct Attributes<'a>(Vec<(&'a str, Fields<'a>)>);

/// The name of a `ValueInfoProto` or an `AttributeProto`.
pub(crate) fn name_of(mut fields: Fields<'_>) -> Result<&str, Problem> {
    let mut name = "";
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            name = value.text()?;
        }
    }
    Ok(name)
}

/// The nodes of a graph, in the file's order.
pub(crate) fn nodes<'a>(graph: Fields<'a>) -> impl Iterator<Item = Result<Node<'a>, Problem>> {
    nodes_of(graph, IN_GRAPH)
}

/// The field of a `GraphProto` that holds its nodes.
pub(crate) const IN_GRAPH: u32 = 1;

/// The same of a `FunctionProto`.
pub(crate) const IN_FUNCTION: u32 = 7;

/// The nodes that lie in this field of a message, in the file's order.
pub(crate) fn nodes_of<'a>(
    mut message: Fields<'a>,
    field: u32,
) -> impl Iterator<Item = Result<Node<'a>, Problem>> {
    std::iter::from_fn(move || {
        loop {
            match message.next() {
                Ok(Some((number, node))) if number == field => {
                    return Some(node.message().and_then(Node::read));
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(problem) => return Some(Err(problem)),
            }
        }
    })
}

/// Makes a prefix longer until no name that a node reads or gives begins with it, those of graphs within the node too.
pub(crate) fn keep_apart(node: &Node<'_>, prefix: &mut String) -> Result<(), Problem> {
    while node.inputs.iter().chain(&node.outputs).any(|name| name.starts_with(prefix.as_str())) {
        prefix.push('\'');
    }
    let graphs = node.attributes.graphs()?;
    graphs.into_iter().try_for_each(|graph| nodes(graph).try_for_each(|node| keep_apart(&node?, prefix)))
}

impl<'a> Node<'a> {
    /// Reads a `NodeProto`.
    pub(crate) fn read(mut fields: Fields<'a>) -> Result<Self, Problem> {
        let (mut name, mut domain, mut operator, mut overload) = ("", "", "", "");
        let (mut inputs, mut outputs, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => inputs.push(value.text()?),
                2 => outputs.push(value.text()?),
                3 => name = value.text()?,
                4 => operator = value.text()?,
                5 => attributes.push(attribute(value.message()?)?),
                7 => domain = value.text()?,
                8 => overload = value.text()?,
                _ => {}
            }
        }
        let name = if name.is_empty() { outputs.first().copied().unwrap_or_default() } else { name };
        let domain = if domain == "ai.onnx" { "" } else { domain };
        let attributes = Attributes(attributes);
        Ok(Node { name, domain, operator, overload, inputs, outputs, attributes })
    }

    /// For messages: `ai.onnx.ml.Scaler`.
    pub(crate) fn full_operator(&self) -> String {
        if self.domain.is_empty() {
            self.operator.to_owned()
        } else {
            format!("{}.{}", self.domain, self.operator)
        }
    }
}

/// The name of an `AttributeProto`, and the whole of it.
fn attribute(fields: Fields<'_>) -> Result<(&str, Fields<'_>), Problem> {
    Ok((name_of(fields.clone())?, fields))
}

impl<'a> Attributes<'a> {
    /// Names of all attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    /// All attributes, as their messages.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Fields<'a>> + '_ {
        self.0.iter().map(|(_, fields)| fields.clone())
    }

    /// Whether an attribute is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|found| found == name)
    }

    /// Each value of a field of an attribute.
    fn each(
        &self,
        name: &str,
        field: u32,
        mut take: impl FnMut(Value<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let Some((_, fields)) = self.0.iter().find(|(found, _)| *found == name) else { return Ok(()) };
        let mut fields = fields.clone();
        while let Some((number, value)) = fields.next()? {
            if number == field {
                take(value)?;
            }
        }
        Ok(())
    }

    /// An integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let mut found = None;
        self.each(name, 3, |value| {
            found = Some(value.signed()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// A float.
    pub(crate) fn float(&self, name: &str) -> Result<Option<f32>, Problem> {
        let mut found = None;
        self.each(name, 2, |value| value.fixed::<4>(|bytes| found = floats(bytes).next()))?;
        Ok(found)
    }

    /// A text, as its bytes.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a [u8]>, Problem> {
        let mut found = None;
        self.each(name, 4, |value| {
            found = Some(value.bytes()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// A list of integers; empty where there is none.
    pub(crate) fn integers(&self, name: &str) -> Result<Vec<i64>, Problem> {
        let mut found = Vec::new();
        self.each(name, 8, |value| value.varints(|number| found.push(number as i64)))?;
        Ok(found)
    }

    /// A list of floats; empty where there is none.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>, Problem> {
        let mut found = Vec::new();
        self.each(name, 7, |value| value.fixed::<4>(|bytes| found.extend(floats(bytes))))?;
        Ok(found)
    }

    /// A list of texts, as their bytes; empty where there is none.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a [u8]>, Problem> {
        let mut found = Vec::new();
        self.each(name, 9, |value| {
            found.push(value.bytes()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// A tensor, as its message.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Fields<'a>>, Problem> {
        self.message(name, 5)
    }

    /// A graph, as its message.
    pub(crate) fn graph(&self, name: &str) -> Result<Option<Fields<'a>>, Problem> {
        self.message(name, 6)
    }

    fn message(&self, name: &str, field: u32) -> Result<Option<Fields<'a>>, Problem> {
        let mut found = None;
        self.each(name, field, |value| {
            found = Some(value.message()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// All graphs, as their messages.
    pub(crate) fn graphs(&self) -> Result<Vec<Fields<'a>>, Problem> {
        let mut found = Vec::new();
        for mut fields in self.messages() {
            while let Some((number, value)) = fields.next()? {
                if matches!(number, 6 | 11) {
                    found.push(value.message()?);
                }
            }
        }
        Ok(found)
    }
}

/// Little-endian float32 numbers.
fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}
