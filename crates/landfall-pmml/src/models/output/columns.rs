//! Output fields over columns: those that ask nothing but what the model has answered.

use super::OutputField;
use super::feature::Feature;
use crate::blocks::{Answers, BlockCx, Cells, CellsView};
use crate::expression::Expr;
use crate::value::{DataType, Value};

impl OutputField {
    /// The field's values for rows that its model has answered; `false` where they are not known over columns.
    pub(crate) fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &Answers) -> bool {
        cx.fill_slot(self.slot, |cx, cells| {
            self.feature.over_columns(cx, answers, cells) && self.convert(cells, cx.rows())
        })
    }

    /// To the declared type, where that is plain.
    fn convert(&self, cells: &mut Cells, rows: usize) -> bool {
        if self.from == self.dtype || self.keeps_digits || matches!(cells.view(), CellsView::Missing) {
            return true;
        }
        if !self.from.is_number() {
            return false;
        }
        match (cells.view(), self.dtype) {
            (_, DataType::Double) => true,
            (CellsView::Numbers(_), to) if to.is_number() => {
                let convert = |x: f64| if to.is_whole() { x.trunc() } else { to.rounded(x) };
                cells.numbers(rows).iter_mut().for_each(|x| *x = convert(*x));
                true
            }
            _ => false,
        }
    }
}

impl Feature {
    fn over_columns(&self, cx: &BlockCx<'_>, answers: &Answers, into: &mut Cells) -> bool {
        match self {
            Feature::Predicted(None) => into.copy(&answers.value),
            Feature::Predicted(Some(slot))
            | Feature::Expression(Expr::Field { slot, if_missing: Value::Missing }) => {
                match cx.w.cells(*slot) {
                    Some(cells) => into.copy(cells),
                    None => return false,
                }
            }
            Feature::Confidence(None) if !matches!(answers.confidence.view(), CellsView::Missing) => {
                into.copy(&answers.confidence);
            }
            // Models that say more of the confidence of classes do not go over columns.
            Feature::Probability(class) | Feature::Confidence(class) => {
                return scores(cx.rows(), *class, answers, into);
            }
            Feature::Reason(rank) if *rank <= answers.ranks => {
                into.copy(&answers.reasons[rank.max(&1) - 1]);
            }
            Feature::Affinity(Some(entity), _) => {
                let rows = cx.rows();
                let named = |names: &[Value; 2]| names.contains(entity);
                match answers.entities.iter().position(named) {
                    _ if answers.entities.is_empty() => return false,
                    Some(at) => {
                        into.numbers(rows).copy_from_slice(&answers.affinities[at * rows..(at + 1) * rows]);
                    }
                    None => into.clear(),
                }
            }
            Feature::Affinity(None, 0 | 1) if !answers.entities.is_empty() => {
                into.numbers(cx.rows()).copy_from_slice(&answers.nearest);
            }
            Feature::Entity(0 | 1) => into.copy(&answers.entity),
            Feature::Entity(rank) if answers.neighbors > 0 => match neighbor(answers, *rank) {
                Some([entity, _]) => into.copy(entity),
                None => into.clear(),
            },
            Feature::Affinity(None, rank) => match neighbor(answers, *rank) {
                Some([_, affinity]) => into.copy(affinity),
                None => return false,
            },
            Feature::Nothing => into.clear(),
            _ => return false,
        }
        true
    }
}

/// The neighbour of a rank, from 1: which it is, and how near.
fn neighbor(answers: &Answers, rank: usize) -> Option<&[Cells; 2]> {
    answers.ranked[..answers.neighbors].get(rank.max(1) - 1)
}

/// The scores of a class, or of the one that is predicted.
fn scores(rows: usize, class: Option<usize>, answers: &Answers, into: &mut Cells) -> bool {
    if answers.scores.is_empty() {
        into.clear();
        return true;
    }
    let columns = |class: usize| answers.scores.get(class * rows..(class + 1) * rows);
    match (class, answers.value.view()) {
        (Some(class), _) => match columns(class) {
            Some(column) => into.numbers(rows).copy_from_slice(column),
            None => into.numbers(rows).fill(0.0),
        },
        (None, CellsView::Classes(list, codes)) if list == answers.list => {
            for (row, (score, code)) in into.numbers(rows).iter_mut().zip(codes).enumerate() {
                // A row without a class is not answered over columns.
                *score = answers.scores.get(*code as usize * rows + row).copied().unwrap_or(0.0);
            }
        }
        _ => return false,
    }
    true
}
