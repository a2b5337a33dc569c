//! Loading with a fake engine: choice, rules, verification, warm-up.

use super::*;
use crate::fake::{FakeEngine, answer, kit, put, scale};
use crate::{ComputePool, NullRules, SystemClock, VersionPolicy};
use landfall_model::{Claim, Importer, ModelFiles, NullRule, Options, Reason, RowRule};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

fn once(
    files: &[(&str, &str)],
    source: impl FnOnce(&Path) -> Source,
) -> Result<(Lease, LoadReport), Problem> {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), files);
    load_once(&kit(Arc::new(FakeEngine::default())), &source(folder.path()))
}

fn file(text: &str) -> Result<(Lease, LoadReport), Problem> {
    once(&[("a.fake", text)], |folder| Source::path(folder.join("a.fake")))
}

#[test]
fn a_file_is_loaded_under_its_stem_as_version_1() {
    let (lease, report) = file(&scale(3)).unwrap();
    assert_eq!((&**lease.model(), lease.version().to_string().as_str()), ("a", "1"));
    assert_eq!((report.why.as_str(), report.verified), ("the only one that reads it", 1));
    assert_eq!(answer(&lease), 3.0);
    assert_eq!(lease.statistics().executions, 1, "only calls count");
}

#[test]
fn a_report_warns_of_folders_without_numbers_that_were_taken_for_versions() {
    let (_, report) =
        once(&[("a/m.fake", &scale(1)), ("b/m.fake", &scale(2))], |folder| Source::path(folder)).unwrap();
    assert!(report.warnings[0].contains("whose versions are the folders \""), "{:?}", report.warnings);
    let (_, numbered) = once(&[("1/m.fake", &scale(1))], |folder| Source::path(folder)).unwrap();
    assert!(numbered.warnings.is_empty(), "{:?}", numbered.warnings);
}

#[test]
fn the_newest_version_is_loaded_and_a_broken_one_is_a_problem() {
    let files = [("1/m.fake", scale(1)), ("2/m.fake", scale(2)), ("10/m.fake", scale(10))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (lease, _) = once(&files, |folder| Source::path(folder)).unwrap();
    assert_eq!(lease.version().number(), Some(10));
    assert!(
        once(&[("1/m.fake", "fake\nend\n"), ("2/m.fake", "fake\nfail bad\nend\n")], |folder| Source::path(
            folder
        ))
        .is_err()
    );
}

#[test]
fn of_a_file_that_the_system_does_not_let_be_read_that_alone_is_said() {
    // A file of the kernel's that opens, and whose first byte nobody may read.
    let files = FolderFiles::open(Path::new("/proc/self/mem"));
    let Ok(files) = files else { return };
    let problem = choose(&kit(Arc::new(FakeEngine::default())), &files, &[]).err().unwrap();
    assert!(problem.to_string().starts_with("cannot read "), "{problem}");
}

#[test]
fn what_is_no_model_names_what_each_engine_said() {
    let problem = once(&[("a.txt", "hello")], |folder| Source::path(folder.join("a.txt"))).err().unwrap();
    assert!(matches!(problem.reason(), Reason::NotRecognised { .. }));
    assert!(problem.to_string().contains("fake: no fake file"), "{problem}");
    let nothing = once(&[("a.txt", "")], |folder| Source::path(folder.join("a.txt"))).err().unwrap();
    assert!(nothing.to_string().ends_with("the file is empty"), "{nothing}");
    let empty = once(&[("x/readme", "hello")], |folder| Source::path(folder)).err().unwrap();
    assert!(matches!(empty.reason(), Reason::NotRecognised { .. }), "{empty}");
    let missing = once(&[], |folder| Source::path(folder.join("nothing"))).err().unwrap();
    assert!(matches!(missing.reason(), Reason::FileMissing { .. }));
}

#[test]
fn a_folder_of_several_models_asks_for_one() {
    let files = [("a/1/m.fake", "fake\nend\n"), ("b/1/m.fake", "fake\nend\n")];
    let problem = once(&files, |folder| Source::path(folder)).err().unwrap();
    assert!(problem.to_string().contains("several models (a, b)"), "{problem}");
}

#[test]
fn failing_verification_panics_and_truncation_fail_the_load_alone() {
    for (text, says) in [
        ("fake\nverify row 3 differs\nend\n", "the model's own verification: row 3 differs"),
        ("fake\npanic oh\nend\n", "loading panicked"),
        ("fake\nscale 2\n", "the file is cut short"),
    ] {
        assert!(file(text).err().unwrap().to_string().contains(says), "{text}");
    }
}

#[test]
fn golden_rows_decide_whether_a_version_is_accepted() {
    let with = |table: &str| {
        let files = [("m.fake", "fake\nscale 2\nend\n"), ("model.toml", "golden g"), ("g", table)];
        once(&files, |folder| Source::path(folder))
    };
    let (lease, report) = with("1 2 6\n0 0 0").unwrap();
    assert_eq!(report.golden.map(|golden| (golden.rows, golden.differing)), Some((2, 0)));
    assert_eq!(lease.statistics().executions, 0, "golden rows are nobody's call");
    let problem = with("1 2 6\n1 1 5").err().unwrap();
    assert_eq!(problem.kind(), Kind::DataLoss);
    assert!(problem.to_string().contains(r#"row 2, output "y", value 0: expected 5, found 4"#), "{problem}");
    let unreadable =
        once(&[("m.fake", "fake\nend\n"), ("model.toml", "golden nothing")], |folder| Source::path(folder));
    assert!(unreadable.err().unwrap().to_string().contains("nothing"));
}

#[test]
fn warm_up_rows_must_run() {
    let with = |table: &str| {
        once(&[("m.fake", "fake\nleast 2\nend\n"), ("model.toml", "warm_up w"), ("w", table)], |folder| {
            Source::path(folder)
        })
    };
    assert_eq!(with("1 2\n3 4").unwrap().0.statistics().executions, 0);
    assert!(with("1 2\n3").err().unwrap().to_string().contains("warm-up call 1: 1 are too few"));
}

#[test]
fn settings_reach_the_signature() {
    let with = |settings: ModelSettings, text: &str| {
        once(&[("a.fake", text)], |folder| Source { settings, ..Source::path(folder.join("a.fake")) })
    };
    let zero = NullRules { all: Some("zero".into()), ..NullRules::default() };
    let (lease, _) =
        with(ModelSettings { null_rules: zero, ..ModelSettings::default() }, "fake\nend\n").unwrap();
    assert_eq!(lease.signatures()[0].inputs()[0].null, NullRule::Zero);
    let mut unknown = NullRules::default();
    unknown.by_input.insert("z".into(), "zero".into());
    let problem =
        with(ModelSettings { null_rules: unknown, ..ModelSettings::default() }, "fake\nend\n").err();
    assert!(matches!(problem.unwrap().reason(), Reason::InputUnknown { .. }));
    let mut for_all = NullRules::default();
    for_all.where_known.extend([("z".into(), "nan".into()), ("x".into(), "zero".into())]);
    let (lease, _) =
        with(ModelSettings { null_rules: for_all, ..ModelSettings::default() }, "fake\nend\n").unwrap();
    assert_eq!(lease.signatures()[0].inputs()[0].null, NullRule::Zero);
    let batched = ModelSettings { batch: Some(true), ..ModelSettings::default() };
    let (lease, _) = with(batched, "fake\nrows 4\nend\n").unwrap();
    assert_eq!(*lease.signatures()[0].rows(), RowRule::Pieces(4));
    assert_eq!(answer(&lease), 1.0, "a short piece is padded and cut");
    let said = |text: &str, batch| {
        let settings = ModelSettings { batch, ..ModelSettings::default() };
        with(settings, text).unwrap().1.notes.join(" ")
    };
    let four = "fake\nrows 4\nend\n";
    assert!(said(four, None).contains("axis 0 is always 4, and so are its calls"), "{}", said(four, None));
    assert_eq!([said(four, Some(true)), said(four, Some(false)), said("fake\nend\n", None)], ["", "", ""]);
}

#[test]
fn unknown_options_and_engines_are_refused_by_name() {
    let with = |settings: ModelSettings| {
        let source = |folder: &Path| Source { settings, ..Source::path(folder.join("a.fake")) };
        once(&[("a.fake", "fake\nend\n")], source).err().map(|problem| problem.to_string())
    };
    let mut settings = ModelSettings { versions: Some(VersionPolicy::All), ..ModelSettings::default() };
    settings.options.set("color", "red");
    assert!(with(settings).unwrap().contains(r#"unknown option "color"; known: colour"#));
    let other = |name: &str| ModelSettings { engines: vec![name.to_owned()], ..ModelSettings::default() };
    assert_eq!(with(other("fake")), None);
    let problem = with(other("trees")).unwrap();
    assert!(problem.contains("fake: not among the engines asked for"), "{problem}");
    assert!(problem.contains("trees: there is no such engine here"), "{problem}");
}

/// Turns text files that begin with `plan` into fake ones.
struct Planner;

impl Importer for Planner {
    fn name(&self) -> &'static str {
        "planner"
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        match files.single(&[".plan"]).map(|entry| files.head(&entry.name, 4)) {
            Some(Ok(head)) if head == b"plan" => Claim::Sure,
            _ => Claim::No("no plan".to_owned()),
        }
    }

    fn options(&self) -> &'static [landfall_model::OptionSpec] {
        &[landfall_model::OptionSpec { key: "scale", help: "of the model that is made" }]
    }

    fn import(
        &self,
        _: &dyn ModelFiles,
        into: &Path,
        options: &Options,
    ) -> Result<landfall_model::Imported, Problem> {
        let path = into.join("made.fake");
        let text = format!("fake\nscale {}\nend\n", options.get("scale").unwrap_or("1"));
        std::fs::write(&path, text).map_err(|error| Problem::io("write", &error))?;
        Ok(landfall_model::Imported { path, note: "a plan was carried out".to_owned() })
    }
}

#[test]
fn what_no_engine_reads_is_converted_beside_the_original() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("a.plan", "plan")]);
    let plain = kit(Arc::new(FakeEngine::default()));
    let plain = Arc::into_inner(plain).unwrap();
    let kit = Arc::new(Kit { importers: vec![Arc::new(Planner)], ..plain });
    let mut source = Source::path(folder.path().join("a.plan"));
    source.settings.options.set("scale", "7");
    source.settings.options.set("colour", "red");
    let (lease, report) = load_once(&kit, &source).unwrap();
    assert_eq!(answer(&lease), 7.0);
    assert_eq!(report.notes, ["a plan was carried out"]);
    assert!(report.why.ends_with("converted by planner"), "{}", report.why);
}

/// Between two looks at it, so many milliseconds pass.
struct Ticking(u64, AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Instant {
        let looks = self.1.fetch_add(1, Ordering::Relaxed);
        SystemClock.now() + Duration::from_millis(self.0 * looks)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// Threads of a run of a model whose rows take so many milliseconds, and the notes of its load.
fn threads_of_a_run(row_ms: u64, threads: usize, text: &str, set: Option<&str>) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("a.fake", text)]);
    let mut kit = kit(Arc::new(FakeEngine::default()));
    let clock = Arc::new(Ticking(row_ms, AtomicU64::new(0)));
    Arc::get_mut(&mut kit).unwrap().pool = ComputePool::new(threads, clock);
    let mut source = Source::path(folder.path().join("a.fake"));
    set.into_iter().for_each(|threads| source.settings.options.set("threads", threads));
    let (lease, report) = load_once(&kit, &source).unwrap();
    assert_eq!(answer(&lease), 3.0);
    (lease.facts().threads_inside, report.notes)
}

#[test]
fn a_model_whose_rows_take_long_runs_on_all_threads() {
    let (threads, notes) = threads_of_a_run(30, 4, &scale(3), None);
    assert_eq!(threads, 4);
    assert!(notes[0].contains("each run takes 4 threads (threads = 1 keeps it to one)"), "{notes:?}");
    assert_eq!(threads_of_a_run(1, 4, &scale(3), None), (1, Vec::new()), "its rows take little");
    assert_eq!(threads_of_a_run(30, 1, &scale(3), None).0, 1, "there is one thread");
    assert_eq!(threads_of_a_run(30, 4, &scale(3), Some("2")).0, 2, "somebody said otherwise");
}

#[test]
fn a_model_that_cannot_be_loaded_for_all_threads_keeps_one() {
    let (threads, notes) = threads_of_a_run(30, 4, "fake\nscale 3\nnarrow\nend\n", None);
    assert_eq!(threads, 1);
    assert!(notes[0].contains("cannot be had: no room for so many threads"), "{notes:?}");
}

#[test]
fn a_call_of_a_model_that_is_never_batched_runs_on_few_threads() {
    let threads = |all| threads_of_a_run(30, all, "fake\nscale 3\nrows 1\nend\n", None).0;
    assert_eq!([1, 2, 3, 4, 8, 16].map(threads), [1, 2, 3, 4, 4, 4]);
    assert_eq!([6, 7].map(threads), [3, 3], "two calls at once");
    let (short, _) = threads_of_a_run(1, 4, "fake\nscale 3\nrows 1\nend\n", None);
    assert_eq!(short, 1, "its rows take little");
}
