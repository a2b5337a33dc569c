//! Tables of counts, and what is seen beside them.

use crate::models::Header;
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::value::Value;
use landfall_model::Problem;

/// How often each combination of values is usual.
#[derive(Debug)]
pub(super) struct Counts {
    slots: Vec<Slot>,
    cells: Vec<(Vec<Value>, f64)>,
}

/// What is seen: by cell, and each other combination of values.
pub(super) struct Seen {
    cells: Vec<f64>,
    elsewhere: Vec<(Vec<Value>, f64)>,
}

/// What a product of two tables of counts is divided by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lengths {
    /// Nothing.
    Kept,
    /// The length of each: the cosine is left.
    EachOut,
    /// The mean of the squares of both lengths.
    MeanOut,
}

/// A value of a field, and what stands below it.
struct Level<'a> {
    element: Element<'a>,
    slot: Slot,
    value: Value,
}

impl Counts {
    /// Reads a table of counts; `field` is the model's own, which stands for one that is not named.
    pub(super) fn read<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        header: &Header,
        field: Slot,
    ) -> Result<Self, Problem> {
        element.only(&b.xml, &["sample"])?;
        let mut counts = Counts { slots: Vec::new(), cells: Vec::new() };
        let mut path: Vec<Level<'a>> = Vec::new();
        loop {
            let parent = path.last().map_or(element, |level| &level.element);
            let Some(child) = b.xml.child(parent)? else {
                match path.pop() {
                    Some(_) => continue,
                    None => break,
                }
            };
            let (known, counted): (&[&str], bool) = match child.name.as_ref() {
                "FieldValue" => (&["field", "value"], false),
                "FieldValueCount" => (&["field", "value", "count"], true),
                _ => return Err(b.xml.unknown(&child, parent)),
            };
            child.only(&b.xml, known)?;
            let slot = match child.get("field") {
                Some(name) => b.resolve(header.scope, name, child.place)?,
                None => field,
            };
            let value =
                b.constant(child.need(&b.xml, "value")?, b.slots[slot as usize].dtype, child.place)?;
            if !counted {
                path.push(Level { element: child, slot, value });
                continue;
            }
            let count = child.need_number(&b.xml, "count")?;
            b.xml.leaf(&child)?;
            let slots: Vec<Slot> = path.iter().map(|level| level.slot).chain([slot]).collect();
            if counts.cells.is_empty() {
                counts.slots.clone_from(&slots);
            }
            if slots != counts.slots {
                let what = "a <FieldValueCount> of other fields than the table's first one";
                return Err(b.xml.malformed(child.place, what));
            }
            if count < 0.0 {
                return Err(b.xml.malformed(child.place, format!("count=\"{count}\" is below zero")));
            }
            let values = path.iter().map(|level| level.value).chain([value]).collect();
            counts.cells.push((values, count));
        }
        if counts.cells.is_empty() {
            return Err(b.xml.malformed(element.place, format!("<{}> has no count", element.name)));
        }
        Ok(counts)
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Counts rows: `columns` are the values of each field, row by row.
    pub(super) fn seen(&self, columns: &[Vec<Value>], weights: &[f64]) -> Seen {
        let mut seen = Seen { cells: vec![0.0; self.cells.len()], elsewhere: Vec::new() };
        for (row, weight) in weights.iter().enumerate() {
            let is = |(values, _): &(Vec<Value>, f64)| {
                values.iter().zip(columns).all(|(value, column)| column.get(row) == Some(value))
            };
            match self.cells.iter().position(is) {
                Some(cell) => seen.cells[cell] += weight,
                None => {
                    let values = columns.iter().map(|column| column[row]).collect();
                    add(&mut seen.elsewhere, values, *weight);
                }
            }
        }
        seen
    }

    /// Σ (seen - expected)² / expected, where as many are expected as were seen; `None` where what is never expected
    /// was seen, or nothing was.
    pub(super) fn chi_square(&self, seen: &Seen) -> Option<f64> {
        let elsewhere: f64 = seen.elsewhere.iter().map(|(_, count)| count).sum();
        let total: f64 = seen.cells.iter().sum::<f64>() + elsewhere;
        let usual: f64 = self.cells.iter().map(|(_, count)| count).sum();
        if total <= 0.0 || usual <= 0.0 || elsewhere > 0.0 {
            return None;
        }
        let mut sum = 0.0;
        for ((_, count), found) in self.cells.iter().zip(&seen.cells) {
            let expected = count * total / usual;
            match expected {
                0.0 if *found > 0.0 => return None,
                0.0 => {}
                expected => sum += (found - expected) * (found - expected) / expected,
            }
        }
        Some(sum)
    }

    /// The product of the counts, by the lengths of both where those are taken out of it.
    pub(super) fn product(&self, seen: &Seen, lengths: Lengths) -> Option<f64> {
        let pairs = || self.cells.iter().map(|(_, count)| *count).zip(seen.cells.iter().copied());
        let dot: f64 = pairs().map(|(a, b)| a * b).sum();
        let (usual, found): (f64, f64) = pairs().fold((0.0, 0.0), |(x, y), (a, b)| (x + a * a, y + b * b));
        let found = found + seen.elsewhere.iter().map(|(_, count)| count * count).sum::<f64>();
        let by = match lengths {
            _ if usual <= 0.0 || found <= 0.0 => return None,
            Lengths::Kept => 1.0,
            Lengths::EachOut => usual.sqrt() * found.sqrt(),
            Lengths::MeanOut => (usual + found) / 2.0,
        };
        Some(dot / by)
    }

    /// Pearson's statistic of the table itself: whether its fields depend on each other.
    pub(super) fn independence(&self) -> Option<f64> {
        let column = |at: usize| self.cells.iter().map(|(values, _)| values[at]).collect();
        let columns: Vec<Vec<Value>> = (0..self.slots.len()).map(column).collect();
        let counts: Vec<f64> = self.cells.iter().map(|(_, count)| *count).collect();
        independence(&columns, &counts)
    }
}

/// Pearson's statistic of the fields' table of counts: Σ (seen - expected)² / expected, expected being what their shares alone
/// would make of all. `columns` are the values of each field, row by row; rows that lack one do not count.
pub(super) fn independence(columns: &[Vec<Value>], weights: &[f64]) -> Option<f64> {
    let mut shares: Vec<Vec<(Value, f64)>> = vec![Vec::new(); columns.len()];
    let mut cells: Vec<(Vec<usize>, f64)> = Vec::new();
    let mut total = 0.0;
    for (row, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        if columns.iter().any(|column| column[row].is_missing()) {
            continue;
        }
        let places =
            columns.iter().zip(&mut shares).map(|(column, shares)| add(shares, column[row], *weight));
        add(&mut cells, places.collect(), *weight);
        total += weight;
    }
    if total <= 0.0 {
        return None;
    }
    let expected = |places: &[usize]| {
        shares.iter().zip(places).map(|(shares, place)| shares[*place].1 / total).product::<f64>() * total
    };
    let (mut sum, mut reached) = (0.0, 0.0);
    for (places, found) in &cells {
        let expected = expected(places);
        sum += (found - expected) * (found - expected) / expected;
        reached += expected;
    }
    // Each combination that was not seen adds what was expected of it.
    let combinations: f64 = shares.iter().map(|shares| shares.len() as f64).product();
    let unseen = if combinations > cells.len() as f64 { (total - reached).max(0.0) } else { 0.0 };
    Some(sum + unseen)
}

/// Adds a weight to the entry with this key, and says where it stands.
fn add<K: PartialEq>(entries: &mut Vec<(K, f64)>, key: K, weight: f64) -> usize {
    match entries.iter().position(|(other, _)| *other == key) {
        Some(at) => {
            entries[at].1 += weight;
            at
        }
        None => {
            entries.push((key, weight));
            entries.len() - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(cells: &[f64]) -> Counts {
        let cells = cells.iter().enumerate().map(|(at, count)| (vec![Value::Num(at as f64)], *count));
        Counts { slots: vec![0], cells: cells.collect() }
    }

    #[test]
    fn statistics_by_hand() {
        let usual = counts(&[10.0, 30.0]);
        let column = vec![vec![Value::Num(0.0), Value::Num(1.0), Value::Num(0.0), Value::Num(1.0)]];
        let seen = usual.seen(&column, &[1.0; 4]);
        // Expected 1 and 3, seen 2 and 2.
        assert_eq!(usual.chi_square(&seen), Some(1.0 + 1.0 / 3.0));
        let cosine = usual.product(&seen, Lengths::EachOut).unwrap();
        assert!((cosine - 80.0 / (1000f64.sqrt() * 8f64.sqrt())).abs() < 1e-15);
        assert_eq!(usual.product(&seen, Lengths::Kept), Some(80.0));
        assert_eq!(usual.product(&seen, Lengths::MeanOut), Some(160.0 / 1008.0));
        let number = |n: u8| Value::Num(f64::from(n));
        let column = |numbers: [u8; 4]| numbers.map(number).to_vec();
        let (a, b) = (column([0, 0, 1, 1]), column([0, 1, 0, 1]));
        assert_eq!(independence(&[a.clone(), a.clone()], &[1.0; 4]), Some(4.0));
        assert_eq!(independence(&[a.clone(), b.clone()], &[1.0; 4]), Some(0.0));
        // Half of eight combinations seen once each, where a half of each is expected.
        assert_eq!(independence(&[a, b, column([0, 1, 1, 0])], &[1.0; 4]), Some(4.0));
    }
}
