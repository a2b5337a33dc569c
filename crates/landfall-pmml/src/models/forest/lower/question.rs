//! What a forest can ask: a predicate about one slot.

use crate::blocks::Coding;
use crate::models::predicate::{Connective, Operator, Predicate};
use crate::resolve::Slot;
use crate::value::Value;
use landfall_forest::{Real, Test};

/// A predicate that a forest can ask.
pub(super) struct Question<'p> {
    pub(super) slot: Slot,
    pub(super) test: Ask<'p>,
    /// Whether the predicate holds where the question is answered yes.
    pub(super) positive: bool,
    /// Whether it holds where the value is missing; `None` where that is unknown.
    pub(super) missing: Option<bool>,
}

#[derive(Clone, Copy)]
pub(super) enum Ask<'p> {
    Order(Operator, f64),
    Equal(Value),
    Among(&'p [Value]),
    /// Nothing but whether it is missing.
    Missing,
}

impl<'p> Question<'p> {
    /// `Some(None)` for what is always true or always false, `None` for what a forest cannot ask.
    pub(super) fn of(predicate: &'p Predicate) -> Option<Option<Question<'p>>> {
        let asks = |slot: Slot, test, positive| Question { slot, test, positive, missing: None };
        Some(Some(match predicate {
            Predicate::True | Predicate::False => return Some(None),
            Predicate::Missing { slot, is } => {
                Question { slot: *slot, test: Ask::Missing, positive: !is, missing: Some(*is) }
            }
            Predicate::Order { slot, operator, value } if value.is_finite() => {
                asks(*slot, Ask::Order(*operator, *value), true)
            }
            // All numbers are at most infinite: only whether there is one is asked.
            Predicate::Order { slot, operator: Operator::LessOrEqual, value: f64::INFINITY } => {
                asks(*slot, Ask::Missing, true)
            }
            Predicate::Equal { slot, value, is } => asks(*slot, Ask::Equal(*value), *is),
            Predicate::Among { slot, values, is } => asks(*slot, Ask::Among(values), *is),
            Predicate::Compound { operator, parts } => return Question::of_pair(*operator, parts).map(Some),
            _ => return None,
        }))
    }

    /// A question with its own word on missing values: missing or …, not missing and ….
    fn of_pair(operator: Connective, parts: &'p [Predicate]) -> Option<Question<'p>> {
        let [Predicate::Missing { slot, is }, second] = parts else { return None };
        let holds = match (operator, is) {
            (Connective::Or, true) => true,
            (Connective::And, false) => false,
            _ => return None,
        };
        let question = Question::of(second)??;
        let plain = question.slot == *slot && question.missing.is_none();
        plain.then_some(Question { missing: Some(holds), ..question })
    }
}

impl Question<'_> {
    /// The test that it is, and whether its yes is the test's.
    pub(super) fn asked<X: Real>(&self, coding: &Coding) -> Option<(Test<X>, bool)> {
        let category = |value: Value| coding.code(value);
        Some(match self.test {
            Ask::Order(Operator::Less, value) => (Test::Less(at_least::<X>(value)), true),
            Ask::Order(Operator::GreaterOrEqual, value) => (Test::Less(at_least::<X>(value)), false),
            Ask::Order(Operator::LessOrEqual, value) => (Test::Less(above::<X>(value)?), true),
            Ask::Order(Operator::Greater, value) => (Test::Less(above::<X>(value)?), false),
            Ask::Equal(value) => (Test::Equal(X::of(f64::from(category(value)?))), true),
            Ask::Among(values) => {
                (Test::Among(values.iter().filter_map(|value| category(*value)).collect()), true)
            }
            // No number is less than the lowest: present values all go right.
            Ask::Missing => (Test::Less(X::of(f64::NEG_INFINITY)), false),
        })
    }

    /// Whether it holds wherever the other, of the same slot, does not, values that are missing left out.
    pub(super) fn is_complement_of(&self, other: &Question<'_>) -> bool {
        match (self.test, other.test) {
            (Ask::Order(a, x), Ask::Order(b, y)) => {
                x == y && self.positive == other.positive && a == b.complement()
            }
            (Ask::Equal(a), Ask::Equal(b)) => a == b && self.positive != other.positive,
            (Ask::Among(a), Ask::Among(b)) => a == b && self.positive != other.positive,
            _ => false,
        }
    }
}

/// The least number of a type that is not below a number: x < value just where x < it.
fn at_least<X: Real>(value: f64) -> X {
    let near = X::of(value);
    if near.wide() >= value { near } else { next(near) }
}

/// The least number of a type above a number: x <= value just where x < it.
fn above<X: Real>(value: f64) -> Option<X> {
    let near = X::of(value);
    let above = if near.wide() > value { near } else { next(near) };
    above.wide().is_finite().then_some(above)
}

/// The next number of a type.
fn next<X: Real>(number: X) -> X {
    match size_of::<X>() {
        4 => X::of(f64::from((number.wide() as f32).next_up())),
        _ => X::of(number.wide().next_up()),
    }
}
