//! Expressions over several rows: `Lag` over those before, `Aggregate` over those of the record.

use super::{AggregateKind, Expr, LagKind, Typed};
use crate::read::{Element, Place};
use crate::resolve::{Build, ScopeId, Slot, Source};
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// Rows that a lag looks back at most.
const LAG_MAX: usize = 100_000;

/// A `<Lag>` as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct LagDocument {
    field: String,
    rows: usize,
    of: LagKind,
    blocks: Vec<String>,
}

/// An `<Aggregate>` as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct AggregateDocument {
    field: String,
    group: Option<String>,
    of: AggregateKind,
}

/// A resolved `<Lag>`.
#[derive(Debug)]
pub(crate) struct Lag {
    slot: Slot,
    rows: usize,
    of: LagKind,
    /// Rows count back to where one of these changes.
    blocks: Vec<Slot>,
}

/// A resolved `<Aggregate>`.
#[derive(Debug)]
pub(crate) struct Aggregate {
    over: Aggregated,
    dtype: DataType,
    /// The place in the dictionary of the field that tells which rows count.
    group: Option<usize>,
    of: AggregateKind,
}

/// What is aggregated.
#[derive(Debug)]
enum Aggregated {
    /// A field of the data by its place in the dictionary, and the slots whose treatments each value goes through, in order.
    Data(usize, Vec<Slot>),
    /// A derived field, made anew of each row.
    Derived(Slot),
}

pub(super) fn read_lag<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<LagDocument, Problem> {
    element.only(&b.xml, &["field", "n", "aggregate"])?;
    let of = match element.get("aggregate") {
        None | Some("none") => LagKind::Value,
        Some("sum") => LagKind::Sum,
        Some("avg") => LagKind::Average,
        Some("min") => LagKind::Min,
        Some("max") => LagKind::Max,
        Some("product") => LagKind::Product,
        Some("median") => LagKind::Median,
        Some("stddev") => LagKind::StdDev,
        Some(_) => return Err(element.value(&b.xml, "aggregate")),
    };
    let rows = element.count(&b.xml, "n")?.unwrap_or(1);
    if rows == 0 || rows > LAG_MAX {
        return Err(element.value(&b.xml, "n"));
    }
    let field = element.need(&b.xml, "field")?.to_owned();
    let mut blocks = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "BlockIndicator" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["field"])?;
        blocks.push(child.need(&b.xml, "field")?.to_owned());
        b.xml.leaf(&child)?;
    }
    Ok(LagDocument { field, rows, of, blocks })
}

pub(super) fn read_aggregate<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
) -> Result<AggregateDocument, Problem> {
    element.only(&b.xml, &["field", "function", "groupField"])?;
    let of = match element.need(&b.xml, "function")? {
        "count" => AggregateKind::Count,
        "sum" => AggregateKind::Sum,
        "average" => AggregateKind::Average,
        "min" => AggregateKind::Min,
        "max" => AggregateKind::Max,
        "multiset" => AggregateKind::Multiset,
        _ => return Err(element.value(&b.xml, "function")),
    };
    let field = element.need(&b.xml, "field")?.to_owned();
    b.xml.leaf(element)?;
    Ok(AggregateDocument { field, group: element.get("groupField").map(str::to_owned), of })
}

pub(super) fn resolve_lag<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    document: &LagDocument,
    place: Place,
) -> Result<Typed, Problem> {
    let slot = b.resolve(scope, &document.field, place)?;
    b.keep_rows(slot, document.rows);
    let mut blocks = Vec::with_capacity(document.blocks.len());
    for field in &document.blocks {
        let block = b.resolve(scope, field, place)?;
        b.keep_rows(block, document.rows);
        blocks.push(block);
    }
    let dtype = match document.of {
        LagKind::Value => b.slots[slot as usize].dtype,
        _ => DataType::Double,
    };
    let lag = Lag { slot, rows: document.rows, of: document.of, blocks };
    Ok(Typed { expr: Expr::Lag(Box::new(lag)), dtype })
}

pub(super) fn resolve_aggregate<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    document: &AggregateDocument,
    place: Place,
) -> Result<Typed, Problem> {
    let group = document.group.as_ref().map(|name| {
        let slot = b.resolve(scope, name, place)?;
        b.slots[slot as usize].field.ok_or_else(|| {
            b.xml.unsupported(place, format!("a groupField {name:?} that is no field of the data"))
        })
    });
    let group = group.transpose()?;
    if let Some(group) = group.filter(|_| b.group.is_none()) {
        b.group = Some(b.dictionary[group].name.clone());
    }
    let slot = b.resolve(scope, &document.field, place)?;
    let of_field = b.slots[slot as usize].dtype;
    let over = match b.slots[slot as usize].field {
        Some(field) => Aggregated::Data(field, treatments(b, slot)),
        None => Aggregated::Derived(slot),
    };
    let dtype = match document.of {
        AggregateKind::Multiset => DataType::String,
        AggregateKind::Count => DataType::Integer,
        _ => DataType::Double,
    };
    let aggregate = Aggregate { over, dtype: of_field, group, of: document.of };
    Ok(Typed { expr: Expr::Aggregate(Box::new(aggregate)), dtype })
}

/// The slots that treat a field of the data on its way to this one, the first one first.
fn treatments(b: &Build<'_>, slot: Slot) -> Vec<Slot> {
    let mut treated = Vec::new();
    let mut at = slot;
    while let Source::Treated { from, .. } = &b.slots[at as usize].source {
        treated.insert(0, at);
        at = *from;
    }
    treated
}

impl Lag {
    pub(super) fn evaluate(&self, cx: &mut Cx<'_>) -> Result<Value, Problem> {
        let mut reach = self.rows;
        for block in &self.blocks {
            let here = cx.get(*block)?;
            reach = reach.min(cx.earlier(*block).take(self.rows).take_while(|value| *value == here).count());
        }
        if self.of == LagKind::Value {
            let value = cx.earlier(self.slot).take(reach).nth(self.rows - 1);
            return Ok(value.unwrap_or(Value::Missing));
        }
        let values: Vec<f64> = cx.earlier(self.slot).take(reach).filter_map(Value::num).collect();
        Ok(over(values, self.of))
    }
}

fn over(values: Vec<f64>, of: LagKind) -> Value {
    if values.is_empty() {
        return Value::Missing;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    Value::Num(match of {
        LagKind::Value | LagKind::Average => mean,
        LagKind::Sum => values.iter().sum(),
        LagKind::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        LagKind::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        LagKind::Product => values.iter().product(),
        LagKind::Median => crate::functions::median(values),
        LagKind::StdDev if values.len() < 2 => return Value::Missing,
        LagKind::StdDev => {
            (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (count - 1.0)).sqrt()
        }
    })
}

impl Aggregate {
    /// The place in the dictionary of what is aggregated, where that is a field of the data.
    pub(crate) fn field(&self) -> Option<usize> {
        match self.over {
            Aggregated::Data(field, _) => Some(field),
            Aggregated::Derived(_) => None,
        }
    }

    /// Values over the rows of the record, as the model treats them; those alone whose group field equals this row's, where
    /// one is named.
    fn values(&self, cx: &mut Cx<'_>) -> Result<Vec<Value>, Problem> {
        let key = self.group.map(|group| (group, cx.w.input[group]));
        let counts = |row: &[Value]| key.is_none_or(|(group, here)| row[group] == here);
        let mut values = match &self.over {
            Aggregated::Derived(slot) => cx.over_record(*slot, counts)?,
            Aggregated::Data(field, treated) => {
                let own = [cx.w.input.clone()];
                let rows = if cx.w.group.is_empty() { &own[..] } else { &cx.w.group[..] };
                let treat = |row: &Vec<Value>| {
                    treated.iter().try_fold(row[*field], |value, slot| cx.treated(*slot, value))
                };
                rows.iter().filter(|row| counts(row)).map(treat).collect::<Result<Vec<_>, _>>()?
            }
        };
        values.retain(|value| !value.is_missing());
        Ok(values)
    }

    pub(super) fn evaluate(&self, cx: &mut Cx<'_>) -> Result<Value, Problem> {
        cx.w.starved |= !cx.w.loaded;
        let values = self.values(cx)?;
        let numbers = || values.iter().filter_map(|value| value.num()).collect();
        Ok(match self.of {
            AggregateKind::Count => Value::Num(values.len() as f64),
            AggregateKind::Multiset => {
                let texts: Vec<String> = values.iter().map(|value| cx.shown(*value, self.dtype)).collect();
                Value::Text(cx.symbol(&format!("[{}]", texts.join(", "))))
            }
            AggregateKind::Sum => over(numbers(), LagKind::Sum),
            AggregateKind::Min => over(numbers(), LagKind::Min),
            AggregateKind::Max => over(numbers(), LagKind::Max),
            AggregateKind::Average => over(numbers(), LagKind::Average),
        })
    }
}
