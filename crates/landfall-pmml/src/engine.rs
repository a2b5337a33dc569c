//! The engine: recognises a PMML file by its first element, and loads it.

use crate::document;
use crate::model::{NAME, PmmlModel};
use crate::read::encoding;
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem};
use std::sync::Arc;

/// Bytes that are looked at for the first element.
const HEAD_BYTES: usize = 16 * 1024;

/// The one load option.
const VERIFICATION: &str = "verification";

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
        const KNOWN: &[OptionSpec] = &[OptionSpec {
            key: VERIFICATION,
            help: "what it does when rows of its own ModelVerification come out otherwise: refuse (default) or warn",
        }];
        KNOWN
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let entry = files
            .single(ENDINGS)
            .ok_or_else(|| Problem::invalid("a PMML model is a single file that ends in .pmml or .xml"))?;
        let bytes = files.bytes(&entry.name)?;
        let model = read(bytes.bytes(), &entry.name, Some(files))?;
        Ok(Arc::new(match options.get(VERIFICATION) {
            None | Some("refuse") => model,
            Some("warn") => model.whatever_its_verification_says(),
            Some(other) => {
                let why = format!("expected refuse or warn, found {other:?}");
                return Err(Problem::option(VERIFICATION, why));
            }
        }))
    }
}

/// Reads a model from the bytes of a file of this name.
pub(crate) fn load(bytes: &[u8], name: &str) -> Result<Arc<dyn Model>, Problem> {
    Ok(Arc::new(read(bytes, name, None)?))
}

/// The same, before it goes behind the seam of engines, of a file among others.
pub(crate) fn read(bytes: &[u8], name: &str, files: Option<&dyn ModelFiles>) -> Result<PmmlModel, Problem> {
    let text = encoding::decoded(bytes, name)?;
    let (compiled, head, group) = document::read(&text, name, files)?;
    PmmlModel::new(compiled, &head, group)
}

/// Whether the first element is `<PMML`, under any prefix.
fn starts_with_pmml(head: &[u8]) -> bool {
    let text = encoding::head(head);
    let mut rest = text.trim_start();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_element() {
        assert!(starts_with_pmml(b"<?xml version=\"1.0\"?>\n<!-- a <b> --><PMML xmlns=\"x\">"));
        assert!(starts_with_pmml(b"\xef\xbb\xbf<p:PMML>"));
        assert!(starts_with_pmml(b"\xff\xfe<\0P\0M\0M\0L\0>\0"));
        assert!(!starts_with_pmml(b"<svg><PMML/></svg>"));
        assert!(!starts_with_pmml(b"\x08\x07<PMML>"));
        assert!(!starts_with_pmml(b"<!-- <PMML>"));
    }

    /// A file whose verification expects the answer given here; the right one is 5.
    fn doubled_and_one(expected: f64) -> Vec<u8> {
        format!(
            r#"<PMML version="4.4"><Header/><DataDictionary><DataField name="x" optype="continuous" dataType="double"/>
            <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
            <RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/>
            <MiningField name="y" usageType="target"/></MiningSchema>
            <ModelVerification><VerificationFields><VerificationField field="x" column="x"/>
            <VerificationField field="y" column="y"/></VerificationFields>
            <InlineTable><row><x>2</x><y>{expected}</y></row></InlineTable></ModelVerification>
            <RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>
            </RegressionModel></PMML>"#
        )
        .into_bytes()
    }

    #[test]
    fn a_model_that_fails_its_own_verification_answers_only_when_told() {
        let right = read(&doubled_and_one(5.0), "m.pmml", None).unwrap();
        assert_eq!(right.verify().unwrap(), 1);
        let right = right.whatever_its_verification_says();
        assert_eq!((right.verify().unwrap(), right.facts().notes.len()), (1, 0));

        let wrong = read(&doubled_and_one(6.0), "m.pmml", None).unwrap();
        let refused = wrong.verify().unwrap_err().to_string();
        assert!(refused.starts_with("row 1, field \"y\": expected 6, found 5"), "{refused}");
        let wrong = wrong.whatever_its_verification_says();
        assert_eq!(wrong.verify().unwrap(), 0);
        assert!(wrong.facts().notes[0].contains("expected 6, found 5"), "{:?}", wrong.facts().notes);
    }
}
