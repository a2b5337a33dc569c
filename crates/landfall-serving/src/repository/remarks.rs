//! What is said of folders that may be meant otherwise than they are taken.

use super::SeenVersion;
use super::folder::{folder_name, is_number, stem};
use crate::settings::SETTINGS_FILE;
use std::path::Path;

/// How many files are named before the others are counted.
const NAMED: usize = 5;

/// What folders were taken for that are not numbered, and that nobody called versions: they may be meant as models.
pub(super) fn taken_for_versions(model: &str, path: &Path, versions: &[SeenVersion]) -> String {
    let names: Vec<String> = versions.iter().map(|seen| format!("{:?}", seen.version.name())).collect();
    let first = versions.first().map_or("", |seen| seen.version.name());
    format!(
        "{} is taken for one model, {model:?}, whose versions are the folders {}; if each is a model of its own, put its \
         files into a folder 1 within it ({first}/1), or name each (serve {first}={})",
        path.display(),
        names.join(", "),
        path.join(first).display()
    )
}

/// Which file of a folder it was taken for, and which it was not.
pub(super) fn taken_for_one_file(folder: &Path, own: &Path, others: &[&Path], first: &Path) -> String {
    let names: Vec<String> = others.iter().map(|file| folder_name(file)).collect();
    let (folder, own, are) =
        (folder.display(), folder_name(own), if others.len() == 1 { "is" } else { "are" });
    format!(
        "{folder} is taken for one model ({own}); {} {are} passed over: give each model a folder of its own, or name its file \
         (serve {}={})",
        names.join(", "),
        stem(first),
        first.display()
    )
}

/// Of a folder that is one model as it stands, for its file `own` where one makes it so: that models lie in folders within it,
/// `within` the first.
pub(super) fn is_a_model_itself(folder: &Path, own: Option<&Path>, within: &Path) -> String {
    let (by, its_files) = match own.map(folder_name) {
        Some(file) => (format!(" ({file})"), file),
        None => (String::new(), "its own files".to_owned()),
    };
    let name = folder_name(if is_number(within) { folder } else { within });
    format!(
        "{0} is a model itself{by}: the models in its folders are passed over; to serve those, move {its_files} out of it, or name \
         each folder (serve {name}={1})",
        folder.display(),
        within.display()
    )
}

/// What a model's folder says in Triton's words, until it does so in ours.
pub(super) fn not_read(folder: &Path) -> Option<String> {
    let [foreign, own] = ["config.pbtxt", SETTINGS_FILE].map(|name| folder.join(name));
    let is_passed_over = !folder.as_os_str().is_empty() && foreign.is_file() && !own.is_file();
    is_passed_over.then(|| {
        let foreign = foreign.display();
        format!(
            "{foreign} is not read: names, types and shapes are the model's own, and what else it needs is said in a {SETTINGS_FILE} \
             beside it"
        )
    })
}

/// Which models lie loosely beside a model's versions, and are none of them.
pub(super) fn beside_versions(model: &str, folder: &Path, files: &[&Path]) -> Option<String> {
    let first = files.first()?;
    let (folder, is) = (folder.display(), if files.len() == 1 { "is" } else { "are" });
    let names: Vec<String> = files.iter().take(NAMED).map(|file| folder_name(file)).collect();
    let more = match files.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{folder} is taken for one model, {model:?}: {}{more} beside its versions {is} passed over; give each model a folder \
         of its own, or name its file (serve {}={})",
        names.join(", "),
        stem(first),
        first.display()
    ))
}
