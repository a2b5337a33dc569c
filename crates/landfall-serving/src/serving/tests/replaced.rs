//! The whole configuration replaced while it serves; loads that are tried again; sources that are looked at once.

use super::*;
use crate::fake::scale;
use crate::{Layout, Rounds};

impl Case {
    /// A source with numbered versions, named after its folder.
    fn numbered(&self, name: &str) -> Source {
        Source { layout: Layout::Numbered, ..Source::path(self.models().join(name)).named(name) }
    }

    fn serves(&self, model: &str) -> Option<f32> {
        self.serving().catalog().find(model, &VersionChoice::Default).ok().map(|lease| answer(&lease))
    }
}

fn three_models() -> Case {
    let mut case = Case::with(&[
        ("a/1/m.fake", &scale(1)),
        ("b/1/m.fake", &scale(2)),
        ("c/1/m.fake", &scale(3)),
        ("c/spring/m.fake", &scale(9)),
        ("c/m.fake", &scale(9)),
    ]);
    case.serve(vec![case.numbered("a"), case.numbered("b")]);
    case
}

#[test]
fn a_replaced_configuration_unloads_loads_and_leaves_alone() {
    let case = three_models();
    let kept = case.serving().catalog().find("b", &VersionChoice::Default).unwrap();
    case.control().replace(vec![case.numbered("b"), case.numbered("c")]).unwrap();
    case.wait("c serves and a does not", || case.serves("c") == Some(3.0) && case.serves("a").is_none());
    let still = case.serving().catalog().find("b", &VersionChoice::Default).unwrap();
    assert!(kept.is_same(&still), "it was not loaded again");
    drop((kept, still));
    case.control().replace(vec![case.numbered("a")]).unwrap();
    case.wait("a is back alone", || {
        case.serves("a") == Some(1.0) && case.serves("b").is_none() && case.serves("c").is_none()
    });
    case.control().replace(Vec::new()).unwrap();
    case.wait("nothing serves", || case.serves("a").is_none());
    assert!(case.serving().catalog().is_ready(), "nothing is asked for any more");
}

#[test]
fn only_folders_with_numbers_for_names_are_versions_of_a_numbered_source() {
    let case = three_models();
    case.control().replace(vec![case.numbered("c")]).unwrap();
    case.wait("c serves", || case.serves("c").is_some());
    let versions = case.serving().catalog().statuses("c").unwrap();
    assert_eq!(versions.len(), 1);
    case.put(&[("bare/m.fake", &scale(1))]);
    case.control().replace(vec![case.numbered("bare")]).unwrap();
    case.wait("the mistake is named", || {
        case.story.lines().iter().any(|line| line.contains("has a number for its name"))
    });
    assert!(case.serves("bare").is_none());
}

#[test]
fn a_specific_version_that_is_not_there_is_named() {
    let case = three_models();
    let wanted = [1, 7].map(Version::numbered).to_vec();
    let mut source = case.numbered("c");
    source.settings.versions = Some(crate::VersionPolicy::Only(wanted));
    case.control().replace(vec![source]).unwrap();
    case.wait("the one that is there serves", || case.serves("c") == Some(3.0));
    let named = |line: &String| line.contains("model \"c\" has no version 7");
    assert!(case.story.lines().iter().any(named));
}

#[test]
fn another_base_path_for_the_same_name_is_another_copy() {
    let case = three_models();
    let moved = Source { path: case.models().join("c"), ..case.numbered("a") };
    case.control().replace(vec![moved]).unwrap();
    case.wait("the other path's version answers", || case.serves("a") == Some(3.0));
}

#[test]
fn labels_and_policy_change_with_the_configuration_and_labels_only_point() {
    let mut case = Case::with(&[("a/1/m.fake", &scale(1)), ("a/2/m.fake", &scale(2))]);
    case.serve(vec![case.numbered("a")]);
    let find = |case: &Case, label: &str| {
        case.serving().catalog().find("a", &VersionChoice::Label(label.into())).map(|lease| answer(&lease))
    };
    let mut labelled = case.numbered("a");
    labelled.settings.labels_only_point = true;
    labelled.settings.labels.insert("old".into(), "1".into());
    case.control().replace(vec![labelled.clone()]).unwrap();
    assert!(find(&case, "old").is_err(), "a label that only points loads nothing");
    labelled.settings.versions = Some(crate::VersionPolicy::All);
    case.control().replace(vec![labelled]).unwrap();
    case.wait("the label resolves", || find(&case, "old").is_ok_and(|answer| answer == 1.0));
    case.control().replace(vec![case.numbered("a")]).unwrap();
    assert!(find(&case, "old").is_err(), "a label that is not named any more is unknown at once");
}

#[test]
fn a_load_that_fails_is_tried_again_as_often_as_told() {
    let mut case = Case::with(&[("a/1/m.fake", "fake\nfail bad weights\nend\n")]);
    case.retries = Retries { most: 2, interval: Duration::from_millis(30) };
    let started = case.serve(vec![case.numbered("a")]);
    assert!(started[0].outcome.as_ref().unwrap_err().to_string().contains("bad weights"));
    let lines = case.story.lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("trying again"), count("failed a 1")), (2, 1), "{lines:#?}");
}

#[test]
fn a_version_that_is_repaired_while_it_waits_for_another_try_is_loaded_at_once() {
    let mut case = Case::with(&[("a/1/m.fake", "fake\nfail bad weights\nend\n")]);
    case.retries = Retries { most: 5, interval: LONG * 10 };
    case.serve_without_waiting(vec![case.numbered("a")]);
    case.wait("it fails", || case.story.lines().iter().any(|line| line.contains("trying again")));
    case.put(&[("a/1/m.fake", &scale(7))]);
    case.wait("it serves", || case.serves("a") == Some(7.0));
}

#[test]
fn a_model_that_is_taken_out_while_it_waits_for_another_try_is_forgotten() {
    let mut case = Case::with(&[("a/1/m.fake", "fake\nfail bad weights\nend\n"), ("b/1/m.fake", &scale(2))]);
    case.retries = Retries { most: 5, interval: LONG * 10 };
    case.serve_without_waiting(vec![case.numbered("a")]);
    case.wait("it fails", || case.story.lines().iter().any(|line| line.contains("trying again")));
    case.control().replace(vec![case.numbered("b")]).unwrap();
    case.wait("the start is over", || case.serves("b") == Some(2.0) && case.serving().catalog().is_ready());
}

#[test]
fn sources_that_are_looked_at_once_change_only_with_the_configuration() {
    let mut case = Case::with(&[("a/1/m.fake", &scale(1)), ("b/1/m.fake", &scale(5))]);
    case.rounds = Rounds::Once;
    case.serve(vec![case.numbered("a")]);
    case.put(&[("a/2/m.fake", &scale(2))]);
    // Another model that comes by a call proves that there was time to look.
    case.control().replace(vec![case.numbered("b")]).unwrap();
    case.wait("b serves", || case.serves("b") == Some(5.0));
    assert!(case.serves("a").is_none());
    case.put(&[("b/2/m.fake", &scale(6))]);
    assert_eq!(case.serves("b"), Some(5.0));
    case.control().replace(vec![case.numbered("a"), case.numbered("b")]).unwrap();
    case.wait("both newest serve", || case.serves("a") == Some(2.0) && case.serves("b") == Some(6.0));
}

#[test]
fn a_version_whose_files_changed_while_it_was_loaded_is_looked_at_again_though_sources_are_looked_at_once() {
    let mut case = Case::with(&[("m/1/a.fake", "fake\ngate go\nfail half\nend\n")]);
    case.rounds = Rounds::Once;
    case.serve_without_waiting(vec![case.numbered("m")]);
    case.wait_states("1 LOADING");
    case.put(&[("m/1/a.fake", &scale(2))]);
    case.engine.open("go");
    case.wait("the whole file serves", || case.serves("m") == Some(2.0));
}
