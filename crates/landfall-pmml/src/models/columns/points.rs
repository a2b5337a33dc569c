//! Points of scorecards: each characteristic asks one field, whose values fall into few cells.

use crate::blocks::{Block, Coding, Feature, Features, Loops, widest};
use crate::models::predicate::{Connective, Operator, Predicate};
use crate::resolve::{Build, Slot};
use crate::value::{Symbol, Value};
use std::collections::HashMap;

/// A scorecard over columns: the score, then by rank the symbols of reasons (not a number for none).
#[derive(Debug)]
pub(crate) struct Points {
    features: Vec<Feature>,
    initial: f64,
    parts: Vec<Part>,
    /// How many reasons are asked for.
    ranks: usize,
}

/// What one attribute gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'p> {
    pub(crate) predicate: &'p Predicate,
    pub(crate) points: f64,
    /// Its reason and how much speaks for it.
    pub(crate) reason: Option<(Symbol, f64)>,
}

/// One characteristic: its feature, and what each cell of it gives.
#[derive(Debug)]
struct Part {
    feature: usize,
    /// Numbers from a cut on are in the next cell; `None` where the feature's numbers are places of cells.
    cuts: Option<Vec<f64>>,
    /// The last one is that of missing values.
    cells: Vec<Cell>,
}

/// What rows of a cell get. Points that are not a number: no attribute fits.
#[derive(Clone, Copy, Debug)]
struct Cell {
    points: f64,
    /// Below all others where there is no reason.
    weight: f64,
    reason: f64,
}

const NOTHING: Cell = Cell { points: f64::NAN, weight: f64::NEG_INFINITY, reason: f64::NAN };

/// Rows that go through a characteristic's cuts together, in registers.
const ROWS: usize = 16;

impl Points {
    /// Of characteristics as lists of attributes; `None` where one asks more than one field, or asks what has no cells.
    pub(crate) fn new(
        b: &Build<'_>,
        initial: f64,
        characteristics: &[Vec<Attribute<'_>>],
        ranks: usize,
    ) -> Option<Points> {
        let slots: Vec<Slot> = characteristics.iter().map(|all| only_slot(all)).collect::<Option<_>>()?;
        let mut named: HashMap<Slot, Vec<Value>> = HashMap::new();
        for (slot, attributes) in slots.iter().zip(characteristics) {
            let values = named.entry(*slot).or_default();
            attributes.iter().for_each(|attribute| names(attribute.predicate, values));
        }
        let mut features = Features::default();
        let mut parts = Vec::with_capacity(slots.len());
        for (slot, attributes) in slots.iter().zip(characteristics) {
            let number = b.slots[*slot as usize].dtype.is_number();
            let feature = match number {
                true => features.number(*slot),
                false => features.category(*slot, &named[slot]),
            };
            features.list[feature].needed = false;
            let coding = &features.list[feature].coding;
            parts.push(Part::new(feature, coding, &named[slot], attributes)?);
        }
        Some(Points { features: features.list, initial, parts, ranks })
    }
}

impl Part {
    fn new(feature: usize, coding: &Coding, named: &[Value], attributes: &[Attribute<'_>]) -> Option<Part> {
        let of = |value: Value| cell(attributes, value);
        let missing = of(Value::Missing);
        if !coding.is_number() {
            let mut cells = vec![of(Value::Text(Symbol(u32::MAX))); named.len() + 1];
            for value in named {
                cells[coding.code(*value)? as usize] = of(*value);
            }
            cells.push(missing);
            return Some(Part { feature, cuts: None, cells });
        }
        let mut cuts = Vec::new();
        for attribute in attributes {
            add_cuts(attribute.predicate, &mut cuts)?;
        }
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let lows = std::iter::once(f64::NEG_INFINITY).chain(cuts.iter().copied());
        let cells = lows.map(|low| of(Value::Num(low))).chain([missing]).collect();
        Some(Part { feature, cuts: Some(cuts), cells })
    }
}

/// What the first attribute that fits a value gives.
fn cell(attributes: &[Attribute<'_>], value: Value) -> Cell {
    let fits = |attribute: &&Attribute<'_>| holds(attribute.predicate, value) == Some(true);
    let Some(found) = attributes.iter().find(fits) else { return NOTHING };
    match found.reason {
        Some((symbol, weight)) => Cell { points: found.points, weight, reason: f64::from(symbol.0) },
        None => Cell { points: found.points, ..NOTHING },
    }
}

/// The one slot that attributes ask about.
fn only_slot(attributes: &[Attribute<'_>]) -> Option<Slot> {
    let mut slots = Vec::new();
    for attribute in attributes {
        add_slots(attribute.predicate, &mut slots)?;
    }
    slots.dedup();
    match slots[..] {
        [slot] => Some(slot),
        _ => None,
    }
}

fn add_slots(predicate: &Predicate, slots: &mut Vec<Slot>) -> Option<()> {
    match predicate {
        Predicate::True | Predicate::False => {}
        Predicate::Missing { slot, .. }
        | Predicate::Equal { slot, .. }
        | Predicate::Order { slot, .. }
        | Predicate::Among { slot, .. } => slots.push(*slot),
        Predicate::Compound { operator: Connective::And | Connective::Or, parts } => {
            parts.iter().try_for_each(|part| add_slots(part, slots))?;
        }
        _ => return None,
    }
    Some(())
}

fn names(predicate: &Predicate, values: &mut Vec<Value>) {
    match predicate {
        Predicate::Equal { value, .. } => values.push(*value),
        Predicate::Among { values: all, .. } => values.extend_from_slice(all),
        Predicate::Compound { parts, .. } => parts.iter().for_each(|part| names(part, values)),
        _ => {}
    }
}

/// The numbers from which on a predicate says something else; `None` for what is asked of no number.
fn add_cuts(predicate: &Predicate, cuts: &mut Vec<f64>) -> Option<()> {
    let mut around = |value: &Value| {
        let number = value.num().filter(|number| !number.is_nan())?;
        cuts.extend([number, number.next_up()]);
        Some(())
    };
    match predicate {
        Predicate::Equal { value, .. } => around(value),
        Predicate::Among { values, .. } => values.iter().try_for_each(around),
        Predicate::Order { value, .. } if value.is_nan() => None,
        Predicate::Order { operator: Operator::Less | Operator::GreaterOrEqual, value, .. } => {
            cuts.push(*value);
            Some(())
        }
        Predicate::Order { value, .. } => {
            cuts.push(value.next_up());
            Some(())
        }
        Predicate::Compound { parts, .. } => parts.iter().try_for_each(|part| add_cuts(part, cuts)),
        _ => Some(()),
    }
}

/// Whether a predicate about one slot holds for its value.
fn holds(predicate: &Predicate, value: Value) -> Option<bool> {
    match predicate {
        Predicate::True => Some(true),
        Predicate::Missing { is, .. } => Some(value.is_missing() == *is),
        _ if value.is_missing() && !matches!(predicate, Predicate::False | Predicate::Compound { .. }) => {
            None
        }
        Predicate::Order { operator, value: limit, .. } => Some(operator.numbers(value.num()?, *limit)),
        Predicate::Equal { value: asked, is, .. } => Some((value == *asked) == *is),
        Predicate::Among { values, is, .. } => Some(values.contains(&value) == *is),
        Predicate::Compound { operator, parts } => {
            let decides = *operator == Connective::Or;
            let mut all = parts.iter().map(|part| holds(part, value));
            match all.clone().any(|part| part == Some(decides)) {
                true => Some(decides),
                false => all.all(|part| part.is_some()).then_some(!decides),
            }
        }
        _ => Some(false),
    }
}

impl Block for Points {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        1 + self.ranks
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Points {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.resize(self.ranks * ROWS, 0.0);
        let mut first = 0;
        while first + ROWS <= rows {
            self.answer::<ROWS>(columns, rows, first, values, scratch);
            first += ROWS;
        }
        for row in first..rows {
            self.answer::<1>(columns, rows, row, values, scratch);
        }
    }
}

impl Points {
    /// `N` rows from `first` on.
    #[inline(always)]
    fn answer<const N: usize>(
        &self,
        columns: &[f64],
        rows: usize,
        first: usize,
        values: &mut [f64],
        scratch: &mut [f64],
    ) {
        let mut sums = [self.initial; N];
        scratch.fill(f64::NEG_INFINITY);
        for rank in 1..=self.ranks {
            values[rank * rows + first..][..N].fill(f64::NAN);
        }
        for part in &self.parts {
            let mut x = [0.0; N];
            x.copy_from_slice(&columns[part.feature * rows + first..][..N]);
            let cells = part.cells_of(&x);
            let (mut weights, mut reasons) = ([0.0; N], [0.0; N]);
            for row in 0..N {
                let cell = &part.cells[cells[row]];
                sums[row] += cell.points;
                (weights[row], reasons[row]) = (cell.weight, cell.reason);
            }
            for rank in 0..self.ranks {
                let (kept, _) = scratch[rank * ROWS..].as_chunks_mut::<N>();
                let (named, _) = values[(1 + rank) * rows + first..].as_chunks_mut::<N>();
                exchange(&mut kept[0], &mut named[0], &mut weights, &mut reasons);
            }
        }
        values[first..][..N].copy_from_slice(&sums);
        // What worked the other way is no reason, unless everything did.
        for rank in 1..self.ranks {
            for row in 0..N {
                if scratch[row] >= 0.0 && scratch[rank * ROWS + row] < 0.0 {
                    values[(1 + rank) * rows + first + row] = f64::NAN;
                }
            }
        }
    }
}

/// The heavier reason stays, the other goes on to the next rank; of equal ones the first stays. By bits, so that no
/// branch comes of it.
#[inline(always)]
fn exchange<const N: usize>(
    weight: &mut [f64; N],
    reason: &mut [f64; N],
    weights: &mut [f64; N],
    reasons: &mut [f64; N],
) {
    let swap = |a: &mut f64, b: &mut f64, mask: u64| {
        let (x, y) = (a.to_bits(), b.to_bits());
        let changed = (x ^ y) & mask;
        (*a, *b) = (f64::from_bits(x ^ changed), f64::from_bits(y ^ changed));
    };
    for row in 0..N {
        let mask = u64::from(weights[row] > weight[row]).wrapping_neg();
        swap(&mut weight[row], &mut weights[row], mask);
        swap(&mut reason[row], &mut reasons[row], mask);
    }
}

impl Part {
    /// The cells of some rows.
    #[inline(always)]
    fn cells_of<const N: usize>(&self, x: &[f64; N]) -> [usize; N] {
        let mut cells = [0; N];
        let missing = self.cells.len() - 1;
        match &self.cuts {
            Some(cuts) => {
                for cut in cuts {
                    for row in 0..N {
                        cells[row] += usize::from(x[row] >= *cut);
                    }
                }
            }
            None => {
                for row in 0..N {
                    cells[row] = (x[row] as usize).min(missing);
                }
            }
        }
        for row in 0..N {
            cells[row] = if x[row].is_nan() { missing } else { cells[row] };
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(operator: Operator, value: f64) -> Predicate {
        Predicate::Order { slot: 0, operator, value }
    }

    #[test]
    fn cells_begin_where_a_predicate_changes_its_mind() {
        let below = order(Operator::Less, 1.0);
        let upto = order(Operator::LessOrEqual, 2.0);
        let absent = Predicate::Missing { slot: 0, is: true };
        let attribute = |predicate, points| Attribute { predicate, points, reason: None };
        let all = [attribute(&below, 10.0), attribute(&upto, 20.0), attribute(&absent, 5.0)];
        let part = Part::new(0, &Coding::Number, &[], &all).unwrap();
        let x = [0.5, 1.0, 2.0, 2.0f64.next_up(), f64::NAN, f64::NEG_INFINITY];
        let points = part.cells_of(&x).map(|cell| part.cells[cell].points);
        assert_eq!(points[..3], [10.0, 20.0, 20.0]);
        assert!(points[3].is_nan());
        assert_eq!(points[4..6], [5.0, 10.0]);
    }

    #[test]
    fn heavier_reasons_come_first_and_equal_ones_in_order() {
        let (mut weight, mut reason) = ([1.0; ROWS], [7.0; ROWS]);
        let (mut others, mut symbols) = ([1.0; ROWS], [8.0; ROWS]);
        others[1] = 2.0;
        exchange(&mut weight, &mut reason, &mut others, &mut symbols);
        assert_eq!((reason[0], symbols[0]), (7.0, 8.0));
        assert_eq!((reason[1], symbols[1], weight[1]), (8.0, 7.0, 2.0));
    }
}
