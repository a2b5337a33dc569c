//! `<AssociationModel>`: rules over the items of one record.

mod items;

pub(super) use items::{Items, Reading};

use super::{Body, Header, RuleFeature};
use crate::read::Element;
use crate::resolve::Build;
use crate::run::{Answer, Cx, Recommendation};
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &[
    "numberOfTransactions",
    "maxNumberOfItemsPerTA",
    "avgNumberOfItemsPerTA",
    "minimumSupport",
    "minimumConfidence",
    "lengthLimit",
    "numberOfItems",
    "numberOfItemsets",
    "numberOfRules",
];

const RULE: &[&str] =
    &["antecedent", "consequent", "support", "confidence", "lift", "leverage", "affinity", "id"];

#[derive(Debug)]
struct Association {
    items: Items,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: String,
    antecedent: Vec<usize>,
    consequent: Vec<usize>,
    numbers: Numbers,
}

/// What is known of a rule.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) confidence: Option<f64>,
    pub(super) support: Option<f64>,
    pub(super) lift: Option<f64>,
    pub(super) leverage: Option<f64>,
    pub(super) affinity: Option<f64>,
}

impl Numbers {
    pub(super) fn read<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Self, Problem> {
        let number = |name: &str| element.number(&b.xml, name);
        Ok(Numbers {
            confidence: number("confidence")?,
            support: number("support")?,
            lift: number("lift")?,
            leverage: number("leverage")?,
            affinity: number("affinity")?,
        })
    }

    /// A number as text; `None` for what is no number of a rule.
    pub(super) fn shown(&self, feature: RuleFeature) -> Option<String> {
        let number = match feature {
            RuleFeature::Confidence => self.confidence,
            RuleFeature::Support => self.support,
            RuleFeature::Lift => self.lift,
            RuleFeature::Leverage => self.leverage,
            RuleFeature::Affinity => self.affinity,
            _ => None,
        };
        number.map(|number| number.to_string())
    }
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let mut reading = Reading::default();
    let mut rules = Vec::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "Item" => reading.item(b, &child)?,
            "Itemset" => reading.set(b, &child)?,
            "AssociationRule" => {
                child.only(&b.xml, RULE)?;
                let set = |name: &str| reading.of_set(b, child.need(&b.xml, name)?, child.place);
                rules.push(Rule {
                    id: child.get("id").map_or_else(|| (rules.len() + 1).to_string(), str::to_owned),
                    antecedent: set("antecedent")?,
                    consequent: set("consequent")?,
                    numbers: Numbers::read(b, &child)?,
                });
                b.xml.leaf(&child)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let items = reading.finish(b, header);
    Ok(Box::new(Association { items, rules }))
}

impl Body for Association {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let present = self.items.present(cx, None)?;
        for (place, rule) in self.rules.iter().enumerate() {
            let all = |items: &[usize]| items.iter().all(|item| present[*item]);
            answer.rules.push(Recommendation {
                rule: place,
                antecedent: all(&rule.antecedent),
                consequent: all(&rule.consequent),
            });
        }
        Ok(())
    }

    fn rule_count(&self) -> usize {
        self.rules.len()
    }

    fn rule(&self, _: &Cx<'_>, which: Recommendation, feature: RuleFeature) -> Option<String> {
        let rule = &self.rules[which.rule];
        let set = |items: &[usize]| self.items.shown(items);
        match feature {
            RuleFeature::Antecedent => Some(set(&rule.antecedent)),
            RuleFeature::Consequent => Some(set(&rule.consequent)),
            RuleFeature::Rule => Some(format!("{}->{}", set(&rule.antecedent), set(&rule.consequent))),
            RuleFeature::Id => Some(rule.id.clone()),
            number => rule.numbers.shown(number),
        }
    }
}
