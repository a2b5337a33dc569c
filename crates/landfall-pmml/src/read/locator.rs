//! `<TableLocator>`: a table in a file beside the document.
//!
//! The schema gives the element nothing but extensions. This one names the file, in the document's folder or below it:
//! `<Extension name="file" value="zones.csv"/>`. Its first line names the columns; cells stand between commas, or between
//! semicolons or tabs where the first line has no comma; an empty cell is missing.

use super::table::Table;
use super::{Element, Place, Xml};
use landfall_model::Problem;

/// What an extension that names a file is called.
const NAMES: &[&str] = &["file", "path", "location", "href", "url"];

const INSTEAD: &str = "name a CSV file in the model's folder, <Extension name=\"file\" value=\"table.csv\"/>, or put the rows \
    into an <InlineTable>";

/// Reads a `<TableLocator>` and the table that it names.
pub(super) fn located<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Table, Problem> {
    if element.only(xml, &[]).is_err() {
        return Err(xml.refused(element.place, "a <TableLocator> with attributes of its own", INSTEAD));
    }
    let mut found = None;
    while let Some(child) = xml.any_child(element)? {
        if child.name != "Extension" {
            return Err(xml.unknown(&child, element));
        }
        if child.get("name").is_some_and(|name| NAMES.contains(&name)) && found.is_none() {
            found = Some((child.need(xml, "value")?.to_owned(), child.place));
        }
        xml.skip(&child)?;
    }
    match found {
        Some((name, place)) => file(xml, &name, place),
        None => Err(xml.refused(element.place, "a <TableLocator> that names no file", INSTEAD)),
    }
}

fn file(xml: &Xml<'_>, name: &str, place: Place) -> Result<Table, Problem> {
    let Some(files) = xml.files() else {
        return Err(xml.refused(place, "a <TableLocator> in a document that lies in no folder", INSTEAD));
    };
    let wrong = |why: String| xml.malformed(place, format!("<TableLocator>, file {name:?}: {why}"));
    let bytes = files.bytes(name).map_err(|problem| wrong(problem.to_string()))?;
    let text = std::str::from_utf8(bytes.bytes()).map_err(|_| wrong("not text in UTF-8".to_owned()))?;
    table(text).map_err(wrong)
}

/// The rows of a text; the first names the columns.
pub(crate) fn table(text: &str) -> Result<Table, String> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().find(|sign| first.contains(*sign)).unwrap_or(',');
    let mut records = Records { text, separator, line: 1 };
    let Some((_, head)) = records.next_record()? else {
        return Err("no line that names the columns".to_owned());
    };
    let mut rows = Table::new();
    while let Some((line, cells)) = records.next_record()? {
        if cells.len() != head.len() {
            return Err(format!("line {line}: expected {} cells, found {}", head.len(), cells.len()));
        }
        let named = head.iter().cloned().zip(cells);
        rows.push(named.filter(|(_, cell)| !cell.is_empty()).collect());
    }
    Ok(rows)
}

/// Records of a text one after the other.
struct Records<'t> {
    text: &'t str,
    separator: char,
    /// From 1.
    line: usize,
}

impl Records<'_> {
    /// The cells of the next record that is not blank, and the line on which it begins.
    fn next_record(&mut self) -> Result<Option<(usize, Vec<String>)>, String> {
        while !self.text.is_empty() {
            let line = self.line;
            let cells = self.record()?;
            if cells.len() > 1 || !cells[0].is_empty() {
                return Ok(Some((line, cells)));
            }
        }
        Ok(None)
    }

    fn record(&mut self) -> Result<Vec<String>, String> {
        let mut cells = vec![String::new()];
        let (mut quoted, mut was_quoted) = (None, false);
        let mut rest = self.text.char_indices().peekable();
        let mut end = self.text.len();
        while let Some((at, character)) = rest.next() {
            let Some(cell) = cells.last_mut() else { break };
            self.line += usize::from(character == '\n');
            match character {
                '"' if quoted.is_some() && rest.peek().is_some_and(|(_, next)| *next == '"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' if quoted.is_some() => quoted = None,
                _ if quoted.is_some() => cell.push(character),
                '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (Some(self.line), true),
                '\n' => {
                    end = at + 1;
                    break;
                }
                '\r' if rest.peek().is_none_or(|(_, next)| *next == '\n') => {}
                sign if sign == self.separator => {
                    cells.push(String::new());
                    was_quoted = false;
                }
                other => cell.push(other),
            }
        }
        if let Some(line) = quoted {
            return Err(format!("line {line}: a quoted cell is not closed"));
        }
        self.text = &self.text[end..];
        Ok(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_columns_named_first_and_misses_empty_cells() {
        let rows = table("\u{feff}a;b\r\n1;\"x;\"\"y\"\r\n\r\n;2").unwrap();
        let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(rows, [vec![cell("a", "1"), cell("b", "x;\"y")], vec![cell("b", "2")]]);
        assert_eq!(table("a\tb\n1\t2\n").unwrap(), [vec![cell("a", "1"), cell("b", "2")]]);
    }

    #[test]
    fn what_is_wrong_in_a_table_has_its_line() {
        assert_eq!(table("a,b\n1,2\n3\n").unwrap_err(), "line 3: expected 2 cells, found 1");
        assert_eq!(table("a,b\n1,\"2\n").unwrap_err(), "line 2: a quoted cell is not closed");
        assert!(table("").unwrap_err().contains("names the columns"));
    }
}
