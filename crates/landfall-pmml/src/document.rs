//! A whole document: `<PMML>` and what stands directly in it.

use crate::expression;
use crate::models::{self, Model};
use crate::read::{Element, Xml};
use crate::resolve::{Build, ScopeId, dictionary};
use crate::run::Compiled;
use landfall_model::{ModelFiles, Problem};

/// What a document's head says, for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) version: String,
    pub(crate) application: String,
    pub(crate) copyright: String,
    /// What was passed over because it is the writer's own, each with its place.
    pub(crate) added: Vec<String>,
}

/// Reads a document to what can be run; `files` are those among which it lies, where it lies in a file.
///
/// # Errors
/// What is not PMML, or not implemented, with its line and column.
pub(crate) fn read(
    text: &str,
    file: &str,
    files: Option<&dyn ModelFiles>,
) -> Result<(Compiled, Head, Option<String>), Problem> {
    let mut b = Build::new(Xml::new(text, file).among(files));
    let root = b.xml.root()?;
    let (text, numbers) = version(&b, &root)?;
    b.version = numbers;
    let mut head = Head { version: text, ..Head::default() };
    let scope = b.scope(None);
    // Derived fields of all models see fields as the outermost model has treated them.
    let mut model: Option<Model> = None;
    let mut derived = Vec::new();
    let mut not_scorable = None;
    while let Some(child) = b.xml.child(&root)? {
        match child.name.as_ref() {
            "Header" => header(&mut b, &child, &mut head)?,
            "DataDictionary" => dictionary::read(&mut b, &child, scope)?,
            // One that comes after the model has been read already.
            "TransformationDictionary" if model.is_some() => b.xml.skip(&child)?,
            "TransformationDictionary" => derived = transformations(&mut b, &child)?,
            // How the model was made.
            "MiningBuildTask" => b.xml.skip(&child)?,
            // Of several models the first is meant.
            name if models::is_model(name) && model.is_some() => b.xml.skip(&child)?,
            name if models::is_model(name) && !child.flag(&b.xml, "isScorable", true)? => {
                not_scorable.get_or_insert(child.place);
                b.xml.skip(&child)?;
            }
            name if models::is_model(name) => {
                if let Some((late, dictionary)) = b.xml.later("TransformationDictionary", child.place) {
                    let main = std::mem::replace(&mut b.xml, late);
                    derived.extend(transformations(&mut b, &dictionary)?);
                    b.xml = main;
                }
                b.outermost_derived = std::mem::take(&mut derived);
                model = Some(models::read(&mut b, &child, scope, None)?);
            }
            _ => return Err(b.xml.unknown(&child, &root)),
        }
    }
    b.xml.finish()?;
    head.added = b.xml.added();
    let Some(root_model) = model else {
        return Err(match not_scorable {
            Some(place) => b.xml.unsupported(place, "a model that is not scorable (isScorable=\"false\")"),
            None => b.xml.malformed(root.place, "the document has no model"),
        });
    };
    let compiled = Compiled {
        symbols: b.symbols,
        slots: b.slots,
        dictionary: b.dictionary,
        functions: b.functions.bodies,
        lists: b.lists,
        lags: b.lags,
        blocks: b.blocks,
        root: root_model,
    };
    Ok((compiled, head, b.group))
}

/// The version as it is written, and as numbers.
fn version<'a>(b: &Build<'a>, root: &Element<'a>) -> Result<(String, (u32, u32)), Problem> {
    if root.name != "PMML" {
        return Err(b.xml.malformed(root.place, format!("<{}> is not <PMML>", root.name)));
    }
    root.only(&b.xml, &["version", "x-baseVersion"])?;
    if let Some(namespace) = root.get("xmlns") {
        let known = namespace.split_once("://www.dmg.org/PMML-").map(|(_, rest)| rest);
        if !known.is_some_and(|rest| rest.starts_with(['2', '3', '4'])) {
            return Err(another_version(b, root, &format!("namespace {namespace:?} of <PMML>")));
        }
    }
    let version = root.get("version").unwrap_or("4.4");
    // A third number counts corrections of the text.
    let mut numbers = version.trim().split('.').map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major @ (2 | 3)), Some(minor)) | (Some(major @ 4), Some(minor @ 0..=4)) => {
            Ok((version.to_owned(), (major, minor)))
        }
        _ => Err(another_version(b, root, &format!("version={version:?} of <PMML>"))),
    }
}

/// A document of a version that is not read.
fn another_version<'a>(b: &Build<'a>, root: &Element<'a>, found: &str) -> Problem {
    let what = format!("{found}: expected PMML 2.0 to 4.4");
    b.xml.refused(root.place, what, "write the file anew as one of these versions")
}

fn header<'a>(b: &mut Build<'a>, element: &Element<'a>, head: &mut Head) -> Result<(), Problem> {
    head.copyright = element.get("copyright").unwrap_or_default().to_owned();
    while let Some(child) = b.xml.child(element)? {
        if child.name == "Application" {
            let part = |name: &str| child.get(name).unwrap_or_default();
            head.application = format!("{} {}", part("name"), part("version")).trim().to_owned();
        }
        b.xml.skip(&child)?;
    }
    Ok(())
}

fn transformations<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
) -> Result<Vec<expression::Derived>, Problem> {
    element.only(&b.xml, &[])?;
    let mut derived = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "DefineFunction" => expression::read_function(b, &child)?,
            "DerivedField" => derived.push(expression::read_derived(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(derived)
}

impl Build<'_> {
    /// The document's derived fields become names of the outermost model's scope, after its schema: resolved
    /// as far as they are used.
    pub(crate) fn declare_outermost(&mut self, scope: ScopeId) {
        let derived = std::mem::take(&mut self.outermost_derived);
        // Models within share them, or borrow them themselves.
        if !derived.is_empty() {
            self.shared_derived = derived.into_iter().map(Into::into).collect();
            self.borrow_outermost(scope);
        }
    }
}
