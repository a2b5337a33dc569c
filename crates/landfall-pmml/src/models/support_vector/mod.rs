//! `<SupportVectorMachineModel>`: kernels, support vectors or bare coefficients, one machine or one for each pair.

mod dictionary;
mod kernel;
mod read;

pub(crate) use kernel::Kernel;
pub(super) use read::read;

use super::columns::KernelMachines;
use super::{Body, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, RowValues};
use crate::resolve::Slot;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::sync::Arc;

pub(super) const ATTRIBUTES: &[&str] =
    &["svmRepresentation", "classificationMethod", "alternateBinaryTargetCategory", "threshold", "maxWins"];

#[derive(Debug)]
struct Machines {
    fields: Vec<Field>,
    machines: Vec<Machine>,
    computed: Arc<KernelMachines>,
    function: MiningFunction,
    /// Machines tell pairs of classes apart.
    pairs: bool,
    max_wins: bool,
    /// The class of the one machine's second outcome.
    alternate: Option<usize>,
    math: Math,
    block: Option<BlockId>,
}

#[derive(Debug)]
enum Field {
    Number(Slot),
    Category(Slot, Value),
}

#[derive(Debug)]
struct Machine {
    class: Option<usize>,
    alternate: Option<usize>,
    threshold: f64,
}

impl Machines {
    fn vector(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<f64>>, Problem> {
        let mut x = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            match field {
                Field::Number(slot) => match cx.number(*slot)? {
                    Some(number) => x.push(self.math.round(number)),
                    None => return Ok(None),
                },
                Field::Category(slot, value) => match cx.get(*slot)? {
                    Value::Missing => return Ok(None),
                    found => x.push(f64::from(u8::from(found == *value))),
                },
            }
        }
        Ok(Some(x))
    }

    /// The one of a machine's two classes that its value says.
    fn vote(&self, machine: &Machine, value: f64) -> Option<usize> {
        let first = if self.max_wins { value > machine.threshold } else { value < machine.threshold };
        if first { machine.class } else { machine.alternate }
    }

    /// The class, by the values of the machines; `scores` of all classes are 0 before.
    fn classify(&self, values: &[f64], scores: &mut [f64]) -> Option<usize> {
        if let (Some(alternate), [machine]) = (self.alternate, &self.machines[..]) {
            // The one machine was trained on 1 for its class and 0 for the other.
            let class = if values[0] < 0.5 { Some(alternate) } else { machine.class };
            class.into_iter().for_each(|class| scores[class] = 1.0);
            return class;
        }
        if self.pairs {
            for (machine, value) in self.machines.iter().zip(values) {
                self.vote(machine, *value).into_iter().for_each(|class| scores[class] += 1.0);
            }
            // Of classes with as many votes the one that had its first vote first.
            let most = scores.iter().copied().fold(0.0, f64::max);
            let mut votes = self.machines.iter().zip(values).filter_map(|(m, value)| self.vote(m, *value));
            let best = votes.find(|class| scores[*class] == most);
            super::normalization::simple_max(scores, self.math);
            return best;
        }
        let mut best: Option<(usize, f64)> = None;
        for (machine, value) in self.machines.iter().zip(values.iter().copied()) {
            let Some(class) = machine.class else { continue };
            scores[class] = value;
            if best.is_none_or(|(_, other)| if self.max_wins { value > other } else { value < other }) {
                best = Some((class, value));
            }
        }
        best.map(|(class, _)| class)
    }
}

impl Body for Machines {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let values: RowValues = match cx.ahead(self.block) {
            Some(values) => values,
            None => {
                let Some(x) = self.vector(cx)? else { return Ok(()) };
                self.computed.of_row(&x)
            }
        };
        if self.function != MiningFunction::Classification {
            answer.value = Value::Num(values[0]);
            return Ok(());
        }
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let class = self.classify(&values, &mut answer.scores);
        answer.value = class.map_or(Value::Missing, |class| cx.m.lists[answer.list][class]);
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        if self.function != MiningFunction::Classification {
            answers.value.numbers(rows).copy_from_slice(&ready.values[..rows]);
            cx.give_back(self.block, ready);
            return true;
        }
        let classes = cx.m.lists[answers.list].len();
        answers.start_scores(classes, rows);
        let (mut values, mut scores) = (RowValues::new(), RowValues::new());
        for (row, code) in answers.value.classes(answers.list, rows).iter_mut().enumerate() {
            values.clear();
            values.extend(ready.values[row..].iter().step_by(rows).copied());
            scores.clear();
            scores.resize(classes, 0.0);
            *code = self.classify(&values, &mut scores).map_or(u32::MAX, |class| class as u32);
            answers.scores[row..].iter_mut().step_by(rows).zip(&scores).for_each(|(x, own)| *x = *own);
        }
        cx.give_back(self.block, ready);
        true
    }
}
