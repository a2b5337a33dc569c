//! `<SequenceModel>`: rules over what follows what, in the rows of one group.
//!
//! Rows of a group with one value of the order field are one transaction; without an order field each row is one, a
//! step after the one before.

use super::association::{Items, Numbers, Reading};
use super::{Body, Header, RuleFeature};
use crate::read::{Element, array};
use crate::resolve::{Build, Usage};
use crate::run::{Answer, Cx, Recommendation};
use landfall_model::Problem;
use std::collections::{HashMap, HashSet};

pub(super) const ATTRIBUTES: &[&str] = &[
    "numberOfTransactions",
    "maxNumberOfItemsPerTransaction",
    "avgNumberOfItemsPerTransaction",
    "numberOfTransactionGroups",
    "maxNumberOfTAsPerTAGroup",
    "avgNumberOfTAsPerTAGroup",
    // Those of 3.0: how many parts follow, and how rules were found.
    "minimumSupport",
    "minimumConfidence",
    "lengthLimit",
    "numberOfItems",
    "numberOfSets",
    "numberOfSequences",
    "numberOfRules",
    "timeWindowWidth",
    "minimumTime",
    "maximumTime",
];

const RULE: &[&str] = &["id", "numberOfSets", "occurrence", "support", "confidence", "lift"];

const CONSTRAINTS: &[&str] = &[
    "minimumNumberOfItems",
    "maximumNumberOfItems",
    "minimumNumberOfAntecedentItems",
    "maximumNumberOfAntecedentItems",
    "minimumNumberOfConsequentItems",
    "maximumNumberOfConsequentItems",
    "minimumSupport",
    "minimumConfidence",
    "minimumLift",
    "minimumTotalSequenceTime",
    "maximumTotalSequenceTime",
    "minimumItemsetSeparationTime",
    "maximumItemsetSeparationTime",
    "minimumAntConsSeparationTime",
    "maximumAntConsSeparationTime",
];

#[derive(Debug)]
struct Sequences {
    items: Items,
    rules: Vec<Rule>,
    /// Place of the order field in the dictionary.
    order: Option<usize>,
    times: Times,
}

#[derive(Debug)]
struct Rule {
    id: String,
    antecedent: Steps,
    consequent: Steps,
    /// From the one to the other.
    between: Delimiter,
    numbers: Numbers,
}

/// Sets, each with how it comes after the one before.
type Steps = Vec<(Delimiter, Vec<usize>)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    /// In the same transaction.
    Same,
    /// In the very next one.
    Next,
    /// In a later one.
    Later,
}

/// From and to, of times.
type Range = (f64, f64);

#[derive(Clone, Copy, Debug)]
struct Times {
    total: Range,
    sets: Range,
    parts: Range,
}

/// A transaction: when, and which items.
struct Transaction {
    time: f64,
    present: Vec<bool>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let mut reading = Reading::default();
    let mut sequences: HashMap<String, Steps> = HashMap::new();
    let mut rules = Vec::new();
    let any = (0.0, f64::INFINITY);
    let mut times = Times { total: any, sets: any, parts: any };
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "Constraints" => times = constraints(b, &child)?,
            "Item" => reading.item(b, &child)?,
            "Itemset" => reading.set(b, &child)?,
            "SetPredicate" => {
                child.only(&b.xml, &["id", "field", "operator"])?;
                if !matches!(child.get("operator"), None | Some("supersetOf")) {
                    return Err(child.value(&b.xml, "operator"));
                }
                let (id, field) =
                    (child.need(&b.xml, "id")?.to_owned(), child.need(&b.xml, "field")?.to_owned());
                while let Some(values) = b.xml.child(&child)? {
                    b.xml.named(&values, &child, "Array")?;
                    let values = array::texts(&mut b.xml, &values)?;
                    reading.values(id.clone(), &field, values);
                }
            }
            "Sequence" => {
                let steps = sequence(b, &child, &reading)?;
                sequences.insert(child.need(&b.xml, "id")?.to_owned(), steps);
            }
            "SequenceRule" => rules.push(rule(b, &child, &sequences)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let order = header.schema.fields.iter().find(|field| field.usage == Usage::Order);
    let order = order.and_then(|field| b.slots[field.slot? as usize].field);
    let items = reading.finish(b, header);
    Ok(Box::new(Sequences { items, rules, order, times }))
}

fn constraints<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Times, Problem> {
    element.only(&b.xml, CONSTRAINTS)?;
    let range = |name: &str| -> Result<Range, Problem> {
        let low = element.number(&b.xml, &format!("minimum{name}"))?.unwrap_or(0.0);
        let high = element.number(&b.xml, &format!("maximum{name}"))?.unwrap_or(f64::INFINITY);
        Ok((low, high))
    };
    let times = Times {
        total: range("TotalSequenceTime")?,
        sets: range("ItemsetSeparationTime")?,
        parts: range("AntConsSeparationTime")?,
    };
    b.xml.leaf(element)?;
    Ok(times)
}

fn delimiter<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Delimiter, Problem> {
    element.only(&b.xml, &["delimiter", "gap"])?;
    let delimiter = match (element.need(&b.xml, "delimiter")?, element.need(&b.xml, "gap")?) {
        ("sameTimeWindow", _) => Delimiter::Same,
        ("acrossTimeWindows", "false") => Delimiter::Next,
        ("acrossTimeWindows", "true" | "unknown") => Delimiter::Later,
        ("acrossTimeWindows", _) => return Err(element.value(&b.xml, "gap")),
        _ => return Err(element.value(&b.xml, "delimiter")),
    };
    b.xml.leaf(element)?;
    Ok(delimiter)
}

fn sequence<'a>(b: &mut Build<'a>, element: &Element<'a>, reading: &Reading) -> Result<Steps, Problem> {
    element.only(&b.xml, &["id", "numberOfSets", "occurrence", "support"])?;
    let (mut steps, mut after) = (Steps::new(), Delimiter::Later);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "SetReference" => {
                child.only(&b.xml, &["setId"])?;
                let set = reading.of_set(b, child.need(&b.xml, "setId")?, child.place)?;
                steps.push((std::mem::replace(&mut after, Delimiter::Later), set));
                b.xml.leaf(&child)?;
            }
            "Delimiter" => after = delimiter(b, &child)?,
            // How long it took in the training data.
            "Time" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(steps)
}

fn rule<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    sequences: &HashMap<String, Steps>,
) -> Result<Rule, Problem> {
    element.only(&b.xml, RULE)?;
    let (mut antecedent, mut consequent, mut between) = (None, None, Delimiter::Later);
    while let Some(child) = b.xml.child(element)? {
        let place = match child.name.as_ref() {
            "AntecedentSequence" => &mut antecedent,
            "ConsequentSequence" => &mut consequent,
            "Delimiter" => {
                between = delimiter(b, &child)?;
                continue;
            }
            "Time" => {
                b.xml.skip(&child)?;
                continue;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        };
        child.only(&b.xml, &[])?;
        while let Some(part) = b.xml.child(&child)? {
            if part.name == "SequenceReference" {
                part.only(&b.xml, &["seqId"])?;
                let id = part.need(&b.xml, "seqId")?;
                let steps = sequences.get(id).cloned();
                *place = Some(steps.ok_or_else(|| {
                    b.xml.malformed(part.place, format!("sequence {id:?} is not declared"))
                })?);
                b.xml.leaf(&part)?;
            } else if part.name == "Time" {
                b.xml.skip(&part)?;
            } else {
                return Err(b.xml.unknown(&part, &child));
            }
        }
    }
    let (Some(antecedent), Some(consequent)) = (antecedent, consequent) else {
        return Err(b.xml.malformed(element.place, "<SequenceRule> needs an antecedent and a consequent"));
    };
    let id = element.need(&b.xml, "id")?.to_owned();
    Ok(Rule { id, antecedent, consequent, between, numbers: Numbers::read(b, element)? })
}

impl Rule {
    /// Both parts as one sequence; true where the consequent begins.
    fn whole(&self) -> Vec<(Delimiter, &[usize], bool)> {
        let antecedent = self.antecedent.iter().map(|(after, set)| (*after, &set[..], false));
        let consequent = self.consequent.iter().enumerate().map(|(at, (after, set))| match at {
            0 => (self.between, &set[..], true),
            _ => (*after, &set[..], false),
        });
        antecedent.chain(consequent).collect()
    }
}

impl Times {
    /// Whether the sets stand, one after the other, in transactions from `from` on, the first at or after it.
    fn found(&self, transactions: &[Transaction], steps: &[(Delimiter, &[usize], bool)]) -> bool {
        let mut failed = HashSet::new();
        (0..transactions.len()).any(|first| self.continued(transactions, steps, first, None, &mut failed))
    }

    /// Whether no time is asked for: then what follows does not depend on what came before.
    fn are_any(&self) -> bool {
        [self.total, self.sets, self.parts].iter().all(|range| *range == (0.0, f64::INFINITY))
    }

    fn continued(
        &self,
        transactions: &[Transaction],
        steps: &[(Delimiter, &[usize], bool)],
        at: usize,
        begun: Option<(f64, f64)>,
        failed: &mut HashSet<(usize, usize)>,
    ) -> bool {
        if failed.contains(&(steps.len(), at)) {
            return false;
        }
        let Some(((_, set, starts_consequent), rest)) = steps.split_first() else { return true };
        let Some(transaction) = transactions.get(at) else { return false };
        let within = |range: Range, time: f64| time >= range.0 && time <= range.1;
        let timely = begun.is_none_or(|(_, before)| {
            let range = if *starts_consequent { self.parts } else { self.sets };
            // Sets of one transaction are not apart.
            transaction.time == before || within(range, transaction.time - before)
        });
        if !timely || !set.iter().all(|item| transaction.present[*item]) {
            return false;
        }
        let start = begun.map_or(transaction.time, |(start, _)| start);
        let Some((after, ..)) = rest.first() else {
            return steps.len() + usize::from(begun.is_some()) == 1
                || within(self.total, transaction.time - start);
        };
        let begun = Some((start, transaction.time));
        let found = match after {
            Delimiter::Same => self.continued(transactions, rest, at, begun, failed),
            Delimiter::Next => self.continued(transactions, rest, at + 1, begun, failed),
            Delimiter::Later => (at + 1..transactions.len())
                .any(|next| self.continued(transactions, rest, next, begun, failed)),
        };
        if !found && self.are_any() {
            failed.insert((steps.len(), at));
        }
        found
    }
}

impl Sequences {
    fn transactions(&self, cx: &mut Cx<'_>) -> Result<Vec<Transaction>, Problem> {
        let count = cx.w.group.len().max(1);
        let time = |cx: &Cx<'_>, row: usize| match (self.order, cx.w.group.get(row)) {
            (Some(order), Some(values)) => values[order].num(),
            _ => Some(row as f64),
        };
        let mut rows: Vec<(f64, usize)> = (0..count).filter_map(|row| Some((time(cx, row)?, row))).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut all = Vec::new();
        for chunk in rows.chunk_by(|a, b| a.0 == b.0) {
            let places: Vec<usize> = chunk.iter().map(|(_, row)| *row).collect();
            all.push(Transaction { time: chunk[0].0, present: self.items.present(cx, Some(&places))? });
        }
        Ok(all)
    }

    fn shown(&self, steps: &Steps) -> String {
        let sets: Vec<String> = steps.iter().map(|(_, set)| self.items.shown(set)).collect();
        sets.join("->")
    }
}

impl Body for Sequences {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let transactions = self.transactions(cx)?;
        // A part may be shorter than the whole has to be.
        let of_part = Times { total: (0.0, self.times.total.1), ..self.times };
        for (place, rule) in self.rules.iter().enumerate() {
            let whole = rule.whole();
            let antecedent = of_part.found(&transactions, &whole[..rule.antecedent.len()]);
            let consequent = antecedent && self.times.found(&transactions, &whole);
            answer.rules.push(Recommendation { rule: place, antecedent, consequent });
        }
        Ok(())
    }

    fn rule_count(&self) -> usize {
        self.rules.len()
    }

    fn rule(&self, _: &Cx<'_>, which: Recommendation, feature: RuleFeature) -> Option<String> {
        let rule = &self.rules[which.rule];
        match feature {
            RuleFeature::Antecedent => Some(self.shown(&rule.antecedent)),
            RuleFeature::Consequent => Some(self.shown(&rule.consequent)),
            RuleFeature::Rule => {
                Some(format!("{}->{}", self.shown(&rule.antecedent), self.shown(&rule.consequent)))
            }
            RuleFeature::Id => Some(rule.id.clone()),
            number => rule.numbers.shown(number),
        }
    }
}
