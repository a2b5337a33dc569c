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

/// What is seen: by cell, and beside all of them.
pub(super) struct Seen {
    cells: Vec<f64>,
    elsewhere: f64,
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
            if slots != counts.slots || count < 0.0 {
                return Err(b
                    .xml
                    .malformed(child.place, "a count of other fields than the first, or below zero"));
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
        let mut seen = Seen { cells: vec![0.0; self.cells.len()], elsewhere: 0.0 };
        for (row, weight) in weights.iter().enumerate() {
            let is = |(values, _): &(Vec<Value>, f64)| {
                values.iter().zip(columns).all(|(value, column)| column.get(row) == Some(value))
            };
            match self.cells.iter().position(is) {
                Some(cell) => seen.cells[cell] += weight,
                None => seen.elsewhere += weight,
            }
        }
        seen
    }

    /// Σ (seen - expected)² / expected, where as many are expected as were seen; `None` where what is never expected
    /// was seen, or nothing was.
    pub(super) fn chi_square(&self, seen: &Seen) -> Option<f64> {
        let total: f64 = seen.cells.iter().sum::<f64>() + seen.elsewhere;
        let usual: f64 = self.cells.iter().map(|(_, count)| count).sum();
        if total <= 0.0 || usual <= 0.0 || seen.elsewhere > 0.0 {
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

    /// The cosine of the angle between the counts.
    pub(super) fn cosine(&self, seen: &Seen) -> Option<f64> {
        let pairs = || self.cells.iter().map(|(_, count)| *count).zip(seen.cells.iter().copied());
        let dot: f64 = pairs().map(|(a, b)| a * b).sum();
        let (usual, found): (f64, f64) = pairs().fold((0.0, 0.0), |(x, y), (a, b)| (x + a * a, y + b * b));
        let lengths = (usual * (found + seen.elsewhere * seen.elsewhere)).sqrt();
        (lengths > 0.0).then(|| dot / lengths)
    }
}

/// Pearson's statistic of two fields' table of counts.
pub(super) fn independence(a: &[Value], b: &[Value], weights: &[f64]) -> Option<f64> {
    let place = |values: &mut Vec<Value>, value: Value| match values.iter().position(|other| *other == value)
    {
        Some(at) => at,
        None => {
            values.push(value);
            values.len() - 1
        }
    };
    let (mut rows, mut columns, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for ((x, y), weight) in a.iter().zip(b).zip(weights) {
        if !x.is_missing() && !y.is_missing() {
            cells.push((place(&mut rows, *x), place(&mut columns, *y), *weight));
        }
    }
    let total: f64 = cells.iter().map(|(.., weight)| weight).sum();
    if total <= 0.0 {
        return None;
    }
    let mut sum = 0.0;
    for row in 0..rows.len() {
        for column in 0..columns.len() {
            let of = |is: &dyn Fn(usize, usize) -> bool| {
                cells.iter().filter(|(r, c, _)| is(*r, *c)).map(|(.., weight)| weight).sum::<f64>()
            };
            let expected = of(&|r, _| r == row) * of(&|_, c| c == column) / total;
            let found = of(&|r, c| r == row && c == column);
            sum += (found - expected) * (found - expected) / expected;
        }
    }
    Some(sum)
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
        let cosine = usual.cosine(&seen).unwrap();
        assert!((cosine - 80.0 / (1000f64.sqrt() * 8f64.sqrt())).abs() < 1e-15);
        let number = |n: u8| Value::Num(f64::from(n));
        let a = [0, 0, 1, 1].map(number);
        assert_eq!(independence(&a, &a, &[1.0; 4]), Some(4.0));
        assert_eq!(independence(&a, &[0, 1, 0, 1].map(number), &[1.0; 4]), Some(0.0));
    }
}
