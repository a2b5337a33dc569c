//! Columns of a table that the model does not take: named, and not an error.

use crate::output::say;
use landfall_tables::TableReader;
use std::collections::BTreeSet;

/// Each column that no input takes gets a line of its own; more of them share one.
const LINES_OF_COLUMNS: usize = 10;

/// Columns that no input takes, each named once.
#[derive(Default)]
pub(super) struct PassedOver(BTreeSet<String>);

impl PassedOver {
    /// Names those that were not named before: some formats show their columns with their rows only.
    pub(super) fn say_new(&mut self, reader: &TableReader) {
        let new: Vec<String> =
            reader.ignored().into_iter().filter(|column| self.0.insert(column.clone())).collect();
        if new.len() > LINES_OF_COLUMNS {
            let names: Vec<String> = new.iter().map(|column| format!("{column:?}")).collect();
            say(&format!(
                "landfall: {} columns are passed over, since no input takes them: {}",
                new.len(),
                names.join(", ")
            ));
            return;
        }
        for column in new {
            say(&format!("landfall: column {column:?} is passed over: no input takes it"));
        }
    }
}
