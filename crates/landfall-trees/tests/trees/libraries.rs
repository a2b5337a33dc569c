//! Random models of the libraries themselves, and their answers to rows that are hard on them.
//!
//! `LANDFALL_TREES_PYTHON` names a Python that has what `libraries/requirements.txt` lists; `LANDFALL_TREES_SECONDS` says
//! for how long models are made (10 unless told), `LANDFALL_TREES_SEED` from which seed on.

use crate::conformance::{assert_none, run_folder};
use std::path::Path;
use std::process::Command;

#[test]
fn random_models_of_the_libraries_give_their_numbers() {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let python = variable("LANDFALL_TREES_PYTHON", "");
    if python.is_empty() {
        let complete = variable("LANDFALL_COMPLETE", "");
        assert!(complete != "1", "a complete run needs LANDFALL_TREES_PYTHON");
        eprintln!("LANDFALL_TREES_PYTHON is not set: no models of the libraries were made");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trees-libraries");
    let _ = std::fs::remove_dir_all(&folder);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees/libraries/make.py");
    let made = Command::new(&python)
        .args([&script, &folder])
        .arg(variable("LANDFALL_TREES_SECONDS", "10"))
        .arg(variable("LANDFALL_TREES_SEED", "0"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status();
    assert!(made.is_ok_and(|status| status.success()), "{python} made no models");
    let failures = ["xgboost", "lightgbm", "catboost"].map(|family| run_folder(&folder.join(family), family));
    assert_none(&failures.concat());
}
