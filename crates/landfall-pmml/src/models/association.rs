//! `<AssociationModel>`: rules over the items of one record.

use super::{Body, Header, RuleFeature};
use crate::read::Element;
use crate::resolve::{Build, Slot, Usage};
use crate::run::{Answer, Cx, Recommendation};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

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

#[derive(Debug)]
struct Association {
    /// The fields whose values, or whose names, are items.
    fields: Vec<(String, Slot)>,
    grouped: bool,
    items: Vec<Item>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Item {
    value: String,
    field: Option<String>,
    category: Option<String>,
}

#[derive(Debug)]
struct Rule {
    id: String,
    antecedent: Vec<usize>,
    consequent: Vec<usize>,
    numbers: [Option<f64>; 5],
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let (mut items, mut item_ids) = (Vec::new(), HashMap::new());
    let mut sets: HashMap<String, Vec<usize>> = HashMap::new();
    let mut rules = Vec::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "Item" => {
                child.only(&b.xml, &["id", "value", "mappedValue", "weight", "field", "category"])?;
                item_ids.insert(child.need(&b.xml, "id")?.to_owned(), items.len());
                let owned = |name: &str| child.get(name).map(str::to_owned);
                items.push(Item {
                    value: owned("value").or_else(|| owned("category")).unwrap_or_default(),
                    field: owned("field"),
                    category: owned("category"),
                });
                b.xml.leaf(&child)?;
            }
            "Itemset" => {
                child.only(&b.xml, &["id", "support", "numberOfItems"])?;
                let mut set = Vec::new();
                while let Some(reference) = b.xml.child(&child)? {
                    reference.only(&b.xml, &["itemRef"])?;
                    let id = reference.need(&b.xml, "itemRef")?;
                    match item_ids.get(id) {
                        Some(item) => set.push(*item),
                        None => {
                            return Err(b
                                .xml
                                .malformed(reference.place, format!("item {id:?} is not declared")));
                        }
                    }
                    b.xml.leaf(&reference)?;
                }
                sets.insert(child.need(&b.xml, "id")?.to_owned(), set);
            }
            "AssociationRule" => {
                child.only(
                    &b.xml,
                    &[
                        "antecedent",
                        "consequent",
                        "support",
                        "confidence",
                        "lift",
                        "leverage",
                        "affinity",
                        "id",
                    ],
                )?;
                let set = |b: &Build<'a>, name: &str| {
                    let id = child.need(&b.xml, name)?;
                    let found = sets.get(id).cloned();
                    found.ok_or_else(|| {
                        b.xml.malformed(child.place, format!("itemset {id:?} is not declared"))
                    })
                };
                let number = |name: &str| child.number(&b.xml, name);
                rules.push(Rule {
                    id: child.get("id").map_or_else(|| (rules.len() + 1).to_string(), str::to_owned),
                    antecedent: set(b, "antecedent")?,
                    consequent: set(b, "consequent")?,
                    numbers: [
                        number("confidence")?,
                        number("support")?,
                        number("lift")?,
                        number("leverage")?,
                        number("affinity")?,
                    ],
                });
                b.xml.leaf(&child)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let group = header.schema.fields.iter().find(|field| field.usage == Usage::Group);
    b.group = group.map(|field| field.name.clone());
    let active = header.schema.fields.iter().filter(|field| field.usage == Usage::Active);
    let fields = active.filter_map(|field| Some((field.name.clone(), field.slot?))).collect();
    Ok(Box::new(Association { fields, grouped: group.is_some(), items, rules }))
}

impl Association {
    /// Which items are in the record.
    fn present(&self, cx: &mut Cx<'_>) -> Result<Vec<bool>, Problem> {
        let mut present = vec![false; self.items.len()];
        for (name, slot) in &self.fields {
            let dtype = cx.m.slots[*slot as usize].dtype;
            let field = cx.m.slots[*slot as usize].field;
            let values: Vec<Value> = match field {
                Some(field) if self.grouped => cx.w.group.iter().map(|row| row[field]).collect(),
                _ => vec![cx.get(*slot)?],
            };
            for value in values.into_iter().filter(|value| !value.is_missing()) {
                let text = cx.shown(value, dtype);
                for (item, present) in self.items.iter().zip(&mut present) {
                    *present |= item.is(name, &text, self.grouped || self.fields.len() == 1);
                }
            }
        }
        Ok(present)
    }

    fn set(&self, items: &[usize]) -> String {
        let names: Vec<&str> = items.iter().map(|item| self.items[*item].value.as_str()).collect();
        format!("{{{}}}", names.join(", "))
    }
}

impl Item {
    /// Whether a field's value says that the item is there. Fields named as items say so by being true.
    fn is(&self, field: &str, text: &str, values_are_items: bool) -> bool {
        if let Some(own) = &self.field {
            return own == field && self.category.as_ref().is_none_or(|category| category == text);
        }
        if values_are_items {
            return self.value == text;
        }
        let truth = matches!(text, "T" | "t" | "Y" | "y" | "1" | "1.0") || text.eq_ignore_ascii_case("true");
        (self.value == field && truth) || self.value == format!("{field}={text}")
    }
}

impl Body for Association {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let present = self.present(cx)?;
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

    fn rule(&self, _: &Cx<'_>, which: Recommendation, feature: RuleFeature) -> Option<String> {
        let rule = &self.rules[which.rule];
        let number = |place: usize| rule.numbers[place].map(|number| number.to_string());
        match feature {
            RuleFeature::Antecedent => Some(self.set(&rule.antecedent)),
            RuleFeature::Consequent => Some(self.set(&rule.consequent)),
            RuleFeature::Rule => {
                Some(format!("{}->{}", self.set(&rule.antecedent), self.set(&rule.consequent)))
            }
            RuleFeature::Id => Some(rule.id.clone()),
            RuleFeature::Confidence => number(0),
            RuleFeature::Support => number(1),
            RuleFeature::Lift => number(2),
            RuleFeature::Leverage => number(3),
            RuleFeature::Affinity => number(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_values_or_true_fields() {
        let item = Item { value: "Water".into(), field: None, category: None };
        assert!(item.is("item", "Water", true) && !item.is("item", "Coke", true));
        assert!(item.is("Water", "T", false) && !item.is("Water", "F", false));
        let item = Item { value: "w".into(), field: Some("drink".into()), category: Some("water".into()) };
        assert!(item.is("drink", "water", true) && !item.is("food", "water", true));
    }
}
