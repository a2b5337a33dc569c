//! Whether files are a tree model, by content; and in which form.

use crate::{catboost, xgboost};
use landfall_model::{Claim, FileEntry, ModelFiles, Problem, Reason};

/// Bytes that are read to recognise a file.
const HEAD_BYTES: usize = 4 * 1024;

/// Endings by which a model is found in a folder.
const ENDINGS: [&str; 7] = [".cbm", ".json", ".ubj", ".model", ".bin", ".deprecated", ".txt"];

/// Forms of files that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    XgboostJson,
    XgboostUbjson,
    XgboostBinary,
    LightgbmText,
    LightgbmDump,
    CatboostBinary,
    CatboostJson,
}

/// Keys that CatBoost's JSON begins with.
const CATBOOST_KEYS: [&str; 3] = ["\"ctr_data\"", "\"features_info\"", "\"oblivious_trees\""];

/// The form of a file, by its first bytes.
pub(crate) fn form(head: &[u8]) -> Option<Form> {
    let holds = |word: &str| head.windows(word.len()).any(|window| window == word.as_bytes());
    let text = head.trim_ascii_start();
    let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    if first_line == b"tree" && (holds("\nversion=") || holds("\nnum_class=")) {
        Some(Form::LightgbmText)
    } else if text.first() == Some(&b'{') && starts_with_key(&text[1..]) {
        let is_dump = holds("\"num_tree_per_iteration\"") && holds("\"max_feature_idx\"");
        if is_dump {
            Some(Form::LightgbmDump)
        } else if CATBOOST_KEYS.iter().any(|key| holds(key)) {
            Some(Form::CatboostJson)
        } else {
            (holds("\"learner\"") || holds("\"gradient_booster\"")).then_some(Form::XgboostJson)
        }
    } else if head.starts_with(catboost::MAGIC) {
        Some(Form::CatboostBinary)
    } else if head.first() == Some(&b'{') && holds("learner") {
        Some(Form::XgboostUbjson)
    } else {
        xgboost::looks_like_binary(head).then_some(Form::XgboostBinary)
    }
}

/// The form of one of the files, by its first bytes.
///
/// # Errors
/// What the operating system said of the file.
pub(crate) fn head_form(files: &dyn ModelFiles, entry: &FileEntry) -> Result<Option<Form>, Problem> {
    files.head(&entry.name, HEAD_BYTES).map(|head| form(&head))
}

/// Whether JSON follows an opening brace, rather than the binary kind.
fn starts_with_key(rest: &[u8]) -> bool {
    rest.trim_ascii_start().first() == Some(&b'"')
}

/// How sure the engine is.
pub(crate) fn claim(files: &dyn ModelFiles) -> Claim {
    let Some(entry) = files.single(&ENDINGS) else {
        return Claim::No("no single file of a tree model".to_owned());
    };
    match head_form(files, entry) {
        Err(problem) => Claim::No(format!("{} cannot be read: {problem}", entry.name)),
        Ok(Some(_)) => Claim::Sure,
        Ok(None) => Claim::No("no XGBoost, LightGBM or CatBoost file".to_owned()),
    }
}

/// The model's file among the files.
pub(crate) fn model_file(files: &dyn ModelFiles) -> Result<&FileEntry, Problem> {
    files.single(&ENDINGS).ok_or_else(|| not_recognised(&files.path().display().to_string()))
}

/// What is said of a file that is none of these.
pub(crate) fn not_recognised(path: &str) -> Problem {
    let tried = vec!["trees: no XGBoost, LightGBM or CatBoost file".to_owned()];
    Problem::new(Reason::NotRecognised { path: path.to_owned(), tried })
}
