//! The engine: recognises a PMML file by its first element, and loads it.

use crate::document;
use crate::model::PmmlModel;
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem};
use std::borrow::Cow;
use std::sync::Arc;

/// The engine's name.
pub(crate) const NAME: &str = "pmml";

/// Bytes that are looked at for the first element.
const HEAD_BYTES: usize = 16 * 1024;

const ENDINGS: &[&str] = &[".pmml", ".xml"];

/// The engine of PMML models.
pub fn engine() -> Arc<dyn Engine> {
    Arc::new(Pmml)
}

struct Pmml;

impl Engine for Pmml {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        let Some(entry) = files.single(ENDINGS) else { return Claim::No("no single PMML file".to_owned()) };
        match files.head(&entry.name, HEAD_BYTES) {
            Ok(head) if starts_with_pmml(&head) => Claim::Sure,
            Ok(_) => Claim::No("no PMML element".to_owned()),
            Err(problem) => Claim::No(problem.to_string()),
        }
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let entry = files
            .single(ENDINGS)
            .ok_or_else(|| Problem::invalid("a PMML model is a single file that ends in .pmml or .xml"))?;
        let bytes = files.bytes(&entry.name)?;
        load(bytes.bytes(), &entry.name)
    }
}

/// Reads a model from the bytes of a file of this name.
pub(crate) fn load(bytes: &[u8], name: &str) -> Result<Arc<dyn Model>, Problem> {
    Ok(Arc::new(read(bytes, name)?))
}

/// The same, before it goes behind the seam of engines.
pub(crate) fn read(bytes: &[u8], name: &str) -> Result<PmmlModel, Problem> {
    let text = decoded(bytes, name)?;
    let (compiled, head, group) = document::read(&text, name)?;
    PmmlModel::new(compiled, &head, group)
}

/// Whether the first element is `<PMML`, under any prefix.
fn starts_with_pmml(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let skipped = match rest {
            _ if rest.starts_with("<?") => rest.find("?>").map(|at| at + 2),
            _ if rest.starts_with("<!--") => rest.find("-->").map(|at| at + 3),
            _ if rest.starts_with("<!") => rest.find('>').map(|at| at + 1),
            _ => {
                let name = rest.strip_prefix('<').unwrap_or_default();
                let end =
                    name.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(name.len());
                return name[..end].rsplit(':').next() == Some("PMML");
            }
        };
        match skipped {
            Some(at) => rest = rest[at..].trim_start(),
            None => return false,
        }
    }
}

/// The text of a file: UTF-8, or Latin-1 where it says so.
fn decoded<'b>(bytes: &'b [u8], name: &str) -> Result<Cow<'b, str>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if declares_latin(bytes) => {
            Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()))
        }
        Err(error) => {
            let offset = Some(error.valid_up_to() as u64);
            Err(Problem::malformed(name, offset, "text that is not UTF-8"))
        }
    }
}

fn declares_latin(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    let declaration = head.split("?>").next().unwrap_or_default();
    declaration.contains("iso-8859-1") || declaration.contains("windows-1252")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_element() {
        assert!(starts_with_pmml(b"<?xml version=\"1.0\"?>\n<!-- a <b> --><PMML xmlns=\"x\">"));
        assert!(starts_with_pmml(b"\xef\xbb\xbf<p:PMML>"));
        assert!(!starts_with_pmml(b"<svg><PMML/></svg>"));
        assert!(!starts_with_pmml(b"\x08\x07<PMML>"));
        assert!(!starts_with_pmml(b"<!-- <PMML>"));
    }

    #[test]
    fn latin_text_is_read_where_it_is_declared() {
        let bytes = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>";
        assert!(decoded(bytes, "m").unwrap().ends_with("<a>é</a>"));
        assert!(decoded(b"<a>\xe9</a>", "m").is_err());
    }
}
