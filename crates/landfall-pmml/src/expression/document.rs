//! Expressions as a document has them: names are text, functions may be used before they are defined.

use super::text_index::{self, TextIndex};
use super::{ApplyTreatment, InvalidResult, NormOutliers, rows};
use crate::read::{Element, Place, table};
use crate::resolve::{Build, Interval, OpType};
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::collections::HashMap;
use std::sync::Arc;

/// An expression with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Constant {
        text: String,
        dtype: Option<DataType>,
        missing: bool,
    },
    FieldRef {
        field: String,
        if_missing: Option<String>,
    },
    NormContinuous {
        field: String,
        points: Vec<(f64, f64)>,
        outliers: NormOutliers,
        if_missing: Option<String>,
    },
    NormDiscrete {
        field: String,
        value: String,
        if_missing: Option<String>,
        thermometer: bool,
    },
    Discretize(Discretize),
    MapValues(MapValues),
    TextIndex {
        field: String,
        term: Box<Node>,
        index: Arc<TextIndex>,
    },
    Lag(rows::LagDocument),
    Aggregate(Box<rows::AggregateDocument>),
    Apply(Apply),
}

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Apply {
    pub(crate) function: String,
    pub(crate) arguments: Vec<Node>,
    pub(crate) if_missing: Option<String>,
    pub(crate) default: Option<String>,
    pub(crate) invalid: InvalidResult,
}

#[derive(Clone, Debug)]
pub(crate) struct Discretize {
    pub(crate) field: String,
    pub(crate) bins: Vec<(Interval, String)>,
    pub(crate) default: Option<String>,
    pub(crate) if_missing: Option<String>,
    pub(crate) dtype: Option<DataType>,
}

#[derive(Clone, Debug)]
pub(crate) struct MapValues {
    /// Field and column.
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) output: String,
    pub(crate) default: Option<String>,
    pub(crate) if_missing: Option<String>,
    pub(crate) dtype: Option<DataType>,
    pub(crate) rows: table::Table,
}

/// A `<DerivedField>`.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    pub(crate) name: String,
    pub(crate) dtype: DataType,
    pub(crate) optype: OpType,
    /// Its values in their order, where it names them.
    pub(crate) order: Vec<String>,
    pub(crate) expression: Node,
    pub(crate) place: Place,
}

/// The functions of a document.
#[derive(Default)]
pub(crate) struct Functions {
    pub(crate) by_name: HashMap<String, std::rc::Rc<FunctionDocument>>,
    /// Function and argument types, to the index of the body.
    pub(crate) resolved: HashMap<(String, Vec<DataType>), Resolved>,
    pub(crate) bodies: Vec<Option<super::Expr>>,
    /// Branches of `if` around what is being resolved.
    pub(crate) branches: usize,
}

/// A function for certain types of arguments.
#[derive(Clone, Copy)]
pub(crate) enum Resolved {
    /// Being resolved, since so many branches of `if` were open.
    Busy {
        index: usize,
        branches: usize,
    },
    Done {
        index: usize,
        dtype: DataType,
    },
}

/// A `<DefineFunction>`.
#[derive(Clone, Debug)]
pub(crate) struct FunctionDocument {
    pub(crate) parameters: Vec<(String, Option<DataType>)>,
    pub(crate) dtype: Option<DataType>,
    pub(crate) body: Node,
}

/// Reads a `<DerivedField>`; one within a neural input or target may be without a name.
pub(crate) fn read_derived<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Derived, Problem> {
    element.only(&b.xml, &["name", "displayName", "optype", "dataType", "datatype"])?;
    let dtype = b.dtype(element)?;
    let optype = OpType::of(&b.xml, element)?.unwrap_or(OpType::Continuous);
    let (mut expression, mut order) = (None, Vec::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Value" => {
                child.only(&b.xml, &["value", "displayValue", "property"])?;
                // They are the order of an ordinal field; none of them may be missing or invalid.
                if !matches!(child.get("property"), None | Some("valid")) {
                    return Err(child.value(&b.xml, "property"));
                }
                order.push(child.need(&b.xml, "value")?.to_owned());
                b.xml.leaf(&child)?;
            }
            _ if expression.is_none() => expression = Some(read_expression(b, &child, element)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let expression = expression
        .ok_or_else(|| b.xml.malformed(element.place, format!("<{}> has no expression", element.name)))?;
    Ok(Derived {
        name: element.get("name").unwrap_or_default().to_owned(),
        dtype: dtype.unwrap_or(optype.usual_type()),
        optype,
        order,
        expression,
        place: element.place,
    })
}

/// Reads a `<DefineFunction>` into the document's functions.
pub(crate) fn read_function<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
    element.only(&b.xml, &["name", "optype", "dataType"])?;
    let name = element.need(&b.xml, "name")?.to_owned();
    let dtype = b.dtype(element)?;
    let (mut parameters, mut body) = (Vec::new(), None);
    let mut locals: Vec<Derived> = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "ParameterField" => {
                child.only(&b.xml, &["name", "optype", "dataType", "displayName"])?;
                parameters.push((child.need(&b.xml, "name")?.to_owned(), b.dtype(&child)?));
                b.xml.leaf(&child)?;
            }
            // A part of the expression under a name of its own.
            "DerivedField" => {
                let mut derived = read_derived(b, &child)?;
                locals.iter().for_each(|local| inline(&mut derived.expression, local));
                locals.push(derived);
            }
            _ if body.is_none() => body = Some(read_expression(b, &child, element)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if let Some(body) = &mut body {
        locals.iter().for_each(|local| inline(body, local));
    }
    let body = body.ok_or_else(|| b.xml.malformed(element.place, "<DefineFunction> has no expression"))?;
    let function = FunctionDocument { parameters, dtype, body };
    match b.functions.by_name.insert(name.clone(), function.into()) {
        None => Ok(()),
        Some(_) => Err(b.xml.malformed(element.place, format!("function {name:?} is defined twice"))),
    }
}

/// References to a named part of a function become that part.
fn inline(node: &mut Node, local: &Derived) {
    match &mut node.kind {
        Kind::FieldRef { field, if_missing: None } if *field == local.name => {
            *node = local.expression.clone()
        }
        Kind::Apply(apply) => apply.arguments.iter_mut().for_each(|argument| inline(argument, local)),
        _ => {}
    }
}

/// Reads an expression that `parent` must have.
pub(crate) fn read_expression<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
) -> Result<Node, Problem> {
    match try_expression(b, element)? {
        Some(node) => Ok(node),
        None => Err(b.xml.unknown(element, parent)),
    }
}

/// Reads an expression; `None` when the element is none, and then nothing of it has been read.
pub(crate) fn try_expression<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Option<Node>, Problem> {
    let owned = |name: &str| element.get(name).map(str::to_owned);
    let need = |b: &Build<'a>, name: &str| element.need(&b.xml, name).map(str::to_owned);
    let kind = match element.name.as_ref() {
        "Constant" => {
            element.only(&b.xml, &["dataType", "missing"])?;
            let dtype = b.dtype(element)?;
            let missing = element.flag(&b.xml, "missing", false)?;
            Kind::Constant { text: b.xml.text(element)?, dtype, missing }
        }
        "FieldRef" => {
            element.only(&b.xml, &["field", "mapMissingTo"])?;
            let field = need(b, "field")?;
            b.xml.leaf(element)?;
            Kind::FieldRef { field, if_missing: owned("mapMissingTo") }
        }
        "NormContinuous" => norm_continuous(b, element)?,
        "NormDiscrete" => {
            element.only(&b.xml, &["field", "value", "mapMissingTo", "method"])?;
            let thermometer = match element.get("method") {
                None | Some("indicator") => false,
                Some("thermometer") => true,
                Some(_) => return Err(element.value(&b.xml, "method")),
            };
            let (field, value) = (need(b, "field")?, need(b, "value")?);
            b.xml.leaf(element)?;
            Kind::NormDiscrete { field, value, if_missing: owned("mapMissingTo"), thermometer }
        }
        "Discretize" => discretize(b, element)?,
        "MapValues" => map_values(b, element)?,
        "TextIndex" => {
            let (index, term) = text_index::read(b, element, read_expression)?;
            let field = need(b, "textField")?;
            Kind::TextIndex { field, term: Box::new(term), index: Arc::new(index) }
        }
        "Lag" => Kind::Lag(rows::read_lag(b, element)?),
        "Aggregate" => Kind::Aggregate(Box::new(rows::read_aggregate(b, element)?)),
        "Apply" => apply(b, element)?,
        _ => return Ok(None),
    };
    Ok(Some(Node { place: element.place, kind }))
}

fn apply<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Kind, Problem> {
    element.only(&b.xml, &["function", "mapMissingTo", "defaultValue", "invalidValueTreatment"])?;
    let invalid = match element.get("invalidValueTreatment") {
        None | Some("returnInvalid") => InvalidResult::Fail,
        Some("asIs") => InvalidResult::AsIs,
        Some("asMissing") => InvalidResult::AsMissing,
        Some(_) => return Err(element.value(&b.xml, "invalidValueTreatment")),
    };
    let mut arguments = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        arguments.push(read_expression(b, &child, element)?);
    }
    let owned = |name: &str| element.get(name).map(str::to_owned);
    let (mut if_missing, mut default) = (owned("mapMissingTo"), owned("defaultValue"));
    // In 4.1 what is mapped is a missing result, and not a missing argument.
    if b.version == (4, 1) {
        default = default.or(if_missing.take());
    }
    Ok(Kind::Apply(Apply {
        function: element.need(&b.xml, "function")?.to_owned(),
        arguments,
        if_missing,
        default,
        invalid,
    }))
}

fn norm_continuous<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Kind, Problem> {
    element.only(&b.xml, &["field", "mapMissingTo", "outliers"])?;
    let outliers = match element.get("outliers") {
        None | Some("asIs") => NormOutliers::Follow,
        Some("asMissingValues") => NormOutliers::Missing,
        Some("asExtremeValues") => NormOutliers::Clamp,
        Some(_) => return Err(element.value(&b.xml, "outliers")),
    };
    let mut points: Vec<(f64, f64)> = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "LinearNorm" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["orig", "norm"])?;
        points.push((child.need_number(&b.xml, "orig")?, child.need_number(&b.xml, "norm")?));
        b.xml.leaf(&child)?;
    }
    let ends = points.first().zip(points.last());
    if !ends.is_some_and(|(first, last)| first.0 < last.0) || !points.is_sorted_by(|a, b| a.0 <= b.0) {
        let what = "<NormContinuous> needs points of two orig or more, ascending";
        return Err(b.xml.malformed(element.place, what));
    }
    Ok(Kind::NormContinuous {
        field: element.need(&b.xml, "field")?.to_owned(),
        points,
        outliers,
        if_missing: element.get("mapMissingTo").map(str::to_owned),
    })
}

fn discretize<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Kind, Problem> {
    element.only(&b.xml, &["field", "mapMissingTo", "defaultValue", "dataType"])?;
    let mut bins = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "DiscretizeBin" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["binValue"])?;
        let value = child.need(&b.xml, "binValue")?.to_owned();
        let Some(interval) = b.xml.child(&child)? else {
            return Err(b.xml.malformed(child.place, "<DiscretizeBin> lacks its <Interval>"));
        };
        b.xml.named(&interval, &child, "Interval")?;
        bins.push((Interval::read(&mut b.xml, &interval, DataType::Double)?, value));
        b.xml.leaf(&child)?;
    }
    Ok(Kind::Discretize(Discretize {
        field: element.need(&b.xml, "field")?.to_owned(),
        bins,
        default: element.get("defaultValue").map(str::to_owned),
        if_missing: element.get("mapMissingTo").map(str::to_owned),
        dtype: b.dtype(element)?,
    }))
}

fn map_values<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Kind, Problem> {
    element.only(&b.xml, &["outputColumn", "mapMissingTo", "defaultValue", "dataType"])?;
    let (mut pairs, mut rows) = (Vec::new(), table::Table::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "FieldColumnPair" => {
                child.only(&b.xml, &["field", "column"])?;
                pairs.push((
                    child.need(&b.xml, "field")?.to_owned(),
                    child.need(&b.xml, "column")?.to_owned(),
                ));
                b.xml.leaf(&child)?;
            }
            _ => match table::read(&mut b.xml, &child)? {
                Some(table) => rows = table,
                None => return Err(b.xml.unknown(&child, element)),
            },
        }
    }
    Ok(Kind::MapValues(MapValues {
        pairs,
        output: element.need(&b.xml, "outputColumn")?.to_owned(),
        default: element.get("defaultValue").map(str::to_owned),
        if_missing: element.get("mapMissingTo").map(str::to_owned),
        dtype: b.dtype(element)?,
        rows,
    }))
}

impl Node {
    /// Appends the names of the fields that it reads.
    pub(crate) fn fields(&self, names: &mut Vec<String>) {
        match &self.kind {
            Kind::Constant { .. } => {}
            Kind::FieldRef { field, .. }
            | Kind::NormContinuous { field, .. }
            | Kind::NormDiscrete { field, .. } => names.push(field.clone()),
            Kind::Discretize(document) => names.push(document.field.clone()),
            Kind::MapValues(document) => {
                names.extend(document.pairs.iter().map(|(field, _)| field.clone()));
            }
            Kind::TextIndex { field, term, .. } => {
                names.push(field.clone());
                term.fields(names);
            }
            // These look at rows of the data.
            Kind::Lag(_) | Kind::Aggregate(_) => {}
            Kind::Apply(apply) => apply.arguments.iter().for_each(|argument| argument.fields(names)),
        }
    }
}

impl ApplyTreatment {
    /// Nothing said.
    pub(crate) const NONE: ApplyTreatment =
        ApplyTreatment { if_missing: Value::Missing, default: Value::Missing, invalid: InvalidResult::Fail };
}
