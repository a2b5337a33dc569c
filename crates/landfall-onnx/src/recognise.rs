//! Whether files are an ONNX model, by content; and which of them is the model.

use crate::declared::{self, Look};
use landfall_model::{Claim, FileEntry, ModelFiles, Problem, Reason};
use std::path::PathBuf;

/// Bytes that are read to recognise a file: what may stand before the graph is short, but for documentation.
const HEAD_BYTES: usize = 16 * 1024;

/// How sure the ONNX engines are.
pub(crate) fn claim(files: &dyn ModelFiles) -> Claim {
    let Some(entry) = files.single(&[".onnx"]) else {
        return Claim::No("no single .onnx file".to_owned());
    };
    match files.head(&entry.name, HEAD_BYTES) {
        Err(problem) => Claim::No(format!("{} cannot be read: {problem}", entry.name)),
        Ok(head) => match declared::looks_like_onnx(&head, entry.bytes) {
            Look::Whole => Claim::Sure,
            // Loading it says what is wrong with it.
            Look::CutOff => Claim::Maybe,
            Look::No => Claim::No("no ONNX file".to_owned()),
        },
    }
}

/// The model's file: its name among the files, and its path.
pub(crate) fn model_file(files: &dyn ModelFiles) -> Result<(&FileEntry, PathBuf), Problem> {
    let entry = files.single(&[".onnx"]).ok_or_else(|| {
        Problem::new(Reason::NotRecognised {
            path: files.path().display().to_string(),
            tried: vec!["onnx: no single .onnx file".to_owned()],
        })
    })?;
    let path = files.place(entry);
    Ok((entry, path))
}
