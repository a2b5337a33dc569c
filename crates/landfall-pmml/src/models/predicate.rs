//! Predicates: true, false, or unknown where a value is missing.

use crate::read::{Element, array};
use crate::resolve::{Build, OpType, ScopeId, Slot};
use crate::run::Cx;
use crate::value::Value;
use landfall_model::Problem;
use std::cmp::Ordering;
use std::sync::Arc;

/// A resolved predicate.
#[derive(Debug)]
pub(crate) enum Predicate {
    True,
    False,
    Missing {
        slot: Slot,
        is: bool,
    },
    Equal {
        slot: Slot,
        value: Value,
        is: bool,
    },
    Order {
        slot: Slot,
        operator: Operator,
        value: f64,
    },
    /// Values of an ordinal field, or text, by their order.
    Rank {
        slot: Slot,
        operator: Operator,
        rank: usize,
        order: Arc<Vec<Value>>,
    },
    Text {
        slot: Slot,
        operator: Operator,
        value: Arc<str>,
    },
    Among {
        slot: Slot,
        values: Vec<Value>,
        is: bool,
    },
    Compound {
        operator: Connective,
        parts: Vec<Predicate>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Connective {
    And,
    Or,
    Xor,
    Surrogate,
}

impl Operator {
    #[inline]
    pub(crate) fn numbers(self, x: f64, y: f64) -> bool {
        match self {
            Operator::Less => x < y,
            Operator::LessOrEqual => x <= y,
            Operator::Greater => x > y,
            Operator::GreaterOrEqual => x >= y,
        }
    }

    /// What holds where this does not.
    pub(crate) fn complement(self) -> Operator {
        match self {
            Operator::Less => Operator::GreaterOrEqual,
            Operator::LessOrEqual => Operator::Greater,
            Operator::Greater => Operator::LessOrEqual,
            Operator::GreaterOrEqual => Operator::Less,
        }
    }

    pub(crate) fn order(self, order: Ordering) -> bool {
        match self {
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

/// Reads a predicate; `None` when the element is none, and then nothing of it has been read.
pub(crate) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    scope: ScopeId,
) -> Result<Option<Predicate>, Problem> {
    Ok(Some(match element.name.as_ref() {
        "True" | "False" => {
            element.only(&b.xml, &[])?;
            b.xml.leaf(element)?;
            if element.name == "True" { Predicate::True } else { Predicate::False }
        }
        "SimplePredicate" => simple(b, element, scope)?,
        "SimpleSetPredicate" => set(b, element, scope)?,
        "CompoundPredicate" => {
            element.only(&b.xml, &["booleanOperator"])?;
            let operator = match element.need(&b.xml, "booleanOperator")? {
                "and" => Connective::And,
                "or" => Connective::Or,
                "xor" => Connective::Xor,
                "surrogate" => Connective::Surrogate,
                _ => return Err(element.value(&b.xml, "booleanOperator")),
            };
            let mut parts = Vec::new();
            while let Some(child) = b.xml.child(element)? {
                match read(b, &child, scope)? {
                    Some(part) => parts.push(part),
                    None => return Err(b.xml.unknown(&child, element)),
                }
            }
            Predicate::Compound { operator, parts }
        }
        _ => return Ok(None),
    }))
}

fn simple<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<Predicate, Problem> {
    element.only(&b.xml, &["field", "operator", "value"])?;
    let slot = b.resolve(scope, element.need(&b.xml, "field")?, element.place)?;
    let operator = match element.need(&b.xml, "operator")? {
        "isMissing" | "isNotMissing" => {
            let is = element.get("operator") == Some("isMissing");
            b.xml.leaf(element)?;
            return Ok(Predicate::Missing { slot, is });
        }
        "equal" => None,
        "notEqual" => None,
        "lessThan" => Some(Operator::Less),
        "lessOrEqual" => Some(Operator::LessOrEqual),
        "greaterThan" => Some(Operator::Greater),
        "greaterOrEqual" => Some(Operator::GreaterOrEqual),
        _ => return Err(element.value(&b.xml, "operator")),
    };
    let (dtype, optype) = (b.slots[slot as usize].dtype, b.slots[slot as usize].optype);
    let value = b.constant(element.need(&b.xml, "value")?, dtype, element.place)?;
    b.xml.leaf(element)?;
    let Some(operator) = operator else {
        return Ok(Predicate::Equal { slot, value, is: element.get("operator") == Some("equal") });
    };
    let ordered = b.values_in_order(slot).filter(|_| optype == OpType::Ordinal).map(<[Value]>::to_vec);
    let rising = |order: &[Value]| order.windows(2).all(|pair| pair[0].num() < pair[1].num());
    match (ordered, value) {
        // Numbers that the field names from the least to the greatest are in their own order.
        (Some(order), _) if !(dtype.is_number() && rising(&order)) => {
            let rank = order.iter().position(|other| *other == value);
            let Some(rank) = rank else { return Err(element.value(&b.xml, "value")) };
            Ok(Predicate::Rank { slot, operator, rank, order: Arc::new(order) })
        }
        (_, Value::Text(symbol)) => {
            let value = b.symbols.text(symbol).cloned().unwrap_or_default();
            Ok(Predicate::Text { slot, operator, value })
        }
        (_, value) => match value.num() {
            Some(value) => Ok(Predicate::Order { slot, operator, value }),
            None => Err(element.value(&b.xml, "value")),
        },
    }
}

fn set<'a>(b: &mut Build<'a>, element: &Element<'a>, scope: ScopeId) -> Result<Predicate, Problem> {
    element.only(&b.xml, &["field", "booleanOperator"])?;
    let slot = b.resolve(scope, element.need(&b.xml, "field")?, element.place)?;
    let is = match element.need(&b.xml, "booleanOperator")? {
        "isIn" => true,
        "isNotIn" => false,
        _ => return Err(element.value(&b.xml, "booleanOperator")),
    };
    let dtype = b.slots[slot as usize].dtype;
    let mut values = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Array" {
            return Err(b.xml.unknown(&child, element));
        }
        for text in array::texts(&mut b.xml, &child)? {
            values.push(b.constant(&text, dtype, child.place)?);
        }
    }
    Ok(Predicate::Among { slot, values, is })
}

impl Predicate {
    /// Whether it holds; `None` when that is unknown.
    pub(crate) fn holds(&self, cx: &mut Cx<'_>) -> Result<Option<bool>, Problem> {
        Ok(match self {
            Predicate::True => Some(true),
            Predicate::False => Some(false),
            Predicate::Missing { slot, is } => Some(cx.get(*slot)?.is_missing() == *is),
            Predicate::Order { slot, operator, value } => {
                cx.number(*slot)?.map(|number| operator.numbers(number, *value))
            }
            Predicate::Equal { slot, value, is } => {
                known(cx.get(*slot)?).map(|found| (found == *value) == *is)
            }
            Predicate::Among { slot, values, is } => {
                known(cx.get(*slot)?).map(|found| values.contains(&found) == *is)
            }
            Predicate::Rank { slot, operator, rank, order } => known(cx.get(*slot)?).and_then(|found| {
                let found = order.iter().position(|other| *other == found)?;
                Some(operator.order(found.cmp(rank)))
            }),
            Predicate::Text { slot, operator, value } => match cx.get(*slot)? {
                Value::Text(symbol) => Some(operator.order(cx.text(symbol).as_ref().cmp(value))),
                _ => None,
            },
            Predicate::Compound { operator, parts } => compound(*operator, parts, cx)?,
        })
    }
}

impl Predicate {
    /// Whether a surrogate decided, because what stands before it is unknown.
    pub(crate) fn used_surrogate(&self, cx: &mut Cx<'_>) -> Result<bool, Problem> {
        match self {
            Predicate::Compound { operator: Connective::Surrogate, parts } => match parts.first() {
                Some(first) => Ok(first.holds(cx)?.is_none()),
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }
}

fn known(value: Value) -> Option<Value> {
    (!value.is_missing()).then_some(value)
}

fn compound(operator: Connective, parts: &[Predicate], cx: &mut Cx<'_>) -> Result<Option<bool>, Problem> {
    let mut unknown = false;
    let mut odd = false;
    for part in parts {
        match (operator, part.holds(cx)?) {
            (Connective::Surrogate, Some(holds)) => return Ok(Some(holds)),
            (Connective::And, Some(false)) => return Ok(Some(false)),
            (Connective::Or, Some(true)) => return Ok(Some(true)),
            (Connective::Xor, None) => return Ok(None),
            (Connective::Xor, Some(holds)) => odd ^= holds,
            (_, None) => unknown = true,
            _ => {}
        }
    }
    Ok(match operator {
        _ if unknown => None,
        Connective::And => Some(true),
        Connective::Or => Some(false),
        Connective::Xor => Some(odd),
        Connective::Surrogate => None,
    })
}
