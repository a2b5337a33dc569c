//! `<DataDictionary>`: the fields that data has, their types and the values that are valid.

use super::{Build, Interval, OpType, ScopeId, SlotDef, Source, Taxonomy};
use crate::read::Element;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::sync::Arc;

/// How a value is shown to people.
pub(crate) type DisplayName = (Value, String);

/// One field of the data.
#[derive(Clone, Debug)]
pub(crate) struct DataField {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) dtype: DataType,
    pub(crate) optype: OpType,
    /// Valid values, in the document's order; empty where all are valid.
    pub(crate) valid: Vec<Value>,
    pub(crate) invalid: Vec<Value>,
    pub(crate) missing: Vec<Value>,
    /// Texts that mean missing and are no value of the type.
    pub(crate) missing_texts: Vec<String>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) display: Vec<DisplayName>,
    /// Whether the last value is followed by the first.
    pub(crate) cyclic: bool,
    /// The taxonomy of its categories.
    pub(crate) taxonomy: Option<String>,
}

impl DataField {
    /// Of a cyclic field: what lies between a value and the same one a round later.
    pub(crate) fn round(&self) -> Option<f64> {
        if !self.cyclic {
            return None;
        }
        if self.optype != OpType::Continuous && !self.valid.is_empty() {
            return Some(self.valid.len() as f64);
        }
        let ends = self.intervals.iter().map(Interval::ends);
        let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some(high - low).filter(|round| round.is_finite() && *round > 0.0)
    }

    /// Whether a value that is not missing is valid.
    pub(crate) fn takes(&self, value: Value) -> bool {
        if self.invalid.contains(&value) {
            return false;
        }
        match value {
            Value::Invalid => false,
            _ if !self.valid.is_empty() && self.valid.contains(&value) => true,
            Value::Num(_) | Value::Moment(_) if !self.intervals.is_empty() => {
                value.num().is_some_and(|number| self.intervals.iter().any(|i| i.holds(number)))
            }
            _ => self.valid.is_empty(),
        }
    }
}

impl DataField {
    /// Whether every number is valid.
    pub(crate) fn takes_all_numbers(&self) -> bool {
        self.valid.is_empty() && self.invalid.is_empty() && self.intervals.is_empty()
    }
}

/// Reads `<DataDictionary>` into the outermost scope.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<(), Problem> {
    element.only(&b.xml, &["numberOfFields"])?;
    // The declared number of fields is known to be wrong in files that are otherwise right.
    let mut asked = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "DataField" => {
                asked.extend(child.get("taxonomy").map(|name| (name.to_owned(), child.place)));
                field(b, &child, scope)?;
            }
            "Taxonomy" => {
                let (name, taxonomy) = Taxonomy::read(b, &child)?;
                b.taxonomies.insert(name, taxonomy);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match asked.iter().find(|(name, _)| !b.taxonomies.contains_key(name)) {
        Some((name, place)) => Err(b
            .xml
            .malformed(*place, format!("taxonomy={name:?} of <DataField>: there is no such <Taxonomy>"))),
        None => Ok(()),
    }
}

fn field<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<(), Problem> {
    element.only(&b.xml, &["name", "displayName", "optype", "dataType", "isCyclic", "taxonomy"])?;
    if !matches!(element.get("isCyclic"), None | Some("0" | "1" | "true" | "false")) {
        return Err(element.value(&b.xml, "isCyclic"));
    }
    let name = element.need(&b.xml, "name")?.to_owned();
    let optype = OpType::of(&b.xml, element)?
        .ok_or_else(|| b.xml.malformed(element.place, "<DataField> lacks optype"))?;
    let dtype = match b.dtype(element)? {
        Some(dtype) => dtype,
        // It may be left out up to 3.0, and early writers left it out in 3.1, too.
        None if b.version < (3, 2) => optype.usual_type(),
        None => return Err(element.value(&b.xml, "dataType")),
    };
    let mut field = DataField {
        name: name.clone(),
        doc: element.get("displayName").unwrap_or_default().to_owned(),
        dtype,
        optype,
        valid: Vec::new(),
        invalid: Vec::new(),
        missing: Vec::new(),
        missing_texts: Vec::new(),
        intervals: Vec::new(),
        display: Vec::new(),
        cyclic: matches!(element.get("isCyclic"), Some("1" | "true")),
        taxonomy: element.get("taxonomy").map(str::to_owned),
    };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Interval" => field.intervals.push(Interval::read(&mut b.xml, &child, dtype)?),
            "Value" => value(b, &child, &mut field)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let input = b.dictionary.len();
    let slot = b.slot(SlotDef {
        name: name.clone(),
        dtype,
        optype,
        source: Source::Input(input),
        field: Some(input),
    });
    b.dictionary.push(Arc::new(field));
    b.declare(scope, &name, slot, element.place)
}

fn value<'a>(b: &mut Build<'a>, element: &Element<'a>, field: &mut DataField) -> Result<(), Problem> {
    element.only(&b.xml, &["value", "displayValue", "property"])?;
    let text = element.need(&b.xml, "value")?;
    let parsed = field.dtype.parse(text, |text| b.symbols.intern(text));
    match (element.get("property").unwrap_or("valid"), parsed) {
        ("missing", Some(value)) => field.missing.push(value),
        ("missing", None) => field.missing_texts.push(text.to_owned()),
        ("invalid", Some(value)) => field.invalid.push(value),
        // What is no value of the type is invalid anyway.
        ("invalid", None) => {}
        ("valid", Some(value)) => {
            if let Some(display) = element.get("displayValue") {
                field.display.push((value, display.to_owned()));
            }
            field.valid.push(value);
        }
        ("valid", None) => {
            let what = format!("value {text:?} of field {:?} is not of its type", field.name);
            return Err(b.xml.malformed(element.place, what));
        }
        _ => return Err(element.value(&b.xml, "property")),
    }
    b.xml.leaf(element)
}
