//! `<RuleSetModel>`: rules that fire, and how one of their scores is chosen.

mod columns;

use super::predicate::{self, Predicate};
use super::{Body, Header};
use crate::blocks::{Answers, BlockCx, BlockId};
use crate::read::Element;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &[];

#[derive(Debug)]
struct RuleSet {
    /// All simple rules, in order.
    simple: Vec<Simple>,
    rules: Vec<Rule>,
    criterion: Criterion,
    default: Option<Otherwise>,
    /// Class and probability where the default is answered.
    default_distribution: Vec<(usize, f64)>,
    block: Option<BlockId>,
}

/// What is answered where no rule fires.
#[derive(Clone, Copy, Debug)]
struct Otherwise {
    class: usize,
    score: Value,
    confidence: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Criterion {
    FirstHit,
    WeightedSum,
    WeightedMax,
}

#[derive(Debug)]
enum Rule {
    /// By its number among the simple ones.
    Simple(Predicate, usize),
    Compound(Predicate, Vec<Rule>),
}

#[derive(Debug)]
struct Simple {
    id: Value,
    score: Value,
    class: usize,
    confidence: f64,
    weight: f64,
    /// Class and probability.
    distribution: Vec<(usize, f64)>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let mut set = None;
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "RuleSet" if set.is_none() => set = Some(rule_set(b, &child, header)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match set {
        Some(mut set) => {
            let columns = set.columns(b, header);
            set.block = b.block(|| columns);
            Ok(Box::new(set))
        }
        None => Err(b.xml.malformed(element.place, "<RuleSetModel> has no <RuleSet>")),
    }
}

fn rule_set<'a>(b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<RuleSet, Problem> {
    element.only(&b.xml, &["defaultScore", "defaultConfidence", "recordCount", "nbCorrect"])?;
    let default = element.get("defaultScore").map(str::to_owned).map(|text| header.class(b, &text));
    let confidence = element.number(&b.xml, "defaultConfidence")?;
    let mut set = RuleSet {
        simple: Vec::new(),
        rules: Vec::new(),
        criterion: Criterion::FirstHit,
        default: default.map(|(class, score)| Otherwise { class, score, confidence }),
        default_distribution: Vec::new(),
        block: None,
    };
    let (mut chosen, mut counts) = (false, Vec::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "RuleSelectionMethod" => {
                child.only(&b.xml, &["criterion"])?;
                let criterion = match child.need(&b.xml, "criterion")? {
                    "firstHit" => Criterion::FirstHit,
                    "weightedSum" => Criterion::WeightedSum,
                    "weightedMax" => Criterion::WeightedMax,
                    _ => return Err(child.value(&b.xml, "criterion")),
                };
                // The first one is what the writer recommends.
                if !chosen {
                    (set.criterion, chosen) = (criterion, true);
                }
                b.xml.leaf(&child)?;
            }
            "ScoreDistribution" => counts.push(count(b, &child, header)?),
            _ => set.rules.push(rule(b, &child, element, header, &mut set.simple)?),
        }
    }
    set.default_distribution = shares(&counts);
    Ok(set)
}

/// `<ScoreDistribution>`: class, count, and the probability where it is given.
type Count = (usize, f64, Option<f64>);

fn count<'a>(b: &mut Build<'a>, element: &Element<'a>, header: &Header) -> Result<Count, Problem> {
    element.only(&b.xml, &["value", "recordCount", "confidence", "probability"])?;
    let text = element.need(&b.xml, "value")?.to_owned();
    let count = element.number(&b.xml, "recordCount")?.unwrap_or(0.0);
    let probability = element.number(&b.xml, "probability")?;
    b.xml.leaf(element)?;
    Ok((header.class(b, &text).0, count, probability))
}

/// Probabilities of classes: those that are given, else parts of all counts.
fn shares(counts: &[Count]) -> Vec<(usize, f64)> {
    let total: f64 = counts.iter().map(|(_, count, _)| count).sum();
    let share = |count: f64| if total > 0.0 { count / total } else { 0.0 };
    counts.iter().map(|(class, count, p)| (*class, p.unwrap_or_else(|| share(*count)))).collect()
}

fn rule<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
    header: &Header,
    all: &mut Vec<Simple>,
) -> Result<Rule, Problem> {
    let simple = match element.name.as_ref() {
        "SimpleRule" => true,
        "CompoundRule" => false,
        _ => return Err(b.xml.unknown(element, parent)),
    };
    let known: &[&str] = &["id", "score", "recordCount", "nbCorrect", "confidence", "weight"];
    element.only(&b.xml, if simple { known } else { &[] })?;
    let (mut condition, mut rules, mut counts) = (None, Vec::new(), Vec::new());
    while let Some(child) = b.xml.child(element)? {
        if simple && child.name == "ScoreDistribution" {
            counts.push(count(b, &child, header)?);
        } else if condition.is_none()
            && let Some(predicate) = predicate::read(b, &child, header.scope)?
        {
            condition = Some(predicate);
        } else if simple || condition.is_none() {
            return Err(b.xml.unknown(&child, element));
        } else {
            rules.push(rule(b, &child, element, header, all)?);
        }
    }
    let Some(predicate) = condition else {
        return Err(b.xml.malformed(element.place, format!("<{}> has no predicate", element.name)));
    };
    if !simple {
        return Ok(Rule::Compound(predicate, rules));
    }
    let text = element.need(&b.xml, "score")?.to_owned();
    let (class, score) = header.class(b, &text);
    all.push(Simple {
        id: match element.get("id") {
            Some(id) => Value::Text(b.symbols.intern(id)),
            None => Value::Num((all.len() + 1) as f64),
        },
        score,
        class,
        confidence: element.number(&b.xml, "confidence")?.unwrap_or(1.0),
        weight: element.number(&b.xml, "weight")?.unwrap_or(1.0),
        distribution: shares(&counts),
    });
    Ok(Rule::Simple(predicate, all.len() - 1))
}

impl RuleSet {
    /// The simple rules that fire, in order; with `first`, the first of them alone.
    fn fire<'r>(
        &'r self,
        rules: &[Rule],
        cx: &mut Cx<'_>,
        first: bool,
        fired: &mut Vec<&'r Simple>,
    ) -> Result<(), Problem> {
        for rule in rules {
            match rule {
                Rule::Simple(predicate, number) if predicate.holds(cx)? == Some(true) => {
                    fired.push(&self.simple[*number]);
                }
                Rule::Compound(predicate, inner) if predicate.holds(cx)? == Some(true) => {
                    self.fire(inner, cx, first, fired)?;
                }
                _ => {}
            }
            if first && !fired.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The rule that is chosen for the row that is being evaluated, and its confidence; `None` where none fires.
    fn choose(&self, cx: &mut Cx<'_>) -> Result<Option<(&Simple, f64)>, Problem> {
        if let Some(&[number, confidence]) = cx.ahead(self.block).as_deref() {
            return Ok((!number.is_nan()).then(|| (&self.simple[number as usize], confidence)));
        }
        let mut fired = Vec::new();
        self.fire(&self.rules, cx, self.criterion == Criterion::FirstHit, &mut fired)?;
        let Some(first) = fired.first() else { return Ok(None) };
        Ok(Some(match self.criterion {
            Criterion::FirstHit => (*first, first.confidence),
            Criterion::WeightedMax => {
                let heavier = |a: &'_ Simple, b: &'_ Simple| b.weight > a.weight;
                let most = fired.iter().skip(1).fold(*first, |a, b| if heavier(a, b) { b } else { a });
                (most, most.confidence)
            }
            Criterion::WeightedSum => {
                let sum =
                    |class: usize| fired.iter().filter(|r| r.class == class).map(|r| r.weight).sum::<f64>();
                // Of equal classes the one that the data dictionary names first, of its rules the heaviest.
                let heavier = |a: &Simple, b: &Simple| {
                    let (of_a, of_b) = (sum(a.class), sum(b.class));
                    let of_class = b.class < a.class || (b.class == a.class && b.weight > a.weight);
                    of_b > of_a || (of_b == of_a && of_class)
                };
                let most = fired.iter().skip(1).fold(*first, |a, b| if heavier(a, b) { b } else { a });
                (most, sum(most.class) / fired.len() as f64)
            }
        }))
    }
}

impl Body for RuleSet {
    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        // One row alone asks until it is answered; a block asks everything.
        !cx.is_row_call() && self.answer_columns(cx, answers)
    }

    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let Some((rule, confidence)) = self.choose(cx)? else {
            if let Some(default) = self.default {
                (answer.value, answer.confidence) = (default.score, default.confidence);
                say_shares(cx, answer, &self.default_distribution);
            }
            return Ok(());
        };
        (answer.value, answer.entity, answer.confidence) = (rule.score, rule.id, Some(confidence));
        say_shares(cx, answer, &rule.distribution);
        Ok(())
    }
}

/// Tells the probabilities of classes, where there are any.
fn say_shares(cx: &Cx<'_>, answer: &mut Answer, shares: &[(usize, f64)]) {
    if !shares.is_empty() {
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        shares.iter().for_each(|(class, probability)| answer.scores[*class] = *probability);
    }
}
