//! What models have answered to the rows of a block: one column for each field.

use crate::resolve::ClassList;
use crate::run::Compiled;
use crate::value::Value;

/// One column of answers.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    kind: Kind,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    values: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    #[default]
    Missing,
    Numbers,
    /// Places in a list of classes.
    Classes(ClassList),
    Values,
}

/// The same, as it may be looked at.
pub(crate) enum CellsView<'c> {
    /// All are missing.
    Missing,
    Numbers(&'c [f64]),
    Classes(ClassList, &'c [u32]),
    Values(&'c [Value]),
}

impl Cells {
    /// All are missing.
    pub(crate) fn clear(&mut self) {
        self.kind = Kind::Missing;
    }

    /// Numbers, to be written.
    pub(crate) fn numbers(&mut self, rows: usize) -> &mut [f64] {
        self.kind = Kind::Numbers;
        self.numbers.resize(rows, 0.0);
        &mut self.numbers
    }

    /// Classes of a list by place, to be written; a place beyond the list is none.
    pub(crate) fn classes(&mut self, list: ClassList, rows: usize) -> &mut [u32] {
        self.kind = Kind::Classes(list);
        self.codes.resize(rows, 0);
        &mut self.codes
    }

    /// Values, to be written.
    pub(crate) fn values(&mut self, rows: usize) -> &mut [Value] {
        self.kind = Kind::Values;
        self.values.resize(rows, Value::Missing);
        &mut self.values
    }

    pub(crate) fn view(&self) -> CellsView<'_> {
        match self.kind {
            Kind::Missing => CellsView::Missing,
            Kind::Numbers => CellsView::Numbers(&self.numbers),
            Kind::Classes(list) => CellsView::Classes(list, &self.codes),
            Kind::Values => CellsView::Values(&self.values),
        }
    }

    /// Takes over another column.
    pub(crate) fn copy(&mut self, other: &Cells) {
        self.kind = other.kind;
        match other.kind {
            Kind::Missing => {}
            Kind::Numbers => {
                self.numbers.clear();
                self.numbers.extend_from_slice(&other.numbers);
            }
            Kind::Classes(_) => {
                self.codes.clear();
                self.codes.extend_from_slice(&other.codes);
            }
            Kind::Values => {
                self.values.clear();
                self.values.extend_from_slice(&other.values);
            }
        }
    }

    /// One row's.
    pub(crate) fn value(&self, m: &Compiled, row: usize) -> Value {
        match self.view() {
            CellsView::Missing => Value::Missing,
            CellsView::Numbers(numbers) => Value::Num(numbers[row]),
            CellsView::Classes(list, codes) => {
                m.lists[list].get(codes[row] as usize).copied().unwrap_or(Value::Missing)
            }
            CellsView::Values(values) => values[row],
        }
    }
}

/// A model's answers to a block of rows, as [`crate::run::Answer`] is to one.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) value: Cells,
    /// The list in which scores are counted.
    pub(crate) list: ClassList,
    /// [classes][rows]; empty where the model gives none.
    pub(crate) scores: Vec<f64>,
    /// How sure the prediction is, where the model says so itself.
    pub(crate) confidence: Cells,
    pub(crate) entity: Cells,
    /// Identifiers and names of the entities that a row may be near to; empty where there are none.
    pub(crate) entities: Vec<[Value; 2]>,
    /// [entities][rows].
    pub(crate) affinities: Vec<f64>,
    /// How near the nearest is.
    pub(crate) nearest: Vec<f64>,
    /// By rank: entities that are near, and how near; what is beyond `neighbors` is none.
    pub(crate) ranked: Vec<[Cells; 2]>,
    pub(crate) neighbors: usize,
    /// By rank; what is beyond `ranks` is not known.
    pub(crate) reasons: Vec<Cells>,
    pub(crate) ranks: usize,
}

impl Answers {
    /// Nothing is said.
    pub(crate) fn clear(&mut self, list: ClassList) {
        self.value.clear();
        self.list = list;
        self.scores.clear();
        self.confidence.clear();
        self.entity.clear();
        self.entities.clear();
        self.neighbors = 0;
        self.ranks = 0;
    }

    /// A score of 0 for each class and row.
    pub(crate) fn start_scores(&mut self, classes: usize, rows: usize) {
        self.scores.clear();
        self.scores.resize(classes * rows, 0.0);
    }
}

/// Of columns of scores, for each row the place of the greatest in `places`, the first of equal ones.
pub(crate) fn best(scores: &[f64], rows: usize, places: &[u32], into: &mut [u32], greatest: &mut Vec<f64>) {
    greatest.clear();
    let mut columns = scores.chunks_exact(rows).zip(places);
    let Some((first, place)) = columns.next() else { return into.fill(u32::MAX) };
    greatest.extend_from_slice(first);
    into.fill(*place);
    for (column, place) in columns {
        for ((best, greatest), score) in into.iter_mut().zip(&mut *greatest).zip(column) {
            let better = score > greatest;
            *best = if better { *place } else { *best };
            *greatest = if better { *score } else { *greatest };
        }
    }
}
