//! Every shared case, every file of its model, every kind of output: the library's numbers.

use crate::cases::{self, Case};
use crate::compare::{Rule, compare, compare_texts};
use crate::{files, npy, rows};
use landfall_model::{Model, Outputs, Tensor};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What became of one kind of output of one file.
enum Outcome {
    Equal,
    /// An answer that is not the library's.
    Wrong(String),
    /// No answer.
    Refused(String),
}

#[derive(Default)]
struct Counts {
    equal: usize,
    wrong: usize,
    refused: usize,
}

/// Runs all shared cases of a family.
fn run(family: &str) -> Vec<String> {
    let folder = cases::archives().and_then(|archives| cases::unpacked(&archives, family));
    folder.map_or_else(Vec::new, |folder| run_folder(&folder, family))
}

/// Runs all cases of a folder; gives the failures that the file of skipped cases does not name.
pub(crate) fn run_folder(folder: &Path, family: &str) -> Vec<String> {
    let skipped = include_str!("skipped.tsv");
    let is_skipped =
        |case: &str, kind: &str| skipped.lines().any(|line| line.starts_with(&format!("{case}\t{kind}\t")));
    let mut counts: BTreeMap<(String, String), Counts> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut left_out = 0;
    let cases = Case::all(folder);
    for case in &cases {
        for (file, form) in case.models() {
            for (kind, outcome) in outcomes(case, &file) {
                let counts = counts.entry((form.clone(), kind.clone())).or_default();
                let failure = match outcome {
                    Outcome::Equal => {
                        counts.equal += 1;
                        continue;
                    }
                    Outcome::Wrong(what) => {
                        counts.wrong += 1;
                        what
                    }
                    Outcome::Refused(what) => {
                        counts.refused += 1;
                        format!("refused: {what}")
                    }
                };
                if is_skipped(&case.name, &kind) {
                    left_out += 1;
                } else {
                    failures.push(format!("{}/{file} {kind}: {failure}", case.name));
                }
            }
        }
    }
    eprintln!("{family}: {} cases", cases.len());
    for ((form, kind), Counts { equal, wrong, refused }) in &counts {
        eprintln!("  {form:7} {kind:14} {equal:4} equal, {wrong} wrong, {refused} refused");
    }
    eprintln!("  {left_out} of these are left out by name");
    failures
}

fn outcomes(case: &Case, file: &str) -> Vec<(String, Outcome)> {
    let kinds = case.kinds();
    let options = case.options();
    let options: Vec<_> = options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let bytes = std::fs::read(case.folder.join(file)).unwrap();
    let model = match files::load(file, &bytes, &options) {
        Ok(model) => model,
        Err(problem) => {
            let refused = |(kind, _): (&str, _)| (kind.to_owned(), Outcome::Refused(problem.to_string()));
            return kinds.into_iter().map(refused).collect();
        }
    };
    let one = |(kind, rule): (&str, &serde_json::Value)| {
        let want = npy::read(&case.folder.join(format!("{kind}.npy")));
        let answered = || match answer(&model, case, kind, want.shape[0]) {
            Err(what) => Outcome::Refused(what),
            Ok(got) => {
                let compared = if want.texts.is_empty() {
                    compare(&rows::numbers(&got), &want, Rule::of(rule))
                } else {
                    compare_texts(&rows::texts(&got), &want)
                };
                compared.map_or_else(Outcome::Wrong, |()| Outcome::Equal)
            }
        };
        let mut outcome = answered();
        if kind == "margin" && matches!(outcome, Outcome::Equal) {
            // By what is made before a server answers, too.
            model.prepare();
            outcome = answered();
        }
        (kind.to_owned(), outcome)
    };
    kinds.into_iter().map(one).collect()
}

/// The model's answer for the first `rows` rows.
fn answer(model: &Arc<dyn Model>, case: &Case, kind: &str, rows: usize) -> Result<Tensor, String> {
    if model.signatures()[0].output(kind).is_none() {
        return Err(format!("the model has no output {kind:?}"));
    }
    let text = |problem: landfall_model::Problem| problem.to_string();
    let call = rows::call(&**model, case, &[kind], rows).map_err(text)?;
    let mut outputs = Outputs::new();
    model.instance().map_err(text)?.run(&call, &mut outputs).map_err(text)?;
    if let Some((row, problem)) = outputs.failed().first() {
        return Err(format!("row {row}: {problem}"));
    }
    let place = call.wanted().iter().next().unwrap();
    Ok(outputs.get(place).unwrap().clone())
}

pub(crate) fn assert_none(failures: &[String]) {
    let shown = failures.iter().take(40).map(|failure| format!("\n  {failure}")).collect::<String>();
    assert!(failures.is_empty(), "{} failures:{shown}", failures.len());
}

#[test]
fn every_xgboost_case_gives_the_librarys_numbers() {
    assert_none(&run("xgboost"));
}

#[test]
fn every_lightgbm_case_gives_the_librarys_numbers() {
    assert_none(&run("lightgbm"));
}

#[test]
fn every_catboost_case_gives_the_librarys_numbers() {
    assert_none(&run("catboost"));
}
