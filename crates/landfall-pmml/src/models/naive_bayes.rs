//! `<NaiveBayesModel>`: counts of pairs and distributions of numbers, multiplied as logarithms.

use super::columns::{Densities, Evidence};
use super::normalization::{soft_max, soft_max_columns};
use super::{Body, Header, Math};
use crate::blocks::{Answers, BlockCx, BlockId, Features, RowPlaces, RowValues, best};
use crate::expression;
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["threshold"];

#[derive(Debug)]
struct Bayes {
    inputs: Vec<Input>,
    /// Class and its count.
    classes: Vec<(usize, f64)>,
    /// The logarithm of the least likelihood.
    least: f64,
    block: Option<BlockId>,
}

#[derive(Debug)]
struct Input {
    slot: Slot,
    likelihood: Likelihood,
}

#[derive(Debug)]
enum Likelihood {
    /// By value: class and count. The sums of each class's counts over all values are `totals`.
    Counts {
        values: Vec<(Value, Vec<(usize, f64)>)>,
        totals: Vec<(usize, f64)>,
    },
    Distributions(Vec<(usize, Distribution)>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Distribution {
    /// `scale` is the logarithm of the density at the mean, `narrowness` is 1 / (2 variance).
    Gaussian {
        mean: f64,
        narrowness: f64,
        scale: f64,
    },
    Poisson {
        mean: f64,
    },
    Uniform {
        lower: f64,
        upper: f64,
    },
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    // Some writers leave it out: then what was never seen cannot be.
    let threshold = element.number(&b.xml, "threshold")?.unwrap_or(0.0);
    let mut bayes = Bayes { inputs: Vec::new(), classes: Vec::new(), least: threshold.ln(), block: None };
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "BayesInputs" => {
                child.only(&b.xml, &[])?;
                while let Some(input) = b.xml.child(&child)? {
                    if input.name != "BayesInput" {
                        return Err(b.xml.unknown(&input, &child));
                    }
                    bayes.inputs.push(read_input(b, &input, header)?);
                }
            }
            "BayesOutput" => {
                child.only(&b.xml, &["fieldName"])?;
                let field = child.need(&b.xml, "fieldName")?;
                if header.target.as_ref().is_some_and(|target| target.name != field) {
                    let what = format!("<BayesOutput>: field {field:?} is no target of this model");
                    return Err(b.xml.malformed(child.place, what));
                }
                while let Some(counts) = b.xml.child(&child)? {
                    bayes.classes = target_counts(b, &counts, &child, header)?;
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if bayes.classes.is_empty() {
        return Err(b.xml.malformed(element.place, "<NaiveBayesModel> has no <BayesOutput>"));
    }
    bayes.block = b.block(|| bayes.columns());
    Ok(Box::new(bayes))
}

fn read_input<'a>(b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<Input, Problem> {
    element.only(&b.xml, &["fieldName"])?;
    let mut slot = None;
    let mut values = Vec::new();
    let mut likelihood = None;
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            // A field cut into parts for this model.
            "DerivedField" => {
                let derived = expression::read_derived(b, &child)?;
                slot = Some(expression::derived_slot(b, header.scope, &derived)?);
            }
            "TargetValueStats" => likelihood = Some(Likelihood::Distributions(stats(b, &child, header)?)),
            "PairCounts" => {
                child.only(&b.xml, &["value"])?;
                let at = match slot {
                    Some(slot) => slot,
                    None => b.resolve(header.scope, element.need(&b.xml, "fieldName")?, element.place)?,
                };
                slot = Some(at);
                let value =
                    b.constant(child.need(&b.xml, "value")?, b.slots[at as usize].dtype, child.place)?;
                while let Some(counts) = b.xml.child(&child)? {
                    values.push((value, target_counts(b, &counts, &child, header)?));
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let slot = match slot {
        Some(slot) => slot,
        None => b.resolve(header.scope, element.need(&b.xml, "fieldName")?, element.place)?,
    };
    if likelihood.is_some() && !values.is_empty() {
        let what = "a <BayesInput> has <PairCounts> or <TargetValueStats>, and not both";
        return Err(b.xml.malformed(element.place, what));
    }
    let likelihood = likelihood.unwrap_or_else(|| {
        let mut totals: Vec<(usize, f64)> = Vec::new();
        for (class, count) in values.iter().flat_map(|(_, counts)| counts) {
            match totals.iter_mut().find(|(other, _)| other == class) {
                Some((_, total)) => *total += count,
                None => totals.push((*class, *count)),
            }
        }
        Likelihood::Counts { values, totals }
    });
    Ok(Input { slot, likelihood })
}

fn target_counts<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
    header: &Header,
) -> Result<Vec<(usize, f64)>, Problem> {
    if element.name != "TargetValueCounts" {
        return Err(b.xml.unknown(element, parent));
    }
    element.only(&b.xml, &[])?;
    let mut counts = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        b.xml.named(&child, element, "TargetValueCount")?;
        child.only(&b.xml, &["value", "count"])?;
        let text = child.need(&b.xml, "value")?.to_owned();
        counts.push((header.class(b, &text).0, child.need_number(&b.xml, "count")?));
        b.xml.leaf(&child)?;
    }
    Ok(counts)
}

fn stats<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
) -> Result<Vec<(usize, Distribution)>, Problem> {
    element.only(&b.xml, &[])?;
    let mut all = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        b.xml.named(&child, element, "TargetValueStat")?;
        child.only(&b.xml, &["value"])?;
        let text = child.need(&b.xml, "value")?.to_owned();
        let class = header.class(b, &text).0;
        let Some(found) = b.xml.child(&child)? else {
            return Err(b.xml.malformed(child.place, "<TargetValueStat> has no distribution"));
        };
        let number = |name: &str| found.need_number(&b.xml, name);
        let distribution = match found.name.as_ref() {
            "GaussianDistribution" => {
                found.only(&b.xml, &["mean", "variance"])?;
                Distribution::gaussian(number("mean")?, number("variance")?)
            }
            "PoissonDistribution" => {
                found.only(&b.xml, &["mean"])?;
                Distribution::Poisson { mean: number("mean")? }
            }
            "UniformDistribution" => {
                found.only(&b.xml, &["lower", "upper"])?;
                Distribution::Uniform { lower: number("lower")?, upper: number("upper")? }
            }
            _ => return Err(b.xml.unknown(&found, &child)),
        };
        all.push((class, distribution));
        b.xml.leaf(&found)?;
        b.xml.leaf(&child)?;
    }
    Ok(all)
}

impl Distribution {
    fn gaussian(mean: f64, variance: f64) -> Self {
        let scale = -0.5 * (2.0 * std::f64::consts::PI * variance).ln();
        Distribution::Gaussian { mean, narrowness: 1.0 / (2.0 * variance), scale }
    }

    /// The logarithm of the density.
    #[inline(always)]
    pub(crate) fn log(self, x: f64) -> f64 {
        match self {
            Distribution::Gaussian { mean, narrowness, scale } => {
                scale - (x - mean) * (x - mean) * narrowness
            }
            Distribution::Poisson { mean } if x >= 0.0 && x.fract() == 0.0 && x < 1e9 => {
                let factorial: f64 = (1..=x as u64).map(|n| (n as f64).ln()).sum();
                x * mean.ln() - mean - factorial
            }
            Distribution::Uniform { lower, upper } if (lower..=upper).contains(&x) => -(upper - lower).ln(),
            Distribution::Poisson { .. } | Distribution::Uniform { .. } => f64::NEG_INFINITY,
        }
    }
}

impl Likelihood {
    /// The logarithm of a value's likelihood given a class; `None` for a value that says nothing. `least` stands for
    /// what was never seen, and for densities below it.
    fn of(&self, value: Value, class: usize, least: f64) -> Option<f64> {
        match self {
            Likelihood::Counts { values, totals } => {
                let (_, counts) = values.iter().find(|(other, _)| *other == value)?;
                Some(counted(counts, totals, class, least))
            }
            Likelihood::Distributions(all) => Some(distribution(all, class)?.log(value.num()?).max(least)),
        }
    }
}

/// The logarithm of a class's share of counts; `least` for one without any. A share that is small is no such one.
fn counted(counts: &[(usize, f64)], totals: &[(usize, f64)], class: usize, least: f64) -> f64 {
    let find = |counts: &[(usize, f64)]| counts.iter().find(|(other, _)| *other == class).map(|(_, n)| *n);
    match (find(counts), find(totals)) {
        (Some(count), Some(total)) if count > 0.0 && total > 0.0 => (count / total).ln(),
        _ => least,
    }
}

fn distribution(all: &[(usize, Distribution)], class: usize) -> Option<Distribution> {
    all.iter().find(|(other, _)| *other == class).map(|(_, distribution)| *distribution)
}

impl Bayes {
    /// The same over columns; `None` where a slot comes twice in different ways.
    fn columns(&self) -> Option<Densities> {
        let mut features = Features::default();
        let mut evidence = Vec::with_capacity(self.inputs.len());
        let classes = || self.classes.iter().map(|(class, _)| *class);
        for input in &self.inputs {
            let place = match &input.likelihood {
                Likelihood::Counts { values, totals } => {
                    let named: Vec<Value> = values.iter().map(|(value, _)| *value).collect();
                    let place = features.category(input.slot, &named);
                    let mut logs = vec![vec![0.0; self.classes.len()]; named.len()];
                    for (value, counts) in values.iter().rev() {
                        let log = |class| counted(counts, totals, class, self.least);
                        logs[features.list[place].coding.code(*value)? as usize] =
                            classes().map(log).collect();
                    }
                    evidence.push(Evidence::Counts(logs));
                    place
                }
                Likelihood::Distributions(all) => {
                    let place = features.number(input.slot);
                    features.list[place].needed = false;
                    evidence.push(Evidence::Distributions(
                        classes().map(|class| distribution(all, class)).collect(),
                    ));
                    place
                }
            };
            if place + 1 != evidence.len() {
                return None;
            }
        }
        let shares = self.classes.iter().map(|(_, count)| count.ln()).collect();
        Some(Densities::new(features.list, shares, evidence, self.least))
    }

    /// The logarithm of each class's score for the row.
    fn logs(&self, cx: &mut Cx<'_>) -> Result<RowValues, Problem> {
        let mut logs: RowValues = self.classes.iter().map(|(_, count)| count.ln()).collect();
        for input in &self.inputs {
            let value = cx.get(input.slot)?;
            if value.is_missing() {
                continue;
            }
            for ((class, _), log) in self.classes.iter().zip(&mut logs) {
                *log += input.likelihood.of(value, *class, self.least).unwrap_or(0.0);
            }
        }
        Ok(logs)
    }
}

impl Body for Bayes {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut logs = match cx.ahead(self.block) {
            Some(logs) => logs,
            None => self.logs(cx)?,
        };
        if logs.iter().all(|log| *log == f64::NEG_INFINITY) {
            return Ok(());
        }
        soft_max(&mut logs, Math { float: false });
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let mut best = 0;
        for (at, (class, _)) in self.classes.iter().enumerate() {
            answer.scores[*class] = logs[at];
            if logs[at] > logs[best] {
                best = at;
            }
        }
        answer.value = cx.m.lists[answer.list][self.classes[best].0];
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let (rows, logs) = (cx.rows(), &mut ready.values);
        soft_max_columns(logs, rows, Math { float: false }, &mut cx.w.numbers);
        answers.start_scores(cx.m.lists[answers.list].len(), rows);
        for ((class, _), column) in self.classes.iter().zip(logs.chunks_exact(rows)) {
            answers.scores[class * rows..(class + 1) * rows].copy_from_slice(column);
        }
        let places: RowPlaces = self.classes.iter().map(|(class, _)| *class as u32).collect();
        let classes = answers.value.classes(answers.list, rows);
        best(logs, rows, &places, classes, &mut cx.w.numbers);
        // A row that no class allows has shares that are not numbers, and no prediction.
        for (class, share) in classes.iter_mut().zip(&logs[..rows]) {
            if share.is_nan() {
                *class = u32::MAX;
            }
        }
        cx.give_back(self.block, ready);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_have_their_formulas() {
        let gaussian = Distribution::gaussian(1.0, 4.0);
        assert!((gaussian.log(1.0).exp() - 0.199_471_140_200_716_35).abs() < 1e-15);
        assert!(
            (Distribution::Poisson { mean: 2.0 }.log(3.0).exp() - 0.180_447_044_315_483_56).abs() < 1e-15
        );
        assert_eq!(Distribution::Uniform { lower: 1.0, upper: 3.0 }.log(2.0), 0.5f64.ln());
        assert_eq!(Distribution::Uniform { lower: 1.0, upper: 3.0 }.log(4.0), f64::NEG_INFINITY);
    }
}
