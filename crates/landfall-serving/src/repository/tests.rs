//! Layouts of folders, and what they are taken for.

use super::*;
use crate::VersionPolicy;
use crate::fake::{FakeEngine, kit, put};

const MODEL: &str = "fake\nend\n";

/// What a folder with these files is: `name: newest … oldest` for each model, then warnings, then what was dropped.
fn layout(files: &[&str]) -> Vec<String> {
    look(files, |folder| Source::path(folder))
}

fn look(files: &[&str], source: impl FnOnce(&Path) -> Source) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    for file in files {
        if file.ends_with('/') {
            std::fs::create_dir_all(root.join(file)).unwrap();
            continue;
        }
        put(&root, &[(file, if file.ends_with(".fake") { MODEL } else { "" })]);
    }
    let mut repository = Repository::new(vec![source(&root)], kit(Arc::new(FakeEngine::default())));
    say(&repository.look(), folder.path())
}

fn say(round: &Round, folder: &Path) -> Vec<String> {
    let versions = |seen: &Seen| {
        let names: Vec<&str> = seen.versions.iter().map(|seen| seen.version.name()).collect();
        names.join(" ")
    };
    let models = round.models.iter().map(|seen| format!("{}: {}", seen.name, versions(seen)));
    let dropped = round.dropped.iter().map(|(_, problem)| format!("dropped: {problem}"));
    let warnings = round.warnings.iter().map(|warning| format!("warning: {}", warning.text));
    let root = format!("{}/", folder.display());
    models.chain(warnings).chain(dropped).map(|line| line.replace(&root, "")).collect()
}

/// What is said of a model's folder in which models lie.
const ITSELF: &str = "warning: root is a model itself (m.fake): the models in its folders are passed over; to serve those, \
                      move m.fake out of it, or name each folder (serve root=root/1)";

#[test]
fn a_path_is_a_model_or_a_repository_by_what_lies_in_it() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("nothing", &[], &[]),
        (
            "a folder without a model",
            &["readme", "x/readme"],
            &["warning: root holds no model that an engine here reads"],
        ),
        ("a folder with one model file", &["m.fake", "labels.txt"], &["root: 1"]),
        ("numbered versions, newest first", &["1/m.fake", "2/m.fake", "10/m.fake"], &["root: 10 2 1"]),
        ("a numbered version that is still being copied", &["1/m.fake", "2/part"], &["root: 2 1"]),
        (
            "free-form versions, which may be meant as models",
            &["spring/m.fake"],
            &[
                "root: spring",
                "warning: root is taken for one model, \"root\", whose versions are the folders \"spring\"; if each is a \
                 model of its own, put its files into a folder 1 within it (spring/1), or name each (serve \
                 spring=root/spring)",
            ],
        ),
        ("free-form versions of what is called a model", &["spring/m.fake", "model.toml"], &["root: spring"]),
        ("numbers before other names", &["spring/m.fake", "7/m.fake"], &["root: 7 spring"]),
        ("other folders of a model are no versions", &["1/m.fake", "docs/readme"], &["root: 1"]),
        ("models with versions", &["a/1/m.fake", "a/2/m.fake", "b/1/m.fake"], &["a: 2 1", "b: 1"]),
        ("models with and without versions", &["a/1/m.fake", "b/m.fake"], &["a: 1", "b: 1"]),
        ("a model whose name is a number", &["a/1/m.fake", "5/1/m.fake"], &["5: 1", "a: 1"]),
        ("free-form versions in a repository", &["a/v1/m.fake", "b/1/m.fake"], &["a: v1", "b: 1"]),
        ("loose files", &["a.fake", "b.fake", "readme"], &["a: 1", "b: 1"]),
        ("loose files beside models", &["a.fake", "b.fake", "c/1/m.fake"], &["c: 1", "a: 1", "b: 1"]),
        (
            "a settings file makes a folder a model",
            &["a/model.toml", "a/m.fake", "b/m.fake"],
            &["a: 1", "b: 1"],
        ),
        ("settings beside versions", &["1/m.fake", "1/model.toml", "2/m.fake"], &["root: 2 1"]),
        ("a settings file at the top", &["model.toml", "a/m.fake", "b/m.fake"], &["root: b a"]),
        ("a model that has no version yet", &["a/model.toml", "b/1/m.fake"], &["a: ", "b: 1"]),
        ("a version folder without files", &["1/m.fake", "2/deeper/"], &["root: 1"]),
        ("hidden folders are passed over", &[".git/1/m.fake", "1/m.fake"], &["root: 1"]),
        ("a model file above versions", &["m.fake", "1/m.fake"], &["root: 1", ITSELF]),
        (
            "a folder that holds nothing",
            &["a/1/m.fake", "b/readme"],
            &["a: 1", "warning: root/b holds no model that an engine here reads"],
        ),
        (
            "two names with one number",
            &["001/m.fake", "1/m.fake", "01/m.fake"],
            &[
                "root: 1",
                "warning: root/01 and root/001 are one version: the first is taken",
                "warning: root/1 and root/01 are one version: the first is taken",
            ],
        ),
    ];
    for (what, files, expected) in table {
        let mut found = layout(files);
        // Of free-form versions made in one moment either may be the newer.
        if *what == "a settings file at the top" && found == ["root: a b"] {
            found = vec!["root: b a".to_owned()];
        }
        assert_eq!(found, *expected, "{what}");
    }
}

#[test]
fn of_tritons_configuration_it_is_said_that_it_is_not_read_until_ours_lies_beside_it() {
    assert_eq!(
        layout(&["a/config.pbtxt", "a/1/m.fake", "b/config.pbtxt", "b/model.toml", "b/1/m.fake"]),
        [
            "a: 1",
            "b: 1",
            "warning: root/a/config.pbtxt is not read: names, types and shapes are the model's own, and what else it needs is \
             said in a model.toml beside it",
        ]
    );
}

#[test]
fn a_source_with_a_name_is_one_model() {
    let named = |folder: &Path| Source::path(folder).named("ctr");
    assert_eq!(look(&["1/m.fake"], named), ["ctr: 1"]);
    assert_eq!(look(&["a/m.fake", "b/1/m.fake"], named), ["ctr: a"]);
    assert_eq!(look(&[], named), ["ctr: "]);
    assert_eq!(look(&["m.fake"], |folder| Source::path(folder.join("m.fake")).named("ctr")), ["ctr: 1"]);
}

#[test]
fn versions_that_settings_name_in_vain_are_said() {
    let told = |folder: &Path| {
        let mut source = Source::path(folder).named("ctr");
        source.settings.versions =
            Some(VersionPolicy::Only(vec![Version::numbered(1), Version::numbered(7)]));
        source.settings.labels = [("stable", "2"), ("canary", "9")].map(|(l, v)| (l.into(), v.into())).into();
        source
    };
    assert_eq!(
        look(&["1/m.fake", "2/m.fake"], told),
        [
            "ctr: 2 1",
            r#"warning: model "ctr": [versions] only names version 7, but there are 2, 1"#,
            r#"warning: model "ctr": label "canary" names version 9, but there are 2, 1"#,
        ]
    );
}

#[test]
fn a_file_and_a_numbered_folder_can_be_named_themselves() {
    assert_eq!(look(&["m.fake"], |folder| Source::path(folder.join("m.fake"))), ["m: 1"]);
    assert_eq!(look(&["3/m.fake"], |folder| Source::path(folder.join("3"))), ["root: 3"]);
    let missing = look(&[], |folder| Source::path(folder.join("no/such.fake")));
    assert_eq!(missing[1], "dropped: root/no/such.fake is missing");
}

#[test]
fn free_form_versions_are_ordered_by_the_time_of_their_last_change() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seconds) in [("old", 100), ("new", 300), ("middle", 200)] {
        put(folder.path(), &[(&format!("{name}/m.fake"), MODEL)]);
        let file =
            std::fs::File::options().write(true).open(folder.path().join(name).join("m.fake")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    }
    let source = Source::path(folder.path()).named("m");
    let mut repository = Repository::new(vec![source], kit(Arc::new(FakeEngine::default())));
    assert_eq!(say(&repository.look(), folder.path()), ["m: new middle old"]);
}

#[test]
fn a_missing_base_path_drops_its_own_source_alone() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("a/1/m.fake", MODEL), ("b/1/m.fake", MODEL)]);
    let sources = ["a", "b"].map(|name| Source::path(folder.path().join(name)));
    let mut repository = Repository::new(sources.to_vec(), kit(Arc::new(FakeEngine::default())));
    assert_eq!(say(&repository.look(), folder.path()), ["a: 1", "b: 1"]);
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    put(folder.path(), &[("b/2/m.fake", MODEL)]);
    let found = say(&repository.look(), folder.path());
    let said = "warning: cannot look at a, what was loaded from it stays: a is missing";
    assert_eq!(found, ["b: 2 1", said, "dropped: a is missing"]);
}

#[test]
fn of_a_path_that_was_never_there_nothing_is_said_to_stay() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::path(folder.path().join("a"));
    let mut repository = Repository::new(vec![source], kit(Arc::new(FakeEngine::default())));
    for _ in 0..2 {
        let found = say(&repository.look(), folder.path());
        assert_eq!(found, ["warning: cannot look at a: a is missing", "dropped: a is missing"]);
    }
}

#[test]
fn a_source_without_an_end_is_dropped_with_one_line_and_not_watched() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("small/1/m.fake", MODEL), ("large/1/m.fake", MODEL)]);
    for number in 0..60 {
        put(folder.path(), &[(&format!("large/x{number}/readme"), "")]);
    }
    let sources = ["small", "large"].map(|name| Source::path(folder.path().join(name)));
    let kit = kit(Arc::new(FakeEngine::default()));
    let mut repository = Repository::new(sources.to_vec(), kit.clone());
    repository.known = Known::new(kit, 100);
    let found = say(&repository.look(), folder.path());
    let [models, warning, dropped] = &found[..] else { panic!("{found:?}") };
    assert_eq!(models, "small: 1");
    assert!(
        warning.starts_with("warning: cannot look at large: large holds more than 100 files"),
        "{warning}"
    );
    assert!(dropped.contains("name the model's own path"), "{dropped}");
    let watchable: Vec<_> = repository.watchable().iter().map(|source| source.path.clone()).collect();
    assert_eq!(watchable, [folder.path().join("small")]);
    std::fs::remove_dir_all(folder.path().join("large")).unwrap();
    put(folder.path(), &[("large/1/m.fake", MODEL)]);
    assert_eq!(say(&repository.look(), folder.path()), ["small: 1", "large: 1"]);
    assert_eq!(repository.watchable().len(), 2);
    for number in 0..60 {
        put(folder.path(), &[(&format!("large/x{number}/readme"), "")]);
    }
    let found = say(&repository.look(), folder.path());
    let said = "cannot look at large, what was loaded from it stays: large holds more than 100 files";
    assert!(found.len() == 3 && found[1].contains(said), "{found:?}");
}

#[test]
fn nothing_is_looked_for_in_what_the_kernel_shows() {
    if !Path::new("/proc/self").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("a/1/m.fake", MODEL)]);
    std::os::unix::fs::symlink("/proc", folder.path().join("b")).unwrap();
    let sources = [Source::path("/proc"), Source::path(folder.path())];
    let mut repository = Repository::new(sources.to_vec(), kit(Arc::new(FakeEngine::default())));
    let found = say(&repository.look(), folder.path());
    let view = "is a view into the kernel: no model lies there";
    assert_eq!(
        found,
        [
            "a: 1".to_owned(),
            format!("warning: cannot look at /proc: /proc {view}"),
            format!("warning: cannot look at b: b {view}"),
            format!("dropped: /proc {view}"),
        ]
    );
}

#[test]
fn of_two_models_with_one_name_the_first_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("x/m.fake", MODEL), ("y/m.fake", MODEL)]);
    let sources = ["x", "y"].map(|name| Source::path(folder.path().join(name)).named("m"));
    let mut repository = Repository::new(sources.to_vec(), kit(Arc::new(FakeEngine::default())));
    let found = say(&repository.look(), folder.path());
    assert_eq!(found, ["m: 1", r#"warning: two models are named "m": x is served, y is not"#]);
}

#[test]
fn settings_beside_a_model_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("1/m.fake", MODEL), ("model.toml", "all")]);
    let mut source = Source::path(folder.path());
    source.settings.labels.insert("stable".into(), "1".into());
    let mut repository = Repository::new(vec![source], kit(Arc::new(FakeEngine::default())));
    let settings = |repository: &mut Repository| repository.look().models.remove(0).settings;
    let first = settings(&mut repository).unwrap();
    assert_eq!((first.policy(), first.labels.len()), (crate::VersionPolicy::All, 1));
    put(folder.path(), &[("model.toml", "latest 2")]);
    assert_eq!(settings(&mut repository).unwrap().policy(), crate::VersionPolicy::Latest(2));
    put(folder.path(), &[("model.toml", "nonsense")]);
    let problem = settings(&mut repository).unwrap_err().to_string();
    assert!(problem.contains("model.toml") && problem.contains("unknown setting"), "{problem}");
}

#[test]
fn settings_beside_one_version_outrank_those_beside_the_model_for_that_version_alone() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        &[("1/m.fake", MODEL), ("2/m.fake", MODEL), ("model.toml", "all"), ("2/model.toml", "latest 3")],
    );
    let mut repository =
        Repository::new(vec![Source::path(folder.path())], kit(Arc::new(FakeEngine::default())));
    let seen = repository.look().models.remove(0);
    assert_eq!(seen.settings.unwrap().policy(), crate::VersionPolicy::All);
    let own: Vec<_> = seen.versions.iter().map(|v| v.own.clone().map(|own| own.unwrap().policy())).collect();
    assert_eq!(own, [Some(crate::VersionPolicy::Latest(3)), None], "newest first");
}

#[test]
fn a_file_over_which_an_engine_panics_is_no_model_and_takes_none_down() {
    let found = layout(&["a/1/m.fake", "b/m.panics"]);
    assert_eq!(found, ["a: 1", "warning: root/b holds no model that an engine here reads"]);
}

#[test]
fn a_child_that_cannot_be_looked_at_is_told_and_keeps_no_other_from_being_served() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("a/1/m.fake", MODEL), ("b", "no folder any more")]);
    let mut repository = Repository::new(Vec::new(), kit(Arc::new(FakeEngine::default())));
    let (mut found, above) = (Found::default(), ModelSettings::default());
    let folders = ["gone", "b", "a"].map(|name| folder.path().join(name));
    repository.all_in(&mut found, &folders, &[], &above);
    assert_eq!(found.models.iter().map(|seen| seen.name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(found.passed_over.iter().collect::<Vec<_>>(), ["b"], "what has gone is not there");
    let [warning] = &found.warnings[..] else { panic!("{:?}", found.warnings) };
    let text = &warning.text;
    assert!(text.starts_with("cannot look at ") && text.contains("/b: "), "{text}");
}

#[test]
fn models_that_lie_loosely_beside_versions_are_named() {
    let said = |files: &[&str]| -> Vec<String> {
        layout(files).into_iter().filter(|line| line.contains(" beside its versions ")).collect()
    };
    assert_eq!(
        said(&["spring/m.fake", "b.fake", "a.fake", "readme"]),
        [
            "warning: root is taken for one model, \"root\": a.fake, b.fake beside its versions are passed over; give each model a \
         folder of its own, or name its file (serve a=root/a.fake)"
        ]
    );
    let many =
        ["m/1/m.fake", "m/a.fake", "m/b.fake", "m/c.fake", "m/d.fake", "m/e.fake", "m/f.fake", "m/g.fake"];
    let [line] = &said(&many)[..] else { panic!("{:?}", said(&many)) };
    assert!(line.contains("\"m\": a.fake, b.fake, c.fake, d.fake, e.fake and 2 more beside"), "{line}");
    assert!(
        said(&["1/m.fake", "2/m.fake", "readme", "labels.txt"]).is_empty(),
        "what no engine reads is no model"
    );
}

#[test]
fn what_is_known_of_paths_is_forgotten_with_them() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        &[("a/m.fake", MODEL), ("a/model.toml", ""), ("b/m.fake", MODEL), ("b/model.toml", "")],
    );
    let mut repository =
        Repository::new(vec![Source::path(folder.path())], kit(Arc::new(FakeEngine::default())));
    repository.look();
    let before = repository.known.paths();
    std::fs::remove_dir_all(folder.path().join("b")).unwrap();
    repository.look();
    let after = repository.known.paths();
    assert!(before.iter().any(|path| path.ends_with("b/model.toml")), "{before:?}");
    assert!(
        !after.is_empty() && after.iter().all(|path| !path.starts_with(folder.path().join("b"))),
        "{after:?}"
    );
}

#[test]
fn a_version_that_cannot_be_looked_at_is_said_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("m/1/m.fake", MODEL), ("m/2/m.fake", MODEL)]);
    std::os::unix::fs::symlink(".", folder.path().join("m/2/again")).unwrap();
    let source = Source::path(folder.path().join("m"));
    let mut repository = Repository::new(vec![source], kit(Arc::new(FakeEngine::default())));
    let found = say(&repository.look(), folder.path());
    assert_eq!(found[0], "m: 1", "{found:?}");
    assert!(found[1].starts_with("warning: a version cannot be looked at: m/2"), "{found:?}");
}

#[test]
fn a_version_that_cannot_be_looked_at_any_more_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("m/1/m.fake", MODEL), ("m/spring/m.fake", MODEL)]);
    let source = Source::path(folder.path().join("m"));
    let mut repository = Repository::new(vec![source], kit(Arc::new(FakeEngine::default())));
    let fingerprints = |round: &Round| -> Vec<_> {
        round.models[0].versions.iter().map(|seen| (seen.version.clone(), seen.fingerprint)).collect()
    };
    let before = fingerprints(&repository.look());
    assert_eq!(before.len(), 2);
    for version in ["1", "spring"] {
        std::os::unix::fs::symlink(".", folder.path().join("m").join(version).join("again")).unwrap();
    }
    for _ in 0..2 {
        let round = repository.look();
        assert_eq!(fingerprints(&round), before);
        for version in ["m/1", "m/spring"] {
            let said = format!("{version}, what was loaded from it stays: ");
            assert!(
                round.warnings.iter().any(|warning| warning.text.contains(&said)),
                "{:?}",
                round.warnings
            );
        }
    }
    std::fs::remove_dir_all(folder.path().join("m/1")).unwrap();
    assert_eq!(fingerprints(&repository.look()).len(), 1, "what is gone is gone");
}
