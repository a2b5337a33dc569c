//! Whether files are a SavedModel or a graph, by content; and where it lies.

use super::text;
use landfall_model::protobuf::Fields;
use landfall_model::reader::Reader;
use landfall_model::{Claim, ModelFiles, Problem, Reason};
use std::path::PathBuf;

/// Bytes that are read to recognise a file.
const HEAD_BYTES: usize = 4096;
/// Files that make a folder a SavedModel, the first that is there.
const SAVED_MODEL: [&str; 2] = ["saved_model.pb", "saved_model.pbtxt"];
/// Where a SavedModel's variables are listed: there too where its main file has been lost.
pub(super) const INDEX: &str = "variables/variables.index";
/// The newer form of SavedModels beyond 2 GB, whose messages are split over a file of chunks.
const CHUNKED: &str = "saved_model.cpb";
/// What a training keeps beside its checkpoints: which of them is the latest.
const CHECKPOINTS: &str = "checkpoint";
/// `.graphdef` is their ending in Triton's repositories.
const GRAPH: [&str; 3] = [".pb", ".pbtxt", ".graphdef"];

/// What the files are.
pub(super) enum Found {
    SavedModel {
        folder: PathBuf,
        /// Name of the main file in it.
        file: String,
    },
    Graph {
        path: PathBuf,
        /// Its name among the files.
        file: String,
    },
}

/// How sure the engine is.
pub(super) fn claim(files: &dyn ModelFiles) -> Claim {
    let there = |name: &str| files.entries().iter().any(|entry| entry.name == name);
    if SAVED_MODEL.iter().any(|name| there(name)) {
        return Claim::Sure;
    }
    if there(INDEX) || there(CHUNKED) || is_checkpoint(files) {
        // Loading it says what is missing.
        return Claim::Maybe;
    }
    let Some(entry) = files.single(&GRAPH) else {
        return Claim::No("no saved_model.pb and no single .pb file".to_owned());
    };
    match files.head(&entry.name, HEAD_BYTES) {
        Err(problem) => Claim::No(format!("{} cannot be read: {problem}", entry.name)),
        Ok(head) if starts_a_graph(&head) || text::starts_a_graph(&head) => Claim::Sure,
        Ok(_) => Claim::No("no SavedModel and no graph".to_owned()),
    }
}

/// Where the model lies.
///
/// # Errors
/// What is missing of a SavedModel.
pub(super) fn model_of(files: &dyn ModelFiles) -> Result<Found, Problem> {
    let there = |name: &str| files.entries().iter().any(|entry| entry.name == name);
    if let Some(file) = SAVED_MODEL.into_iter().find(|name| there(name)) {
        let folder = match files.path().parent() {
            Some(folder) if !files.is_folder() => folder.to_owned(),
            _ => files.path().to_owned(),
        };
        return Ok(Found::SavedModel { folder, file: file.to_owned() });
    }
    let place = files.path().display().to_string();
    if there(CHUNKED) {
        let what = format!("{place}: a SavedModel in chunks ({CHUNKED})");
        return Err(Problem::unsupported(what, "export it below 2 GB, or with its weights as variables"));
    }
    if there(INDEX) {
        return Err(Problem::new(Reason::FileMissing { file: format!("{place}/{}", SAVED_MODEL[0]) }));
    }
    if is_checkpoint(files) {
        let what = format!("{place}: a checkpoint (weights alone, without a graph)");
        let of_saved_model = files.path().components().any(|part| part.as_os_str() == "variables");
        let instead = match of_saved_model {
            true => "it is a part of a SavedModel: name the folder that holds saved_model.pb",
            false => "export a SavedModel where the model's code is (model.export, tf.saved_model.save)",
        };
        return Err(Problem::unsupported(what, instead));
    }
    let entry = files.single(&GRAPH).ok_or_else(|| {
        let tried = vec!["no single .pb file".to_owned()];
        Problem::new(Reason::NotRecognised { path: place, tried })
    })?;
    let path = files.place(entry);
    Ok(Found::Graph { path, file: entry.name.clone() })
}

/// Whether the files are a checkpoint's, or a folder of such, with no graph beside them: an index, and data in parts that
/// their names number.
fn is_checkpoint(files: &dyn ModelFiles) -> bool {
    let is_index = |name: &str| name.ends_with(".index");
    let is_data = |name: &str| name.rsplit_once(".data-").is_some_and(|(_, part)| part.contains("-of-"));
    // Not those below it: they are other models', or versions of one.
    let own = |name: &str| !name.contains('/');
    let any =
        |of: &dyn Fn(&str) -> bool| files.entries().iter().any(|entry| own(&entry.name) && of(&entry.name));
    match files.is_folder() {
        true => {
            any(&is_index)
                && (any(&is_data) || any(&|name| name == CHECKPOINTS))
                && files.single(&GRAPH).is_none()
        }
        false => any(&is_index) || any(&is_data),
    }
}

/// Whether a head is that of a serialised `GraphDef`: its first field is a node, whose first fields are a name and an
/// operator.
fn starts_a_graph(head: &[u8]) -> bool {
    let mut reader = Reader::new("head", head);
    if reader.byte().ok() != Some(0x0a) {
        return false;
    }
    let Ok(length) = landfall_model::protobuf::varint(&mut reader) else { return false };
    let there = reader.remaining().min(usize::try_from(length).unwrap_or(usize::MAX));
    let Ok(node) = reader.part(there) else { return false };
    let mut fields = Fields::of(node);
    let mut named = |wanted: u32, may: fn(&char) -> bool| match fields.next() {
        Ok(Some((field, value))) if field == wanted => {
            value.text().is_ok_and(|text| !text.is_empty() && text.chars().all(|c| may(&c)))
        }
        _ => false,
    };
    let of_names = |c: &char| c.is_ascii_alphanumeric() || "_.\\-/>".contains(*c);
    named(1, of_names) && named(2, |c| c.is_ascii_alphanumeric() || *c == '_')
}
