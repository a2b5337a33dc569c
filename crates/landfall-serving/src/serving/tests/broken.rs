//! Half-copied and broken versions.

use super::*;
use crate::fake::scale;
use std::fs::File;
use std::io::Write;

#[test]
fn a_half_copied_version_is_not_served_and_makes_no_noise() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1))]);
    case.settle = Duration::from_millis(600);
    case.serve(vec![Source::path(case.models())]);
    std::fs::create_dir(case.models().join("m/2")).unwrap();
    let mut file = File::create(case.models().join("m/2/a.fake")).unwrap();
    file.write_all(b"fake\n").unwrap();
    // Each piece comes after the last was seen, so that the files never lie still for long.
    for _ in 0..20 {
        file.write_all(b"scale 2\n").unwrap();
        file.flush().unwrap();
        let seen = case.story.lines().len();
        let mut looks = 0;
        case.wait("a look or two", || {
            looks += 1;
            looks > 2 || case.story.lines().len() > seen
        });
    }
    assert_eq!(case.states(), "1 AVAILABLE", "it is not even listed");
    file.write_all(b"end\n").unwrap();
    drop(file);
    case.wait_states("2 AVAILABLE, 1 END");
    assert_eq!(answer(&case.find(&VersionChoice::Default).unwrap()), 2.0);
    assert!(!case.story.lines().iter().any(|line| line.starts_with("failed")));
}

#[test]
fn a_copy_that_stopped_half_way_is_an_error_until_it_goes_on() {
    let case = Case::served(&[("m/1/a.fake", &scale(1))]);
    case.put(&[("m/2/a.fake", "fake\nscale 2\n")]);
    case.wait_states("2 END, 1 AVAILABLE");
    let problem = case.serving().catalog().statuses("m").unwrap()[0].problem.clone().unwrap();
    assert!(problem.to_string().contains("cut short"), "{problem}");
    assert_eq!(case.default(), "1");
    case.put(&[("m/2/a.fake", &scale(2))]);
    case.wait_states("2 AVAILABLE, 1 END");
}

#[test]
fn a_broken_version_leaves_the_last_good_one_and_is_tried_once() {
    let case = Case::served(&[("m/1/a.fake", &scale(1))]);
    for text in ["fake\nfail bad weights\nend\n", "fake\npanic oh\nend\n", "fake\nverify row 1\nend\n"] {
        case.put(&[("m/2/a.fake", text)]);
        let failures =
            |case: &Case| case.story.lines().iter().filter(|line| line.starts_with("failed m 2")).count();
        let before = failures(&case);
        case.wait("it fails", || failures(&case) == before + 1);
        assert_eq!((case.default(), case.states()), ("1".to_owned(), "2 END, 1 AVAILABLE".to_owned()));
        // Another model's arrival proves that looks went on meanwhile.
        let name = format!("after-{before}");
        case.put(&[(&format!("{name}/1/a.fake"), &scale(1))]);
        case.wait("another model is served", || {
            case.serving().catalog().find(&name, &VersionChoice::Default).is_ok()
        });
        assert_eq!(failures(&case), before + 1, "files that have not changed are not tried again");
    }
    assert!(case.serving().catalog().is_ready());
}

#[test]
fn after_a_restart_beside_a_broken_newest_version_the_next_older_serves() {
    let mut case = Case::with(&[("m/1/a.fake", &scale(1)), ("m/2/a.fake", "fake\nfail bad\nend\n")]);
    let started = case.serve(vec![Source::path(case.models().join("m"))]);
    assert_eq!(started[0].outcome.as_ref().unwrap(), &Version::numbered(1));
    assert_eq!(case.states(), "2 END, 1 AVAILABLE");
}

#[test]
fn a_changed_file_that_is_broken_leaves_the_copy_that_was_loaded() {
    let mut case = Case::with(&[("m.fake", &scale(1))]);
    case.serve(vec![Source::path(case.models().join("m.fake"))]);
    case.put(&[("m.fake", "fake\nfail bad\nend\n")]);
    case.wait("it fails", || case.story.lines().iter().any(|line| line.starts_with("failed m 1")));
    assert_eq!(answer(&case.find(&VersionChoice::Default).unwrap()), 1.0);
    let status = case.serving().catalog().statuses("m").unwrap().remove(0);
    assert_eq!(status.state, VersionState::Available);
    assert!(status.problem.unwrap().to_string().contains("bad"));
    case.put(&[("m.fake", &scale(3))]);
    case.wait("the repaired file is served", || answer(&case.find(&VersionChoice::Default).unwrap()) == 3.0);
}

#[test]
fn files_that_change_while_they_are_loaded_count_for_nothing() {
    let case = Case::served(&[("m/1/a.fake", &scale(1))]);
    case.put(&[("m/2/a.fake", "fake\ngate go\nfail half\nend\n")]);
    case.wait_states("2 LOADING, 1 AVAILABLE");
    case.put(&[("m/2/a.fake", &scale(2))]);
    case.engine.open("go");
    case.wait_states("2 AVAILABLE, 1 END");
    assert!(!case.story.lines().iter().any(|line| line.starts_with("failed")), "{:#?}", case.story.lines());
}
