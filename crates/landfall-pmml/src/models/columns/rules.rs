//! Rules that fire, and which of them is chosen.

use super::asked::{Asked, Bits, NONE, Questions, Told, each_row, first_rows, joined};
use crate::blocks::{Block, Feature};

/// A rule set over columns: the number of the rule that is chosen, not a number where none fires, and how sure it is.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) features: Vec<Feature>,
    pub(crate) questions: Questions,
    pub(crate) rules: Vec<Rule>,
    pub(crate) choice: Choice,
    /// By number.
    pub(crate) weights: Vec<Weight>,
    /// How many classes rules have.
    pub(crate) classes: usize,
}

/// How one of the rules that fire is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    First,
    /// The heaviest.
    Heaviest,
    /// The heaviest of the class whose rules weigh most together.
    OfHeaviestClass,
}

/// A rule, or rules under a common condition.
#[derive(Debug)]
pub(crate) enum Rule {
    /// By its number.
    Simple(Asked, usize),
    Compound(Asked, Vec<Rule>),
}

/// What a rule weighs, for which class, and how sure it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    pub(crate) class: usize,
    pub(crate) weight: f64,
    pub(crate) confidence: f64,
}

/// A block of rows that go through the rules.
struct Firing<'f> {
    told: Told<'f>,
    /// Whether a row for which a rule fired has its answer.
    first_alone: bool,
}

impl Firing<'_> {
    /// Calls with each rule that fires and its rows, in the rules' order; gives the rows for which no more are looked for.
    fn fire(&self, rules: &[Rule], mut rows: Bits, fired: &mut impl FnMut(usize, &Bits)) -> Bits {
        let and = |a: &Bits, b: &Bits| joined(a, b, |a, b| a & b);
        let mut done = NONE;
        for rule in rules {
            let (Rule::Simple(asked, _) | Rule::Compound(asked, _)) = rule;
            let own = and(&asked.holds(&self.told, &rows).yes, &rows);
            let answered = match rule {
                _ if own == NONE => continue,
                Rule::Simple(_, number) => {
                    fired(*number, &own);
                    own
                }
                Rule::Compound(_, inner) => self.fire(inner, own, fired),
            };
            if self.first_alone {
                done = joined(&done, &answered, |a, b| a | b);
                rows = joined(&rows, &answered, |rows, answered| rows & !answered);
                if rows == NONE {
                    break;
                }
            }
        }
        done
    }
}

impl Block for Rules {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        2
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        let told = self.questions.tell(columns, rows, scratch);
        let firing = Firing { told, first_alone: self.choice == Choice::First };
        let (chosen, confidences) = values.split_at_mut(rows);
        chosen.fill(f64::NAN);
        match self.choice {
            Choice::OfHeaviestClass => self.heaviest_class(&firing, chosen, confidences),
            _ => {
                firing.fire(&self.rules, first_rows(rows), &mut |number, rows| {
                    let Weight { weight, confidence, .. } = self.weights[number];
                    each_row(rows, |row| {
                        let so_far = self.weights.get(chosen[row] as usize).filter(|_| !chosen[row].is_nan());
                        if so_far.is_none_or(|so_far| weight > so_far.weight) {
                            (chosen[row], confidences[row]) = (number as f64, confidence);
                        }
                    });
                });
            }
        }
    }
}

impl Rules {
    /// Of equal classes the one that comes first, of its equal rules the first.
    fn heaviest_class(&self, firing: &Firing<'_>, chosen: &mut [f64], confidences: &mut [f64]) {
        let rows = firing.told.rows;
        let mut counts = vec![0.0; rows];
        // By class and row: the sum of weights, and the heaviest rule.
        let mut sums = vec![-0.0; self.classes * rows];
        let mut heaviest: Vec<Option<usize>> = vec![None; self.classes * rows];
        firing.fire(&self.rules, first_rows(rows), &mut |number, fired| {
            let Weight { class, weight, .. } = self.weights[number];
            each_row(fired, |row| {
                let at = class * rows + row;
                counts[row] += 1.0;
                sums[at] += weight;
                if heaviest[at].is_none_or(|other| weight > self.weights[other].weight) {
                    heaviest[at] = Some(number);
                }
            });
        });
        for row in 0..rows {
            let mut most = f64::NEG_INFINITY;
            for at in (0..self.classes).map(|class| class * rows + row) {
                if let Some(number) = heaviest[at].filter(|_| sums[at] > most || chosen[row].is_nan()) {
                    most = sums[at];
                    (chosen[row], confidences[row]) = (number as f64, sums[at] / counts[row]);
                }
            }
        }
    }
}
