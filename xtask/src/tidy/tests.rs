//! Each rule, shown to fail on a file that breaks it.

use super::*;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), bytes: text.len() as u64, text: Some(text.to_owned()) }
}

#[test]
fn a_source_file_without_an_opening_line_is_found() {
    assert_eq!(opening(&file("crates/a/src/lib.rs", "//! What it is for.\n")), None);
    assert!(opening(&file("crates/a/src/lib.rs", "use std::fs;\n")).is_some());
    assert_eq!(opening(&file("crates/a/tests/fixtures/a.rs", "use std::fs;\n")), None);
}

#[test]
fn a_file_that_is_too_long_or_too_big_is_found() {
    assert_eq!(size(&file("a.rs", &"\n".repeat(FILE_LINES_MAX))), None);
    assert!(size(&file("a.rs", &"\n".repeat(FILE_LINES_MAX + 1))).is_some());
    let big = File { path: "a.onnx".to_owned(), bytes: FILE_BYTES_MAX + 1, text: None };
    assert!(size(&big).is_some());
}

#[test]
fn a_long_function_is_found() {
    let function = |lines: usize| file("a.rs", &format!("fn f() {{\n{}}}\n", "    x();\n".repeat(lines - 2)));
    assert_eq!(long_functions(&function(FUNCTION_LINES_MAX)), Findings::new());
    assert_eq!(long_functions(&function(FUNCTION_LINES_MAX + 1)), ["a.rs f: 71 lines, over 70: split it"]);
}

#[test]
fn unfinished_work_is_found_in_code_and_not_in_prose() {
    for mark in UNFINISHED {
        assert_eq!(unfinished(&file("a.rs", &format!("//! a\n{mark}\n"))).len(), 1, "{mark}");
        assert_eq!(unfinished(&file("a.md", mark)), Findings::new());
    }
}

#[test]
fn a_path_of_one_machine_is_found() {
    for folder in MACHINE_FOLDERS {
        assert_eq!(machine_paths(&file("a.md", &format!("see `{folder}x`"))).len(), 1, "{folder}");
        assert_eq!(machine_paths(&file("a.md", &format!("see net{folder}x"))), Findings::new());
    }
}

#[test]
fn a_dead_link_is_found_and_a_live_one_is_not() {
    let page = file("docs/a.md", "[b](b.md) [c](../c/) [d](https://example.org) [e](#part) [gone](gone.md)");
    let files = [page.clone(), file("docs/b.md", ""), file("c/x.rs", "")];
    assert_eq!(dead_links(&page, &files), ["docs/a.md: links to gone.md, which is not there"]);
}

#[test]
fn a_dependency_without_a_line_or_without_a_user_is_found() {
    let manifest = "[workspace.dependencies]\nours = { path = \"ours\" }\na = \"1\"\nb = \"1\"\n\n[profile.dev]\nc = 1\n";
    let files =
        [file("Cargo.toml", manifest), file("docs/DEPENDENCIES.md", "| `a` | why |\n| `z` | gone |\n")];
    let expected = [
        "docs/DEPENDENCIES.md: no line for b",
        "Cargo.toml: no crate uses b",
        "docs/DEPENDENCIES.md: z is not in Cargo.toml",
    ];
    assert_eq!(dependencies(&files, &BTreeSet::from(["a"])), expected);
}

#[test]
fn a_fuzz_target_must_be_listed_and_have_a_body() {
    let body = file("crates/landfall-x/src/fuzz.rs", "pub fn y(bytes: &[u8]) {}\n");
    let target = file("fuzz/fuzz_targets/y.rs", "fuzz_target!(|bytes: &[u8]| landfall_x::fuzz::y(bytes));");
    let manifest = file("fuzz/Cargo.toml", "path = \"fuzz_targets/y.rs\"");
    assert_eq!(fuzz_targets(&[body.clone(), target.clone(), manifest.clone()]), Findings::new());
    assert_eq!(fuzz_targets(&[target.clone(), manifest.clone()]).len(), 1, "no body");
    assert_eq!(fuzz_targets(&[body, target]).len(), 1, "not listed");
    assert_eq!(fuzz_targets(&[manifest]).len(), 1, "not there");
}

#[test]
fn a_fuzz_body_without_a_target_is_found() {
    let body = file("crates/landfall-x/src/fuzz.rs", "pub fn y(bytes: &[u8]) {}\n");
    let found = fuzz_targets(&[body]);
    assert_eq!(
        found,
        ["crates/landfall-x/src/fuzz.rs: no target in fuzz/fuzz_targets calls landfall_x::fuzz::y"]
    );
    assert_eq!(fuzz_module("crates/landfall-x/src/a/fuzz.rs").as_deref(), Some("landfall_x::a::fuzz"));
}

#[test]
fn a_fuzz_body_may_come_by_another_name_from_an_inner_module() {
    let renamed = file(
        "crates/landfall-x/src/lib.rs",
        "pub mod fuzz {\n    pub use crate::record::fuzz_read as z;\n}\n",
    );
    let target = file("fuzz/fuzz_targets/z.rs", "fuzz_target!(|bytes: &[u8]| landfall_x::fuzz::z(bytes));");
    let manifest = file("fuzz/Cargo.toml", "path = \"fuzz_targets/z.rs\"");
    assert_eq!(fuzz_targets(&[renamed, target, manifest]), Findings::new());
}
