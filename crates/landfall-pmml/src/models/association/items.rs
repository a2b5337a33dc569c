//! Items, sets of them, and which are in a record: for association rules and for sequences.

use crate::expression::Expr;
use crate::models::Header;
use crate::read::{Element, Place};
use crate::resolve::{Build, Slot, Source, Taxonomy, Usage};
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::collections::HashMap;

/// The items of a model, and the fields that say which are there.
#[derive(Debug)]
pub(in crate::models) struct Items {
    fields: Vec<Field>,
    /// Whether the record has several rows.
    pub(in crate::models) grouped: bool,
    items: Vec<Item>,
}

/// A field whose values, or whose name, are items.
#[derive(Debug)]
struct Field {
    name: String,
    slot: Slot,
    /// The field of the data: its value in each row of the record is looked at.
    data: Option<usize>,
    dtype: DataType,
    taxonomy: Option<Taxonomy>,
}

#[derive(Debug)]
struct Item {
    value: String,
    field: Option<String>,
    category: Option<String>,
}

/// Items and sets as they are read, by their names.
#[derive(Default)]
pub(in crate::models) struct Reading {
    items: Vec<Item>,
    ids: HashMap<String, usize>,
    sets: HashMap<String, Vec<usize>>,
}

impl Reading {
    /// Reads an `<Item>`.
    pub(in crate::models) fn item<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
    ) -> Result<(), Problem> {
        element.only(&b.xml, &["id", "value", "mappedValue", "weight", "field", "category"])?;
        self.ids.insert(element.need(&b.xml, "id")?.to_owned(), self.items.len());
        let owned = |name: &str| element.get(name).map(str::to_owned);
        self.items.push(Item {
            value: owned("value").or_else(|| owned("category")).unwrap_or_default(),
            field: owned("field"),
            category: owned("category"),
        });
        b.xml.leaf(element)
    }

    /// Reads an `<Itemset>`.
    pub(in crate::models) fn set<'a>(
        &mut self,
        b: &mut Build<'a>,
        element: &Element<'a>,
    ) -> Result<(), Problem> {
        // One writer of 3.x says how much more often a set is there than by chance.
        element.only(&b.xml, &["id", "support", "numberOfItems", "lift"])?;
        let mut set = Vec::new();
        while let Some(reference) = b.xml.child(element)? {
            b.xml.named(&reference, element, "ItemRef")?;
            reference.only(&b.xml, &["itemRef"])?;
            let id = reference.need(&b.xml, "itemRef")?;
            match self.ids.get(id) {
                Some(item) => set.push(*item),
                None => {
                    return Err(b.xml.malformed(reference.place, format!("item {id:?} is not declared")));
                }
            }
            b.xml.leaf(&reference)?;
        }
        self.sets.insert(element.need(&b.xml, "id")?.to_owned(), set);
        Ok(())
    }

    /// The items of a set.
    pub(in crate::models) fn of_set(
        &self,
        b: &Build<'_>,
        id: &str,
        place: Place,
    ) -> Result<Vec<usize>, Problem> {
        let found = self.sets.get(id).cloned();
        found.ok_or_else(|| b.xml.malformed(place, format!("itemset {id:?} is not declared")))
    }

    /// A set that is named otherwise: all these values in one field.
    pub(in crate::models) fn values(&mut self, id: String, field: &str, values: Vec<String>) {
        let mut set = Vec::with_capacity(values.len());
        for value in values {
            set.push(self.items.len());
            let (field, category) = (Some(field.to_owned()), Some(value.clone()));
            self.items.push(Item { value, field, category });
        }
        self.sets.insert(id, set);
    }

    /// Joins items with the fields of the model.
    pub(in crate::models) fn finish(self, b: &mut Build<'_>, header: &Header) -> Items {
        let schema = &header.schema;
        let grouped = schema.fields.iter().any(|field| field.usage == Usage::Group);
        let mut fields = Vec::new();
        for field in schema.fields.iter().filter(|field| field.usage == Usage::Active) {
            let Some(slot) = field.slot else { continue };
            let def = &b.slots[slot as usize];
            let data = match &def.source {
                // All values of a field, by an expression that gathers them.
                Source::Derived(expr) => match expr.as_ref() {
                    Expr::Aggregate(aggregate) => aggregate.field(),
                    _ => None,
                },
                _ => def.field,
            };
            let taxonomy = data.and_then(|at| b.dictionary[at].taxonomy.as_ref());
            fields.push(Field {
                name: field.name.clone(),
                slot,
                data,
                dtype: data.map_or(def.dtype, |at| b.dictionary[at].dtype),
                taxonomy: taxonomy.and_then(|name| b.taxonomies.get(name)).cloned(),
            });
        }
        Items { fields, grouped, items: self.items }
    }
}

impl Items {
    /// Which items are in the record, or in these of its rows.
    pub(in crate::models) fn present(
        &self,
        cx: &mut Cx<'_>,
        rows: Option<&[usize]>,
    ) -> Result<Vec<bool>, Problem> {
        let mut present = vec![false; self.items.len()];
        let values_are_items = self.grouped || self.fields.len() == 1;
        for field in &self.fields {
            let values: Vec<Value> = match (field.data, rows) {
                (Some(data), Some(rows)) if self.grouped => {
                    rows.iter().filter_map(|row| cx.w.group.get(*row)).map(|row| row[data]).collect()
                }
                (Some(data), None) if self.grouped => cx.w.group.iter().map(|row| row[data]).collect(),
                _ => vec![cx.get(field.slot)?],
            };
            for value in values.into_iter().filter(|value| !value.is_missing()) {
                let text = cx.shown(value, field.dtype);
                let texts = match &field.taxonomy {
                    Some(taxonomy) => taxonomy.with_parents(&text),
                    None => vec![text],
                };
                for text in &texts {
                    for (item, present) in self.items.iter().zip(&mut present) {
                        *present |= item.is(&field.name, text, values_are_items);
                    }
                }
            }
        }
        Ok(present)
    }

    /// A set as text.
    pub(in crate::models) fn shown(&self, items: &[usize]) -> String {
        let names: Vec<&str> = items.iter().map(|item| self.items[*item].value.as_str()).collect();
        format!("{{{}}}", names.join(","))
    }
}

impl Item {
    /// Whether a field's value says that the item is there. Fields named as items say so by being true.
    fn is(&self, field: &str, text: &str, values_are_items: bool) -> bool {
        match (&self.field, &self.category) {
            (Some(own), _) if own != field => return false,
            (Some(_), Some(category)) => return category == text,
            (None, _) if values_are_items => return self.value == text,
            (Some(_), None) if self.value == text => return true,
            _ => {}
        }
        let truth = matches!(text, "T" | "t" | "Y" | "y" | "1" | "1.0") || text.eq_ignore_ascii_case("true");
        (self.value == field && truth) || self.value == format!("{field}={text}")
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
        let item = Item { value: "Water".into(), field: Some("drink".into()), category: None };
        assert!(item.is("drink", "Water", false) && !item.is("drink", "Coke", false));
        let item = Item { value: "Water".into(), field: Some("Water".into()), category: None };
        assert!(item.is("Water", "true", false) && !item.is("Water", "false", false));
    }
}
