//! Nodes as the document has them, in any order, and resolved, each after its parents.

use super::distribution::{self, Document as DistributionDocument, Shape};
use super::linear::{Degree, Degrees};
use super::{Case, Header, Kind, Node, Parent, State};
use crate::expression::{self, Derived, DocumentKind, Expr};
use crate::read::{Element, Place};
use crate::resolve::{Build, OpType, ScopeId, Slot, SlotDef, Source, Usage};
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::collections::HashSet;

/// One node.
pub(super) struct Document {
    name: String,
    place: Place,
    derived: Vec<Derived>,
    /// `None` for a continuous node: values and probabilities by case.
    discrete: Option<Vec<CaseDocument<Probabilities>>>,
    continuous: Vec<CaseDocument<DistributionDocument>>,
}

/// Values with their probabilities.
type Probabilities = Vec<(String, f64)>;

struct CaseDocument<T> {
    /// Parent and value.
    parents: Vec<(String, String)>,
    then: T,
}

/// Reads a node.
pub(super) fn document<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
) -> Result<Document, Problem> {
    let discrete = match element.name.as_ref() {
        "DiscreteNode" => Some(Vec::new()),
        "ContinuousNode" => None,
        _ => return Err(b.xml.unknown(element, parent)),
    };
    element.only(&b.xml, &["name", "count"])?;
    let name = element.need(&b.xml, "name")?.to_owned();
    let mut node =
        Document { name, place: element.place, derived: Vec::new(), discrete, continuous: Vec::new() };
    let mut prior = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match (child.name.as_ref(), &mut node.discrete) {
            ("DerivedField", _) => node.derived.push(expression::read_derived(b, &child)?),
            ("ValueProbability", Some(_)) => prior.push(probability(b, &child)?),
            ("DiscreteConditionalProbability", Some(cases)) => {
                cases.push(discrete_case(b, &child)?);
            }
            ("ContinuousDistribution", None) => {
                let then = distribution::read(b, &child)?;
                node.continuous.push(CaseDocument { parents: Vec::new(), then });
            }
            ("ContinuousConditionalProbability", None) => {
                node.continuous.push(continuous_case(b, &child)?);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if let Some(cases) = node.discrete.as_mut().filter(|_| !prior.is_empty()) {
        cases.push(CaseDocument { parents: Vec::new(), then: prior });
    }
    if node.continuous.is_empty() && node.discrete.as_ref().is_none_or(Vec::is_empty) {
        return Err(b.xml.malformed(element.place, format!("node {:?} has no probabilities", node.name)));
    }
    let alone = node.continuous.iter().filter(|case| case.parents.is_empty()).count();
    if alone > 1 {
        return Err(b.xml.unsupported(element.place, "a node of several distributions at once"));
    }
    Ok(node)
}

fn probability<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(String, f64), Problem> {
    element.only(&b.xml, &["value", "probability"])?;
    let pair = (element.need(&b.xml, "value")?.to_owned(), element.need_number(&b.xml, "probability")?);
    if !(0.0..=1.0).contains(&pair.1) {
        return Err(b.xml.malformed(element.place, format!("{} is no probability", pair.1)));
    }
    b.xml.leaf(element)?;
    Ok(pair)
}

fn parent_value<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(String, String), Problem> {
    element.only(&b.xml, &["parent", "value"])?;
    let pair = (element.need(&b.xml, "parent")?.to_owned(), element.need(&b.xml, "value")?.to_owned());
    b.xml.leaf(element)?;
    Ok(pair)
}

fn discrete_case<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
) -> Result<CaseDocument<Vec<(String, f64)>>, Problem> {
    element.only(&b.xml, &["count"])?;
    let mut case = CaseDocument { parents: Vec::new(), then: Vec::new() };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "ParentValue" => case.parents.push(parent_value(b, &child)?),
            "ValueProbability" => case.then.push(probability(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(case)
}

fn continuous_case<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
) -> Result<CaseDocument<DistributionDocument>, Problem> {
    element.only(&b.xml, &["count"])?;
    let (mut parents, mut then) = (Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "ParentValue" => parents.push(parent_value(b, &child)?),
            "ContinuousDistribution" if then.is_none() => then = Some(distribution::read(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match then {
        Some(then) => Ok(CaseDocument { parents, then }),
        None => Err(b.xml.malformed(element.place, "a conditional probability without a distribution")),
    }
}

impl Document {
    /// Names of the fields that its probabilities depend on.
    fn needs(&self) -> Vec<String> {
        let mut names = Vec::new();
        let cases = self.discrete.iter().flatten().flat_map(|case| &case.parents);
        names.extend(cases.map(|(parent, _)| parent.clone()));
        for case in &self.continuous {
            names.extend(case.parents.iter().map(|(parent, _)| parent.clone()));
            case.then.parameters.iter().for_each(|node| node.fields(&mut names));
        }
        self.derived.iter().for_each(|derived| derived.expression.fields(&mut names));
        names
    }
}

impl Document {
    /// Takes in the fields of the document that its probabilities are made of: they follow the values that its nodes have
    /// while a case is looked at, and not those of the data alone.
    fn take_fields(&mut self, b: &Build<'_>, header: &Header, nodes: &[String]) {
        let mut seen = HashSet::new();
        while let Some(name) = self.needs().into_iter().find(|name| !seen.contains(name)) {
            let is_own = nodes.contains(&name) || self.derived.iter().any(|derived| derived.name == name);
            let mut scopes = std::iter::successors(Some(header.scope), |scope| b.parent(*scope));
            if !is_own && let Some(derived) = scopes.find_map(|scope| b.pending(scope, &name)) {
                // Before what is made of it.
                self.derived.insert(0, derived);
            }
            seen.insert(name);
        }
    }

    /// Where a number of a node falls into another bin of a field.
    fn cuts(&self, node: &str) -> Vec<f64> {
        let bins = self.derived.iter().filter_map(|derived| match &derived.expression.kind {
            DocumentKind::Discretize(discretize) if discretize.field == node => Some(&discretize.bins),
            _ => None,
        });
        let ends = bins.flatten().map(|(interval, _)| interval.ends());
        ends.flat_map(|(left, right)| [left, right]).filter(|end| end.is_finite()).collect()
    }

    /// Whether its numbers are normal around what is linear in those of `nodes`; `is_own` says which functions are the
    /// document's own.
    fn is_linear(&self, nodes: &Degrees, is_own: &dyn Fn(&str) -> bool) -> bool {
        let mut degrees = nodes.clone();
        self.derived.iter().for_each(|field| degrees.add_field(field, is_own));
        let is_known = |(parent, _): &(String, String)| degrees.of_name(parent) == Degree::None;
        let is_normal = |case: &CaseDocument<DistributionDocument>| match &case.then.parameters[..] {
            [mean, variance] if case.then.shape == Shape::Normal => {
                degrees.of(mean, is_own) != Degree::Other
                    && degrees.of(variance, is_own) == Degree::None
                    && case.parents.iter().all(is_known)
            }
            _ => false,
        };
        self.discrete.is_none() && self.continuous.iter().all(is_normal)
    }

    /// Parents with values of their types; `scope` has the fields that are no nodes.
    fn parents(
        &self,
        b: &mut Build<'_>,
        scope: ScopeId,
        nodes: &[Node],
        parents: &[(String, String)],
    ) -> Result<Vec<(Parent, Value)>, Problem> {
        let mut all = Vec::with_capacity(parents.len());
        for (name, text) in parents {
            let (parent, slot) = match nodes.iter().position(|node| node.name == *name) {
                Some(at) => (Parent::Node(at), nodes[at].slot),
                None => match b.try_resolve(scope, name)? {
                    Some(slot) => (Parent::Field(slot), slot),
                    None => {
                        let what = format!("parent {name:?} is no node and no field");
                        return Err(b.xml.malformed(self.place, what));
                    }
                },
            };
            let dtype = b.slots[slot as usize].dtype;
            all.push((parent, b.constant(text, dtype, self.place)?));
        }
        Ok(all)
    }
}

/// Puts nodes after their parents, and resolves them.
pub(super) fn resolve<'a>(
    b: &mut Build<'a>,
    header: &Header,
    documents: Vec<Document>,
    element: &Element<'a>,
) -> Result<Vec<Node>, Problem> {
    let mut left = documents;
    let names: Vec<String> = left.iter().map(|document| document.name.clone()).collect();
    left.iter_mut().for_each(|document| document.take_fields(b, header, &names));
    let mut ordered: Vec<Document> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |document: &Document| {
            let needs = document.needs();
            left.iter().any(|other| needs.contains(&other.name))
        };
        let Some(next) = left.iter().position(|document| !waits(document)) else {
            return Err(b.xml.malformed(element.place, "the nodes depend on each other in a circle"));
        };
        let next = left.remove(next);
        if ordered.iter().any(|other| other.name == next.name) {
            return Err(b.xml.malformed(next.place, format!("node {:?} stands twice", next.name)));
        }
        ordered.push(next);
    }
    let scope = b.scope(Some(header.scope));
    let mut nodes: Vec<Node> = Vec::with_capacity(ordered.len());
    let mut degrees = Degrees::default();
    for document in ordered {
        for node in &mut nodes {
            node.cuts.extend(document.cuts(&node.name));
        }
        let mut node = node(b, header, scope, &nodes, &document)?;
        let dtype = b.slots[node.slot as usize].dtype;
        let is_own = |function: &str| b.functions.by_name.contains_key(function);
        node.is_linear = dtype == DataType::Double && document.is_linear(&degrees, &is_own);
        degrees.add_node(&node.name, document.discrete.is_none(), dtype);
        b.redeclare(scope, &node.name, node.slot);
        nodes.push(node);
    }
    Ok(nodes)
}

fn set_slot(b: &mut Build<'_>, name: &str, dtype: DataType, optype: OpType) -> Slot {
    b.slot(SlotDef { name: name.to_owned(), dtype, optype, source: Source::Set, field: None })
}

/// The fields that a node's probabilities are made of, each seen by those after it.
fn own_fields<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    document: &Document,
) -> Result<Vec<(Slot, Expr)>, Problem> {
    let mut fields = Vec::with_capacity(document.derived.len());
    for field in &document.derived {
        let expr = expression::resolve_derived(b, scope, field)?;
        let place = set_slot(b, &field.name, field.dtype, field.optype);
        b.redeclare(scope, &field.name, place);
        fields.push((place, expr));
    }
    Ok(fields)
}

fn node<'a>(
    b: &mut Build<'a>,
    header: &Header,
    outer: ScopeId,
    nodes: &[Node],
    document: &Document,
) -> Result<Node, Problem> {
    let target = header.schema.targets().find(|field| field.name == document.name);
    let field = match target {
        Some(target) => target.slot,
        None => b.try_resolve(header.scope, &document.name)?,
    };
    let supplementary = |name: &str| {
        header.schema.fields.iter().any(|field| field.name == name && field.usage == Usage::Supplementary)
    };
    let observed = field.filter(|_| target.is_none() && !supplementary(&document.name));
    let (dtype, optype) = match field {
        Some(slot) => (b.slots[slot as usize].dtype, b.slots[slot as usize].optype),
        None if document.discrete.is_some() => (DataType::String, OpType::Categorical),
        None => (DataType::Double, OpType::Continuous),
    };
    let own = set_slot(b, &document.name, dtype, optype);
    let scope = b.scope(Some(outer));
    let derived = own_fields(b, scope, document)?;
    let parents =
        |b: &mut Build<'a>, parents: &[(String, String)]| document.parents(b, scope, nodes, parents);
    let kind = match &document.discrete {
        Some(cases) => {
            let mut states: Vec<State> = Vec::new();
            let mut resolved = Vec::with_capacity(cases.len());
            for case in cases {
                let mut shares = vec![0.0; states.len()];
                for (text, probability) in &case.then {
                    let value = b.constant(text, dtype, document.place)?;
                    let at = match states.iter().position(|state| state.value == value) {
                        Some(at) => at,
                        None => {
                            // Nodes that are no targets have no classes.
                            let class = target
                                .map_or(0, |_| header.class_of(b, header.other(&document.name), text).0);
                            states.push(State { value, class });
                            shares.push(0.0);
                            states.len() - 1
                        }
                    };
                    shares[at] = *probability;
                }
                resolved.push(Case { parents: parents(b, &case.parents)?, then: shares });
            }
            Kind::Discrete { states, cases: resolved }
        }
        None => {
            let mut resolved = Vec::with_capacity(document.continuous.len());
            for case in &document.continuous {
                let then = distribution::resolve(b, scope, &case.then)?;
                resolved.push(Case { parents: parents(b, &case.parents)?, then });
            }
            Kind::Continuous { cases: resolved }
        }
    };
    let needs = document.needs();
    let parents = (0..nodes.len()).filter(|at| needs.contains(&nodes[*at].name)).collect();
    let name = document.name.clone();
    Ok(Node { name, observed, slot: own, parents, derived, cuts: Vec::new(), is_linear: false, kind })
}
