//! The shared cases: documents of many writers, with the answers of the libraries that trained them.

use crate::compare::Rule;
use crate::{csv, files, table};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases that pass today; this number only grows.
const PASSED_AT_LEAST: usize = 917;

/// Cases that do not pass yet: name and reason, a line each.
const OPEN: &str = include_str!("open_cases.tsv");

pub(crate) struct Case {
    pub(crate) name: String,
    source: String,
    pub(crate) pmml: PathBuf,
    pub(crate) input: PathBuf,
    expected: PathBuf,
    elements: Vec<String>,
    ignored: Vec<String>,
    pub(crate) rule: Rule,
    scored: bool,
    verification: bool,
}

enum Outcome {
    Passed,
    Refused(String),
    Wrong(String),
}

pub(crate) fn shared() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    std::env::var_os("LANDFALL_SHARED").map_or_else(default, PathBuf::from).join("conformance/pmml")
}

/// Unpacks an archive once; the mark is written last.
fn unpack(archive: &Path, into: &Path) {
    let name = archive.file_name().unwrap().to_string_lossy();
    let mark = into.join(format!(".{name}.done"));
    if mark.exists() {
        return;
    }
    std::fs::create_dir_all(into).unwrap();
    let status = Command::new("tar").arg("xf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(status.success(), "tar could not unpack {}", archive.display());
    std::fs::write(mark, b"").unwrap();
}

fn cases(folder: &Path, work: &Path) -> Vec<Case> {
    let index = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut lines = index.lines();
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut all = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let of = |name: &str| cells[head.iter().position(|column| *column == name).unwrap()];
        unpack(&folder.join(of("archive")), work);
        let path = |column: &str, ending: &str| match of(column) {
            "=" => work.join(format!("{}.{ending}", of("case"))),
            path => work.join(path),
        };
        let list = |column: &str, by: char| {
            of(column).split(by).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        all.push(Case {
            name: of("case").to_owned(),
            source: of("source").to_owned(),
            pmml: path("pmml", "pmml"),
            input: path("input", "csv"),
            expected: path("expected", "csv"),
            elements: list("elements", ','),
            ignored: list("ignored", '|'),
            rule: Rule {
                rtol: of("rtol").parse().unwrap(),
                atol: of("atol").parse().unwrap(),
                missing: list("missing", ','),
            },
            scored: of("status") == "scored",
            verification: of("verification") == "y",
        });
    }
    all
}

fn run(case: &Case) -> Outcome {
    let model = match files::load(&std::fs::read(&case.pmml).unwrap()) {
        Ok(model) => model,
        Err(problem) => return Outcome::Refused(problem.to_string()),
    };
    let (head, rows) = csv::read(&std::fs::read_to_string(&case.input).unwrap());
    let (names, got) = match table::run(model.as_ref(), &head, &rows, &case.rule.missing) {
        Ok(answer) => answer,
        Err(problem) => return Outcome::Wrong(format!("run: {problem}")),
    };
    let (expected_head, expected) = csv::read(&std::fs::read_to_string(&case.expected).unwrap());
    if expected.len() != got.len() {
        return Outcome::Wrong(format!("{} rows expected, {} came", expected.len(), got.len()));
    }
    for (place, name) in expected_head.iter().enumerate().filter(|(_, name)| !case.ignored.contains(name)) {
        let Some(at) = names.iter().position(|other| other == name) else {
            return Outcome::Wrong(format!("column {name} is absent of {names:?}"));
        };
        for (number, (expected, got)) in expected.iter().zip(&got).enumerate() {
            let (e, g) = (expected.get(place).map(String::as_str), got.get(at).map(String::as_str));
            if !case.rule.same(e, g) {
                return Outcome::Wrong(format!(
                    "row {}, column {name}: expected {}, got {}",
                    number + 1,
                    e.unwrap_or_default(),
                    g.unwrap_or_default()
                ));
            }
        }
    }
    if case.verification
        && let Err(problem) = model.verify()
    {
        return Outcome::Wrong(problem.to_string());
    }
    Outcome::Passed
}

fn all_outcomes(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = cases.iter().position(|other| std::ptr::eq(other, case)).unwrap();
                    let outcome = run(case);
                    done.lock().unwrap().push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A refusal without its place and names, to count equal ones.
fn kind_of(refusal: &str) -> String {
    let text = refusal.split_once("column ").map_or(refusal, |(_, rest)| rest);
    text.split_once(": ").map_or(text, |(_, rest)| rest).chars().take(110).collect()
}

/// All cases, or those that the environment names; `None` where there are none.
pub(crate) fn all_cases() -> Option<Vec<Case>> {
    let folder = shared();
    if !folder.join("index.tsv").exists() {
        return None;
    }
    static UNPACKING: Mutex<()> = Mutex::new(());
    let unpacking = UNPACKING.lock();
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pmml-cases");
    let mut cases = cases(&folder, &work);
    drop(unpacking);
    let pattern = std::env::var("LANDFALL_PMML_CASE").unwrap_or_default();
    cases.retain(|case| case.scored && case.name.contains(&pattern));
    Some(cases)
}

#[test]
fn the_shared_cases_give_the_answers_of_the_libraries_that_trained_them() {
    let Some(cases) = all_cases() else {
        println!("no shared cases at {}: nothing is compared", shared().display());
        return;
    };
    let outcomes = all_outcomes(&cases);
    let (mut sources, mut elements) = (BTreeMap::new(), BTreeMap::new());
    let mut refusals: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut passed = 0;
    for (case, outcome) in cases.iter().zip(&outcomes) {
        let good = usize::from(matches!(outcome, Outcome::Passed));
        passed += good;
        let count = |map: &mut BTreeMap<String, (usize, usize)>, key: &str| {
            let entry = map.entry(key.to_owned()).or_insert((0, 0));
            *entry = (entry.0 + good, entry.1 + 1);
        };
        count(&mut sources, &case.source);
        case.elements.iter().for_each(|element| count(&mut elements, element));
        match outcome {
            Outcome::Passed => {}
            Outcome::Wrong(what) => println!("WRONG {}: {what}", case.name),
            Outcome::Refused(what) => {
                refusals.entry(kind_of(what)).or_default().push(&case.name);
            }
        }
    }
    for (what, names) in &refusals {
        println!("REFUSED {} × {what} ({})", names.len(), names[..names.len().min(3)].join(" "));
    }
    for (key, (good, all)) in sources.iter().chain(&elements) {
        println!("{key}: {good} of {all}");
    }
    let open: Vec<&str> = OPEN.lines().filter_map(|line| line.split('\t').next()).collect();
    let failed = |(case, outcome): &(&Case, &Outcome)| {
        !matches!(outcome, Outcome::Passed) && !open.contains(&case.name.as_str())
    };
    let surprises: Vec<&str> =
        cases.iter().zip(&outcomes).filter(failed).map(|(case, _)| case.name.as_str()).collect();
    let refused: usize = refusals.values().map(Vec::len).sum();
    println!("{passed} passed, {} wrong, {refused} refused", cases.len() - passed - refused);
    assert!(surprises.is_empty(), "these fail and are not among the open cases: {surprises:?}");
    let some = std::env::var_os("LANDFALL_PMML_CASE").is_some();
    assert!(some || passed >= PASSED_AT_LEAST, "{passed} pass, {PASSED_AT_LEAST} did before");
}
