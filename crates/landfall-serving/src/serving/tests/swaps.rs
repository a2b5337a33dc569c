//! Versions come and go while calls run.

use super::*;
use crate::fake::scale;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn a_new_version_is_loaded_beside_the_old_one_which_then_drains() {
    let case = Case::served(&[("m/1/a.fake", &scale(1))]);
    let held = case.find(&VersionChoice::Default).unwrap();
    case.put(&[("m/2/a.fake", "fake\nscale 2\ngate go\nend\n")]);
    case.wait_states("2 LOADING, 1 AVAILABLE");
    assert_eq!(case.default(), "1");
    let exact = case.find(&VersionChoice::Exact(Version::numbered(2))).unwrap_err();
    assert!(matches!(exact.reason(), landfall_model::Reason::VersionNotReady { .. }));
    case.engine.open("go");
    case.wait_states("2 AVAILABLE, 1 UNLOADING");
    assert_eq!(case.default(), "2");
    assert_eq!(answer(&held), 1.0, "a call under way finishes on the version that it began with");
    drop(held);
    case.wait_states("2 AVAILABLE, 1 END");
    let lines = case.story.lines();
    let place = |line: &str| {
        lines.iter().position(|other| other == line).unwrap_or_else(|| panic!("{line}: {lines:#?}"))
    };
    assert!(place("available m 2 fake") < place("unloading m 1"));
    assert!(place("unloading m 1") < place("unloaded m 1"));
}

#[test]
fn no_call_fails_while_versions_change() {
    let case = Case::served(&[("m/1/a.fake", &scale(1))]);
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let catalog = case.serving().catalog().clone();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0.0;
                while !stop.load(Ordering::Relaxed) {
                    let lease =
                        catalog.find("m", &VersionChoice::Default).expect("there is always a version");
                    let scale = answer(&lease);
                    assert_eq!(Some(scale as i64), lease.version().number(), "an answer is its version's");
                    assert!(scale >= last, "the default never goes back");
                    last = scale;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in 2..8 {
            case.put(&[(&format!("m/{version}/a.fake"), &scale(version))]);
            case.wait("the new version answers", || case.default() == version.to_string());
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(calls.load(Ordering::Relaxed) > 0);
    case.wait("all old versions are freed", || {
        (1..7).all(|version| case.happened(&format!("unloaded m {version}")))
    });
}

#[test]
fn a_version_that_is_taken_away_gives_way_to_the_next_older() {
    let case = Case::served(&[("m/1/a.fake", &scale(1)), ("m/2/a.fake", &scale(2))]);
    assert_eq!(case.default(), "2");
    std::fs::rename(case.models().join("m/2"), case.models().join("m/.2")).unwrap();
    case.wait_states("2 END, 1 AVAILABLE");
    assert_eq!(case.default(), "1");
    std::fs::remove_dir_all(case.models().join("m/1")).unwrap();
    case.wait_states("2 END, 1 END");
    assert!(case.default().contains("no available version"));
}

#[test]
fn a_missing_base_path_leaves_what_is_loaded() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1)), ("n/1/a.fake", &scale(1))]);
    case.serve(["m", "n"].map(|name| Source::path(case.models().join(name))).to_vec());
    std::fs::rename(case.models().join("m"), case.models().join("away")).unwrap();
    case.wait("it is said", || {
        case.story.lines().iter().any(|line| line.contains("what was loaded from it stays"))
    });
    case.put(&[("n/2/a.fake", &scale(2))]);
    let other = || case.serving().catalog().find("n", &VersionChoice::Default).unwrap().version().to_string();
    case.wait("the other model goes on", || other() == "2");
    assert_eq!(case.default(), "1");
    std::fs::rename(case.models().join("away"), case.models().join("m")).unwrap();
    case.put(&[("m/2/a.fake", &scale(2))]);
    case.wait("it is watched again", || case.default() == "2");
}

#[test]
fn policies_and_labels_follow_the_settings_file_without_a_reload() {
    let files = [("m/1/a.fake", scale(1)), ("m/2/a.fake", scale(2)), ("m/3/a.fake", scale(3))];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let case = Case::served(&files);
    assert_eq!(case.states(), "3 AVAILABLE");
    case.put(&[("m/model.toml", "latest 2\nlabel stable 1")]);
    case.wait_states("3 AVAILABLE, 2 AVAILABLE, 1 AVAILABLE");
    assert_eq!((case.label("stable"), case.default()), ("1".to_owned(), "3".to_owned()));
    let lease = case.find(&VersionChoice::Default).unwrap();
    case.put(&[("m/model.toml", "all\nlabel stable 2")]);
    case.wait("the label has moved", || case.label("stable") == "2");
    assert!(lease.is_same(&case.find(&VersionChoice::Default).unwrap()), "nothing was loaded again");
    case.put(&[("m/model.toml", "latest 1\nlabel stable 9")]);
    case.wait_states("3 AVAILABLE, 2 END, 1 END");
    assert!(case.label("stable").contains("has no version 9"), "its version is not there");
    case.put(&[("m/model.toml", "nonsense")]);
    case.wait("it is said", || case.story.lines().iter().any(|line| line.contains("unknown setting")));
    assert_eq!(case.default(), "3");
}

#[test]
fn a_label_binds_when_its_version_is_ready() {
    let case = Case::served(&[
        ("m/1/a.fake", &scale(1)),
        ("m/2/a.fake", "fake\nscale 2\ngate go\nend\n"),
        ("m/3/a.fake", &scale(3)),
        ("m/model.toml", "label stable 1"),
    ]);
    assert_eq!(case.label("stable"), "1");
    case.put(&[("m/model.toml", "label stable 2")]);
    case.wait_states("3 AVAILABLE, 2 LOADING, 1 AVAILABLE");
    assert_eq!(case.label("stable"), "1", "it points where it did until the new version is ready");
    case.engine.open("go");
    case.wait("the label has moved", || case.label("stable") == "2");
    case.wait_states("3 AVAILABLE, 2 AVAILABLE, 1 END");
}

#[test]
fn free_form_versions_are_reached_as_labels() {
    let case = Case::served(&[("m/spring/a.fake", &scale(4)), ("n/1/a.fake", &scale(1))]);
    assert_eq!((case.label("spring"), case.default()), ("spring".to_owned(), "spring".to_owned()));
    assert!(case.label("summer").contains("no label"));
}

#[test]
fn changed_settings_load_a_version_again() {
    let case = Case::served(&[("m/1/a.fake", "fake\nscale 2\nrows 4\nend\n")]);
    let rule = || case.find(&VersionChoice::Default).unwrap().signatures()[0].rows().clone();
    assert_eq!(rule(), landfall_model::RowRule::None);
    case.put(&[("m/model.toml", "batch")]);
    case.wait("the new setting holds", || rule() == landfall_model::RowRule::Pieces(4));
}

#[test]
fn a_fault_in_the_settings_is_forgotten_when_it_is_taken_back() {
    let case = Case::served(&[("m/1/a.fake", &scale(2)), ("m/1/model.toml", "all")]);
    let problem = || case.serving().catalog().statuses("m").unwrap()[0].problem.clone();
    case.put(&[("m/model.toml", "nonsense")]);
    case.wait("the fault shows", || problem().is_some());
    case.put(&[("m/model.toml", "label stable 1")]);
    case.wait("nothing is wrong any more", || problem().is_none());
    assert_eq!((case.states().as_str(), case.label("stable").as_str()), ("1 AVAILABLE", "1"));
}
