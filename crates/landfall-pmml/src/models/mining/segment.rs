//! `<Segment>`: a model, the rows that it answers, and what it weighs.

use super::Method;
use crate::models::predicate::{self, Predicate};
use crate::models::{self, Header, Model, OutputField, output};
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) predicate: Predicate,
    pub(super) weight: f64,
    /// The field that has the weight instead.
    pub(super) weight_field: Option<Slot>,
    pub(super) id: Value,
    pub(super) model: Model,
    /// Output fields of the outer model that ask this segment.
    pub(super) outputs: Vec<OutputField>,
}

/// Reads a `<Segment>`, the one at this place.
pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
    place: usize,
    method: Method,
) -> Result<Segment, Problem> {
    element.only(&b.xml, &["id", "weight"])?;
    let (mut condition, mut model, mut weight_field) = (None, None, None);
    while let Some(child) = b.xml.child(element)? {
        if models::is_model(&child.name) && model.is_none() {
            let asked_always = matches!(condition, Some(Predicate::True)) && method != Method::First;
            b.conditional += usize::from(!asked_always);
            model = Some(models::read(b, &child, header.scope, Some(header))?);
            b.conditional -= usize::from(!asked_always);
            continue;
        }
        match predicate::read(b, &child, header.scope)? {
            Some(predicate) => condition = Some(predicate),
            None if child.name == "VariableWeight" => {
                child.only(&b.xml, &["field"])?;
                weight_field = Some((child.need(&b.xml, "field")?.to_owned(), child.place));
                b.xml.leaf(&child)?;
            }
            None => return Err(b.xml.unknown(&child, element)),
        }
    }
    let (Some(predicate), Some(model)) = (condition, model) else {
        return Err(b.xml.malformed(element.place, "<Segment> needs a predicate and a model"));
    };
    let weight_field = match weight_field {
        // What the segment's own model answers comes first: a tree may weigh itself by the node that it has reached.
        Some((name, place)) => match model.outputs.iter().find(|field| field.name == name) {
            Some(field) => Some(field.slot),
            None => Some(b.resolve(header.scope, &name, place)?),
        },
        None => None,
    };
    // A segment without an id is called by its place.
    let called = Some(element.get("id").map_or_else(|| (place + 1).to_string(), str::to_owned));
    let mut outputs = Vec::new();
    let asked = |document: &&output::Document| document.segment == called;
    let documents: Vec<output::Document> = header.outputs.iter().filter(asked).cloned().collect();
    for document in &documents {
        let scope = header.output_scope(b);
        // What the segment itself answers is seen by its name.
        for field in &model.outputs {
            b.redeclare(scope, &field.name, field.slot);
        }
        let field = output::resolve(b, scope, &model, &model.results, document)?;
        b.redeclare(header.scope, &document.name, field.slot);
        header.forwarded.push((field.name.clone(), field.dtype, field.slot));
        outputs.push(field);
    }
    if matches!(method, Method::Chain | Method::MultiChain) {
        later_segments_see(b, header, &model, method)?;
    }
    let id = match element.get("id") {
        Some(id) => Value::Text(b.symbols.intern(id)),
        None => Value::Num(place as f64 + 1.0),
    };
    Ok(Segment {
        predicate,
        weight: header.math.number(&b.xml, element, "weight")?.unwrap_or(1.0),
        weight_field,
        id,
        model,
        outputs,
    })
}

/// Later segments take what this one has answered.
pub(super) fn later_segments_see(
    b: &mut Build<'_>,
    header: &Header,
    model: &Model,
    method: Method,
) -> Result<(), Problem> {
    for field in &model.outputs {
        b.redeclare(header.scope, &field.name, field.slot);
    }
    for (name, _, slot) in &model.forwarded {
        b.redeclare(header.scope, name, *slot);
    }
    for (name, slot) in &model.results {
        let own = header.results.iter().any(|(result, _)| result == name);
        if !own || method == Method::MultiChain || b.try_resolve(header.scope, name)?.is_none() {
            b.redeclare(header.scope, name, *slot);
        }
    }
    Ok(())
}

impl Segment {
    /// Answers one row, its own fields and those that the model around it asks of it.
    pub(super) fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        self.model.run(cx, answer)?;
        for field in &self.outputs {
            let value = field.evaluate(cx, &self.model, answer)?;
            cx.set(field.slot, value);
        }
        Ok(())
    }
}
