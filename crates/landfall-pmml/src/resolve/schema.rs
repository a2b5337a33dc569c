//! `<MiningSchema>`: which fields a model takes, and what becomes of missing, invalid and outlying values.

use super::{Build, DataField, OpType, ScopeId, Slot, SlotDef, Source};
use crate::read::{Element, Place};
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::sync::Arc;

/// What a model does with a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Usage {
    Active,
    Target,
    Supplementary,
    Group,
    Order,
    Weight,
}

impl Usage {
    /// Whether the model takes the field from the data.
    pub(crate) fn is_input(self) -> bool {
        self != Usage::Target
    }
}

/// What becomes of an invalid value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum InvalidRule {
    /// The row fails.
    Fail,
    AsIs,
    AsMissing,
    Replace(Value),
    /// Not looked at: the enclosing model has decided.
    Trust,
}

/// What becomes of a missing value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum MissingRule {
    Keep,
    Replace(Value),
    /// The row fails. What an invalid or an outlying value becomes that is to be treated as missing stands beside.
    Fail {
        instead: Value,
    },
}

/// What becomes of values beyond the limits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Outliers {
    AsIs,
    Missing { low: f64, high: f64 },
    Clamp { low: f64, high: f64 },
}

/// What a model does to the values of one field before it uses them.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    pub(crate) field: Option<Arc<DataField>>,
    pub(crate) invalid: InvalidRule,
    pub(crate) missing: MissingRule,
    pub(crate) outliers: Outliers,
}

/// One field of a model's schema.
#[derive(Clone, Debug)]
pub(crate) struct MiningField {
    pub(crate) name: String,
    pub(crate) usage: Usage,
    /// `None` for a target that the data does not have.
    pub(crate) slot: Option<Slot>,
}

/// A model's schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) fields: Vec<MiningField>,
}

impl Schema {
    /// The target fields, in order.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &MiningField> {
        self.fields.iter().filter(|field| field.usage == Usage::Target)
    }
}

/// Reads `<MiningSchema>`; the fields become names of `scope`.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<Schema, Problem> {
    element.only(&b.xml, &[])?;
    let mut schema = Schema::default();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "MiningField" => schema.fields.push(field(b, &child, scope)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(schema)
}

fn field<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<MiningField, Problem> {
    element.only(
        &b.xml,
        &[
            "name",
            "usageType",
            "optype",
            "importance",
            "outliers",
            "lowValue",
            "highValue",
            "missingValueReplacement",
            "missingValueTreatment",
            "invalidValueTreatment",
            "invalidValueReplacement",
            "x-invalidValueReplacement",
        ],
    )?;
    let usage = match element.get("usageType") {
        None | Some("active") => Usage::Active,
        Some("target" | "predicted") => Usage::Target,
        Some("supplementary") => Usage::Supplementary,
        Some("group") => Usage::Group,
        Some("order") => Usage::Order,
        Some("frequencyWeight" | "analysisWeight") => Usage::Weight,
        Some(_) => return Err(element.value(&b.xml, "usageType")),
    };
    let name = element.need(&b.xml, "name")?.to_owned();
    let outer = b.parent(scope).map(|parent| b.try_resolve(parent, &name)).transpose()?.flatten();
    let slot = match outer {
        Some(from) => Some(treated(b, element, &name, from, scope)?),
        None if usage == Usage::Target => None,
        None => return Err(b.undeclared(&name, element.place)),
    };
    if usage != Usage::Target
        && let Some(slot) = slot
    {
        b.declare(scope, &name, slot, element.place)?;
    }
    b.xml.leaf(element)?;
    Ok(MiningField { name, usage, slot })
}

/// The attribute that says what replaces an invalid value: in versions before 4.4 a writer's own one, beside `asIs`.
fn replacing(element: &Element<'_>) -> &'static str {
    const EARLIER: &str = "x-invalidValueReplacement";
    if element.get(EARLIER).is_some() { EARLIER } else { "invalidValueReplacement" }
}

/// The slot of a field within the model: the outer one, where the model does nothing to it.
fn treated<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    name: &str,
    from: Slot,
    scope: ScopeId,
) -> Result<Slot, Problem> {
    let mut def = SlotDef { source: Source::Set, ..b.slots[from as usize].clone_head() };
    if let Some(optype) = OpType::of(&b.xml, element)? {
        def.optype = optype;
    }
    let outermost = matches!(b.slots[from as usize].source, Source::Input(_));
    let constant = |b: &mut Build<'a>, attribute: &str| -> Result<Option<Value>, Problem> {
        let Some(text) = element.get(attribute) else { return Ok(None) };
        match def.dtype.parse(text, |text| b.symbols.intern(text)) {
            Some(value) => Ok(Some(value)),
            None => match crate::value::number(text) {
                // A mean of an integer field.
                Some(number) if def.dtype.is_number() => Ok(Some(Value::Num(number))),
                _ => Err(b.xml.malformed(
                    element.place,
                    format!("{attribute}={text:?} is not of the type of field {name:?}"),
                )),
            },
        }
    };
    let replacement = constant(b, "missingValueReplacement")?;
    let missing = match (element.get("missingValueTreatment"), replacement) {
        (Some("returnInvalid" | "x-returnInvalid"), replacement) => {
            MissingRule::Fail { instead: replacement.unwrap_or(Value::Missing) }
        }
        (None | Some("asIs" | "asMean" | "asMode" | "asMedian" | "asValue"), Some(value)) => {
            MissingRule::Replace(value)
        }
        (None | Some("asIs" | "asMean" | "asMode" | "asMedian" | "asValue"), None) => MissingRule::Keep,
        _ => return Err(element.value(&b.xml, "missingValueTreatment")),
    };
    let invalid = match element.get("invalidValueTreatment") {
        // The outer model has made its values valid, or has decided to take them.
        None | Some("returnInvalid") if !outermost => InvalidRule::Trust,
        None | Some("returnInvalid") => InvalidRule::Fail,
        Some("asMissing") => InvalidRule::AsMissing,
        Some(rule @ ("asIs" | "asValue")) => match constant(b, replacing(element))? {
            Some(value) => InvalidRule::Replace(value),
            None if rule == "asIs" => InvalidRule::AsIs,
            None => {
                let what = format!(
                    "invalidValueTreatment=\"asValue\" of field {name:?} lacks invalidValueReplacement"
                );
                return Err(b.xml.malformed(element.place, what));
            }
        },
        Some(_) => return Err(element.value(&b.xml, "invalidValueTreatment")),
    };
    let outliers = outliers(b, element, def.dtype)?;
    let trusted = !outermost && matches!(invalid, InvalidRule::Trust | InvalidRule::AsIs);
    if trusted && missing == MissingRule::Keep && outliers == Outliers::AsIs && b.parent(scope).is_some() {
        return Ok(from);
    }
    let field = def.field.map(|field| b.dictionary[field].clone());
    let treatment = Treatment { field, invalid, missing, outliers };
    def.source = Source::Treated { from, treatment: Box::new(treatment) };
    let slot = b.slot(def);
    if let Some(order) = b.values_in_order(from).map(<[Value]>::to_vec) {
        b.order_values(slot, order);
    }
    Ok(slot)
}

fn outliers<'a>(b: &Build<'a>, element: &Element<'a>, dtype: DataType) -> Result<Outliers, Problem> {
    let limit = |name: &str, without: f64| Ok(element.number(&b.xml, name)?.unwrap_or(without));
    let (low, high) = (limit("lowValue", f64::NEG_INFINITY)?, limit("highValue", f64::INFINITY)?);
    match element.get("outliers") {
        None | Some("asIs") => Ok(Outliers::AsIs),
        _ if low.is_nan() || high.is_nan() || low > high => {
            Err(b.xml.malformed(element.place, "lowValue is greater than highValue"))
        }
        Some("asMissingValues") => Ok(Outliers::Missing { low, high }),
        Some("asExtremeValues") => Ok(Outliers::Clamp { low: dtype.rounded(low), high: dtype.rounded(high) }),
        Some(_) => Err(element.value(&b.xml, "outliers")),
    }
}

impl Treatment {
    /// The value that the model uses, and whether it is used though invalid; `None` when the row fails.
    pub(crate) fn apply(&self, value: Value) -> Option<(Value, bool)> {
        if value.is_missing() {
            return self.missing_value();
        }
        let valid = self.field.as_ref().map_or(value != Value::Invalid, |field| field.takes(value));
        if !valid {
            return match self.invalid {
                InvalidRule::Fail => None,
                InvalidRule::AsMissing => self.taken_for_missing(),
                InvalidRule::Replace(value) => Some((value, false)),
                // What cannot be made a value of the type cannot be used as it is.
                InvalidRule::AsIs | InvalidRule::Trust if value == Value::Invalid => None,
                // As it is: no limit moves it.
                InvalidRule::AsIs => Some((value, true)),
                InvalidRule::Trust => self.within_limits(value),
            };
        }
        self.within_limits(value)
    }

    fn within_limits(&self, value: Value) -> Option<(Value, bool)> {
        match self.clamped(value)? {
            Value::Missing => self.taken_for_missing(),
            value => Some((value, false)),
        }
    }

    /// What becomes of a value that is there and treated as missing: the replacement is followed, and not what becomes of
    /// rows that lack the value.
    fn taken_for_missing(&self) -> Option<(Value, bool)> {
        match self.missing {
            MissingRule::Fail { instead } => Some((instead, false)),
            _ => self.missing_value(),
        }
    }

    /// What becomes of a missing value (not a number, or what it was replaced by), where numbers stay what they are,
    /// whichever they are.
    pub(crate) fn of_any_number(&self, missing: f64) -> Option<f64> {
        let takes_all = self.field.as_ref().is_none_or(|field| field.takes_all_numbers());
        match self.missing {
            _ if !takes_all || self.outliers != Outliers::AsIs => None,
            _ if !missing.is_nan() => Some(missing),
            MissingRule::Keep => Some(missing),
            MissingRule::Replace(Value::Num(number)) => Some(number),
            MissingRule::Replace(_) | MissingRule::Fail { .. } => None,
        }
    }

    fn missing_value(&self) -> Option<(Value, bool)> {
        match self.missing {
            MissingRule::Keep => Some((Value::Missing, false)),
            MissingRule::Replace(value) => Some((value, false)),
            MissingRule::Fail { .. } => None,
        }
    }

    fn clamped(&self, value: Value) -> Option<Value> {
        let Value::Num(number) = value else { return Some(value) };
        Some(match self.outliers {
            Outliers::AsIs => value,
            Outliers::Missing { low, high } if number < low || number > high => Value::Missing,
            Outliers::Missing { .. } => value,
            Outliers::Clamp { low, high } => Value::Num(number.clamp(low, high)),
        })
    }
}

impl Build<'_> {
    /// What becomes of a value that a document gives one of a model's fields, as of one that the data gives; invalid where the
    /// row would fail.
    pub(crate) fn as_input(&self, slot: Slot, value: Value) -> Value {
        let def = &self.slots[slot as usize];
        match &def.source {
            Source::Treated { from, treatment } => {
                treatment.apply(self.as_input(*from, value)).map_or(Value::Invalid, |(value, _)| value)
            }
            Source::Input(_)
                if def.field.is_some_and(|field| self.dictionary[field].missing.contains(&value)) =>
            {
                Value::Missing
            }
            _ => value,
        }
    }

    /// The problem of a name that nothing declares.
    #[cold]
    pub(crate) fn undeclared(&self, name: &str, place: Place) -> Problem {
        self.xml.malformed(place, format!("field {name:?} is not declared"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_comes_after_outliers_and_invalid() {
        let treatment = Treatment {
            field: None,
            invalid: InvalidRule::AsMissing,
            missing: MissingRule::Replace(Value::Num(7.0)),
            outliers: Outliers::Missing { low: 0.0, high: 1.0 },
        };
        assert_eq!(treatment.apply(Value::Num(0.5)), Some((Value::Num(0.5), false)));
        assert_eq!(treatment.apply(Value::Num(2.0)), Some((Value::Num(7.0), false)));
        assert_eq!(treatment.apply(Value::Invalid), Some((Value::Num(7.0), false)));
        assert_eq!(treatment.apply(Value::Missing), Some((Value::Num(7.0), false)));
        // Only a row that lacks the value fails.
        let missing = MissingRule::Fail { instead: Value::Num(8.0) };
        let treatment = Treatment { missing, ..treatment };
        assert_eq!(treatment.apply(Value::Num(2.0)), Some((Value::Num(8.0), false)));
        assert_eq!(treatment.apply(Value::Invalid), Some((Value::Num(8.0), false)));
        assert_eq!(treatment.apply(Value::Missing), None);
    }
}
