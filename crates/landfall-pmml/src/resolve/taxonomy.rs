//! `<Taxonomy>`: categories and the wider ones that they belong to.

use super::Build;
use crate::read::{Element, table};
use landfall_model::Problem;
use std::collections::{HashMap, HashSet};

/// From a category to those right above it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taxonomy {
    parents: HashMap<String, Vec<String>>,
}

impl Taxonomy {
    /// Reads a `<Taxonomy>` and its name.
    pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(String, Self), Problem> {
        element.only(&b.xml, &["name"])?;
        let mut taxonomy = Taxonomy::default();
        while let Some(child) = b.xml.child(element)? {
            if child.name != "ChildParent" {
                return Err(b.xml.unknown(&child, element));
            }
            taxonomy.child_parent(b, &child)?;
        }
        Ok((element.need(&b.xml, "name")?.to_owned(), taxonomy))
    }

    /// `<ChildParent>`: a table of categories and those right above them.
    fn child_parent<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        // One table may hold all levels or one of them: what is above a category is found the same way.
        element.only(&b.xml, &["childField", "parentField", "parentLevelField", "isRecursive"])?;
        if !matches!(element.get("isRecursive"), None | Some("yes" | "no")) {
            return Err(element.value(&b.xml, "isRecursive"));
        }
        let mut columns = [element.need(&b.xml, "childField")?, element.need(&b.xml, "parentField")?]
            .map(|field| (field.to_owned(), field.to_owned()));
        while let Some(part) = b.xml.child(element)? {
            if part.name == "FieldColumnPair" {
                part.only(&b.xml, &["field", "column"])?;
                let (field, column) = (part.need(&b.xml, "field")?, part.need(&b.xml, "column")?);
                for (_, own) in columns.iter_mut().filter(|(name, _)| name == field) {
                    column.clone_into(own);
                }
                b.xml.leaf(&part)?;
                continue;
            }
            let Some(table) = table::read(&mut b.xml, &part)? else {
                return Err(b.xml.unknown(&part, element));
            };
            for row in &table {
                if let [Some(child), Some(parent)] = [0, 1].map(|at| table::cell(row, &columns[at].1)) {
                    self.parents.entry(child.to_owned()).or_default().push(parent.to_owned());
                }
            }
        }
        Ok(())
    }

    /// A category and all above it, each once.
    pub(crate) fn with_parents(&self, category: &str) -> Vec<String> {
        let mut all = vec![category.to_owned()];
        let mut seen: HashSet<String> = all.iter().cloned().collect();
        let mut at = 0;
        while at < all.len() {
            for parent in self.parents.get(&all[at]).into_iter().flatten() {
                if seen.insert(parent.clone()) {
                    all.push(parent.clone());
                }
            }
            at += 1;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_above_a_category_is_found_once() {
        let pairs = [("cola", "drink"), ("drink", "food"), ("food", "drink")];
        let mut taxonomy = Taxonomy::default();
        for (child, parent) in pairs {
            taxonomy.parents.entry(child.to_owned()).or_default().push(parent.to_owned());
        }
        assert_eq!(taxonomy.with_parents("cola"), ["cola", "drink", "food"]);
        assert_eq!(taxonomy.with_parents("soap"), ["soap"]);
    }
}
