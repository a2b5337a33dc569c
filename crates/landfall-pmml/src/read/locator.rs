//! `<TableLocator>`: which file beside the document holds a table.
//!
//! The schema gives the element nothing but extensions. This one names the file, in the document's folder or below it:
//! `<Extension name="file" value="zones.csv"/>`.

use super::{Element, Place, Xml};
use landfall_model::Problem;

/// What an extension that names a file is called.
const NAMES: &[&str] = &["file", "path", "location", "href", "url"];

const INSTEAD: &str = "name a CSV file in the model's folder, <Extension name=\"file\" value=\"table.csv\"/>, or put the rows \
    into an <InlineTable>";

/// Reads a `<TableLocator>`, and what `rows` makes of the text of the file that it names.
pub(super) fn located<'a, T>(
    xml: &mut Xml<'a>,
    element: &Element<'a>,
    rows: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Problem> {
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
        Some((name, place)) => file(xml, &name, place, rows),
        None => Err(xml.refused(element.place, "a <TableLocator> that names no file", INSTEAD)),
    }
}

fn file<T>(
    xml: &Xml<'_>,
    name: &str,
    place: Place,
    rows: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Problem> {
    let Some(files) = xml.files() else {
        return Err(xml.refused(place, "a <TableLocator> in a document that lies in no folder", INSTEAD));
    };
    let wrong = |why: String| xml.malformed(place, format!("<TableLocator>, file {name:?}: {why}"));
    let bytes = files.bytes(name).map_err(|problem| wrong(problem.to_string()))?;
    let text = std::str::from_utf8(bytes.bytes()).map_err(|_| wrong("not text in UTF-8".to_owned()))?;
    rows(text).map_err(wrong)
}
