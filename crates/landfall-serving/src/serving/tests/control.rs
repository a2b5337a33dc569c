//! Control calls, and what is left of them after a restart.

use super::*;
use crate::fake::scale;
use landfall_model::{Kind, Reason};

fn three() -> Case {
    let files = [("m/1/a.fake", scale(1)), ("m/2/a.fake", scale(2)), ("m/3/a.fake", scale(3))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Case::served(&files)
}

#[test]
fn a_promoted_version_is_loaded_and_stays_the_default_whatever_comes() {
    let case = three();
    case.promote("1", None).unwrap();
    assert_eq!((case.default(), case.states()), ("1".into(), "3 AVAILABLE, 1 AVAILABLE".into()));
    case.put(&[("m/4/a.fake", &scale(4))]);
    case.wait_states("4 AVAILABLE, 3 END, 1 AVAILABLE");
    assert_eq!(case.default(), "1");
    assert_eq!(case.rollback().unwrap(), "roll back from version 1 to what it was before any promotion");
    assert_eq!(case.default(), "4", "without a promotion the newest is the default");
}

#[test]
fn a_rollback_without_a_promotion_pins_the_version_before() {
    let case = three();
    assert_eq!(case.rollback().unwrap(), "roll back from version 3 to version 2");
    assert_eq!(case.default(), "2");
    case.rollback().unwrap();
    assert_eq!(case.default(), "1");
    assert_eq!(case.rollback().unwrap_err().kind(), Kind::FailedPrecondition);
    assert_eq!(case.default(), "1");
}

#[test]
fn a_label_moves_and_moves_back() {
    let case = three();
    case.promote("2", Some("stable")).unwrap();
    case.promote("1", Some("stable")).unwrap();
    assert_eq!((case.label("stable"), case.default()), ("1".into(), "3".into()));
    assert_eq!(case.rollback().unwrap(), "roll back label stable from version 1 to version 2");
    assert_eq!(case.label("stable"), "2");
    case.rollback().unwrap();
    assert!(case.label("stable").contains("no label"));
}

#[test]
fn what_cannot_be_promoted_moves_nothing() {
    let case = three();
    case.put(&[("m/0/a.fake", "fake\nfail bad\nend\n")]);
    let absent = case.promote("9", None).unwrap_err();
    assert_eq!(*absent.reason(), Reason::VersionNotFound { model: "m".into(), version: "9".into() });
    let broken = case.promote("0", Some("stable")).unwrap_err();
    assert!(broken.to_string().contains(r#"model "m" version 0"#) && broken.to_string().contains("bad"));
    let other = case.control().promote("x", &Version::numbered(1), None, "ann", LONG).unwrap_err();
    assert_eq!(*other.reason(), Reason::ModelNotFound { model: "x".into() });
    let long = case.promote("1", Some(&"x".repeat(2000))).unwrap_err();
    assert_eq!(long.kind(), Kind::InvalidArgument, "{long}");
    assert_eq!(case.default(), "3");
    assert!(case.control().history().unwrap().is_empty());
}

#[test]
fn a_call_that_was_given_up_moves_nothing_later() {
    let case = Case::served(&[("m/1/a.fake", "fake\ngate go\nend\n"), ("m/2/a.fake", &scale(2))]);
    let short = Duration::from_millis(300);
    let late = case.control().promote("m", &Version::numbered(1), None, "ann", short).unwrap_err();
    assert_eq!(*late.reason(), Reason::DeadlineExceeded);
    case.engine.open("go");
    case.promote("2", Some("after")).unwrap();
    assert_eq!(case.default(), "2");
    assert_eq!(case.control().history().unwrap().len(), 1);
}

#[test]
fn an_unloaded_model_is_gone_until_it_is_loaded_again() {
    let case = three();
    case.control().unload("m", "ann", LONG).unwrap();
    assert!(case.default().contains("no available version"));
    assert_eq!(case.rollback().unwrap_err().kind(), Kind::FailedPrecondition);
    case.put(&[("m/4/a.fake", &scale(4))]);
    case.wait_states("3 END");
    case.control().load("m", "bob", LONG).unwrap();
    assert_eq!(case.default(), "4");
    let unknown = case.control().unload("x", "ann", LONG).unwrap_err();
    assert_eq!(*unknown.reason(), Reason::ModelNotFound { model: "x".into() });
}

#[test]
fn a_promotion_loads_a_version_of_an_unloaded_model_first() {
    let mut case = three();
    case.control().unload("m", "ann", LONG).unwrap();
    case.wait_states("3 END");
    case.promote("1", None).unwrap();
    assert_eq!(case.default(), "1");
    case.wait_states("3 AVAILABLE, 1 AVAILABLE");
    let told: Vec<String> = case.control().history().unwrap().iter().map(|e| e.what.to_string()).collect();
    assert_eq!(told, ["unload", "promote version 1"], "one entry: no crash leaves half of it");
    case.serve(vec![Source::path(case.models())]);
    assert_eq!(case.default(), "1", "and it is so after a restart");
}

#[test]
fn a_promotion_whose_load_fails_leaves_an_unloaded_model_as_it_was() {
    let mut case = three();
    case.put(&[("m/0/a.fake", "fake\nfail bad\nend\n")]);
    case.control().unload("m", "ann", LONG).unwrap();
    for label in [None, Some("stable")] {
        let problem = case.promote("0", label).unwrap_err().to_string();
        assert!(problem.contains(r#"model "m" version 0"#) && problem.contains("bad"), "{problem}");
    }
    assert!(case.default().contains("no available version"), "{}", case.default());
    assert_eq!(case.control().history().unwrap().len(), 1);
    case.serve(vec![Source::path(case.models())]);
    assert!(case.default().contains("no available version"), "{}", case.default());
}

#[test]
fn a_promotion_of_an_unloaded_model_that_was_given_up_brings_nothing_back() {
    let case = Case::served(&[("m/1/a.fake", "fake\nscale 1\nend\n"), ("n/1/a.fake", &scale(1))]);
    case.control().unload("m", "ann", LONG).unwrap();
    case.put(&[("m/2/a.fake", "fake\ngate go\nend\n")]);
    let short = Duration::from_millis(300);
    let late = case.control().promote("m", &Version::numbered(2), None, "ann", short).unwrap_err();
    assert_eq!(*late.reason(), Reason::DeadlineExceeded);
    case.engine.open("go");
    case.control().load("n", "ann", LONG).unwrap();
    assert!(case.default().contains("no available version"), "{}", case.default());
    let told: Vec<String> = case.control().history().unwrap().iter().map(|e| e.what.to_string()).collect();
    assert_eq!(told, ["unload", "load"]);
}

#[test]
fn a_load_takes_up_files_at_once_and_tries_failed_ones_again() {
    let case = three();
    let lease = case.find(&VersionChoice::Default).unwrap();
    case.control().load("m", "ann", LONG).unwrap();
    assert!(
        lease.is_same(&case.find(&VersionChoice::Default).unwrap()),
        "unchanged files are not loaded again"
    );
    case.put(&[("m/4/a.fake", "fake\nfail bad\nend\n")]);
    let problem = case.control().load("m", "ann", LONG).unwrap_err();
    assert!(problem.to_string().contains(r#"model "m" version 4"#), "{problem}");
    assert_eq!(case.default(), "3");
    assert!(case.control().load("m", "ann", LONG).is_err(), "it is tried again, and fails again");
    case.put(&[("n/1/a.fake", &scale(5))]);
    case.control().load("n", "ann", LONG).unwrap();
    assert!(
        case.serving().catalog().find("n", &VersionChoice::Default).is_ok(),
        "a model that has just come"
    );
    assert!(matches!(
        case.control().load("x", "ann", LONG).unwrap_err().reason(),
        Reason::ModelNotFound { .. }
    ));
}

#[test]
fn what_was_changed_and_by_whom_survives_a_restart() {
    let mut case = three();
    case.put(&[("n/1/a.fake", &scale(1))]);
    case.control().load("n", "ann", LONG).unwrap();
    case.promote("2", None).unwrap();
    case.promote("1", Some("stable")).unwrap();
    case.control().unload("n", "bob", LONG).unwrap();
    let history = case.control().history().unwrap();
    // As after a kill: nothing is closed in order.
    case.serve(vec![Source::path(case.models())]);
    assert_eq!((case.default(), case.label("stable")), ("2".into(), "1".into()));
    assert!(case.serving().catalog().find("n", &VersionChoice::Default).is_err());
    let ms = |entry: &crate::Entry| entry.at.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let again = case.control().history().unwrap();
    assert_eq!(again.iter().map(ms).collect::<Vec<_>>(), history.iter().map(ms).collect::<Vec<_>>());
    let told: Vec<String> =
        again.iter().map(|entry| format!("{} {} {}", entry.who, entry.model, entry.what)).collect();
    assert_eq!(
        told,
        ["ann n load", "ann m promote version 2", "ann m promote label stable to version 1", "bob n unload"]
    );
}

#[test]
fn a_model_that_is_named_at_start_is_loaded_whatever_was_unloaded() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1))]);
    let source = || vec![Source::path(case.folder.path().join("models/m"))];
    let sources = source();
    case.serve(sources.clone());
    case.control().unload("m", "ann", LONG).unwrap();
    case.serve(sources);
    assert_eq!(case.default(), "1");
}

#[test]
fn at_start_a_promoted_version_is_waited_for() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1)), ("m/2/a.fake", &scale(2))]);
    case.serve(vec![Source::path(case.models())]);
    case.promote("1", None).unwrap();
    case.put(&[("m/1/a.fake", "fake\nscale 1\ngate go\nend\n")]);
    case.serve_without_waiting(vec![Source::path(case.models())]);
    case.wait_states("2 AVAILABLE, 1 LOADING");
    assert!(case.default().contains("not ready"), "{}", case.default());
    case.engine.open("go");
    case.wait("it is there", || case.default() == "1");
}

#[test]
fn without_a_place_for_the_journal_calls_are_refused_and_models_served() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1))]);
    std::fs::write(case.folder.path().join("state"), "a file where a folder should be").unwrap();
    case.serve(vec![Source::path(case.models())]);
    assert_eq!(case.default(), "1");
    assert!(case.control().unload("m", "ann", LONG).unwrap_err().to_string().contains("journal"));
    assert_eq!(case.default(), "1");
    assert!(case.story.lines().iter().any(|line| line.contains("cannot be loaded, unloaded or promoted")));
}

#[test]
fn once_there_is_a_place_for_the_journal_calls_are_taken_without_a_restart() {
    let mut case =
        Case::with(&[("m/1/a.fake", &scale(1)), ("m/2/a.fake", &scale(2)), ("n/1/a.fake", &scale(1))]);
    case.serve(vec![Source::path(case.models())]);
    case.promote("1", None).unwrap();
    case.control().unload("n", "ann", LONG).unwrap();
    let (state, away) = (case.folder.path().join("state"), case.folder.path().join("away"));
    case.serving = None;
    std::fs::rename(&state, &away).unwrap();
    std::fs::write(&state, "a file where a folder should be").unwrap();
    case.serve(vec![Source::path(case.models())]);
    assert_eq!(case.default(), "2");
    assert!(case.control().unload("n", "ann", LONG).is_err());
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&away, &state).unwrap();
    // The rollback undoes what the journal says, and the other model is as it was left.
    case.control().rollback("m", "ann", LONG).unwrap();
    assert_eq!(case.default(), "2");
    let n = case.serving().catalog().model("n").unwrap();
    assert!(n.unloaded, "{n:?}");
    assert!(case.story.lines().iter().any(|line| line.contains("can be read and written again")));
}
