//! A crate's rooms, which are the modules right below its root: none uses itself by way of others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::Findings;
use crate::tree::File;

/// Crates whose modules are no rooms: files of one thing, such as words that are explained by one another, or a compiler's
/// passes over one another's types.
const ONE_ROOM: &[&str] = &["landfall-model", "landfall-pmml"];

/// Of a crate: for each room those that it uses, with the first place where it does.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

/// The circles within each crate, one line each.
pub(crate) fn check(files: &[File]) -> Findings {
    let crates: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.split_once("/src/")).map(|(folder, _)| folder).collect();
    let held = crates
        .iter()
        .filter(|folder| folder.strip_prefix("crates/").is_some_and(|name| !ONE_ROOM.contains(&name)));
    held.flat_map(|folder| circles(folder, &uses(folder, files))).collect()
}

/// Who uses whom within one crate. Tests may use all of it.
fn uses<'a>(folder: &str, files: &'a [File]) -> Uses<'a> {
    let prefix = format!("{folder}/src/");
    let sources: Vec<(&str, &File)> = files
        .iter()
        .filter(|file| file.is(".rs"))
        .filter_map(|file| Some((file.path.strip_prefix(&prefix)?, file)))
        .collect();
    let root = sources.iter().find(|(path, _)| matches!(*path, "lib.rs" | "main.rs"));
    let root = root.map(|(_, file)| file.text()).unwrap_or_default();
    let rooms = rooms(root);
    let names = names(root, &rooms);
    let mut uses = Uses::new();
    for (path, file) in sources {
        let module: Vec<&str> =
            path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
        let Some(&room) = rooms.get(module[0]) else { continue };
        if module.iter().any(|part| part.starts_with("tests")) {
            continue;
        }
        for (number, name) in named(&code(file.text()), module.len()) {
            let used = names.get(name.as_str()).copied().filter(|used| *used != room);
            if let Some(used) = used {
                let place = || format!("{}:{number}", file.path);
                uses.entry(room).or_default().entry(used).or_insert_with(place);
            }
        }
    }
    uses
}

/// The modules that a root declares, but for those of tests.
fn rooms(root: &str) -> BTreeMap<&str, &str> {
    let before = std::iter::once("").chain(root.lines());
    let declared =
        before.zip(root.lines()).filter(|(before, _)| *before != "#[cfg(test)]").filter_map(|(_, line)| {
            let (before, name) = line.strip_suffix(';')?.split_once("mod ")?;
            ["", "pub ", "pub(crate) "].contains(&before).then_some((name, name))
        });
    declared.collect()
}

/// The room that each name at the root leads to: its own, and those that the root gives out.
fn names<'a>(root: &'a str, rooms: &BTreeMap<&'a str, &'a str>) -> BTreeMap<&'a str, &'a str> {
    let mut names = rooms.clone();
    for statement in root.split(';').filter_map(|text| text.rsplit_once("use ").map(|(_, given)| given)) {
        let Some((room, given)) = statement.split_once("::") else { continue };
        let Some(&room) = rooms.get(room.trim()) else { continue };
        let words = given.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        names.extend(words.filter(|word| !word.is_empty()).map(|word| (word, room)));
    }
    names
}

/// A source without its comments and without what only tests see, which stands at its end.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            match lines.peek() {
                Some(next) if next.ends_with('{') => break,
                _ => lines.next(),
            };
            code.push('\n');
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line);
        }
        code.push('\n');
    }
    code
}

/// The names at the crate's root that a module, so many modules below it, speaks of, with their lines.
fn named(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in [String::from("crate::"), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&start) {
            let before = &code[..at];
            if before.ends_with(|c: char| c.is_alphanumeric() || "_$:".contains(c)) {
                continue;
            }
            let number = before.matches('\n').count() + 1;
            found.extend(firsts(&code[at + start.len()..]).into_iter().map(|name| (number, name)));
        }
    }
    found
}

/// The first name of a path, or of each path of a list in braces.
fn firsts(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(list) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut from, mut names) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.push(word(&list[from..at]));
                from = at + 1;
            }
            _ => {}
        }
        if letter == '}' && depth == 0 && from == at + 1 {
            break;
        }
    }
    names
}

/// The shortest circle of each room that is in one, told once.
fn circles(folder: &str, uses: &Uses) -> Findings {
    let mut told = BTreeSet::new();
    let mut findings = Findings::new();
    for room in uses.keys() {
        let Some(circle) = circle(room, uses) else { continue };
        if told.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
            let steps = circle.iter().zip(circle.iter().cycle().skip(1));
            let steps = steps.map(|(from, to)| format!("{from} uses {to} ({})", uses[from][to]));
            findings.push(format!("{folder}: rooms in a circle: {}", steps.collect::<Vec<_>>().join(", ")));
        }
    }
    findings
}

/// The shortest way from a room back to itself: the rooms on it, this one first.
fn circle<'a>(room: &'a str, uses: &'a Uses) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![room]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for &next in uses.get(way[way.len() - 1]).into_iter().flat_map(BTreeMap::keys) {
            if next == room {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of a root and files.
    fn house(root: &str, files: &[(&str, &str)]) -> Findings {
        let file = |path: &str, text: &str| File {
            path: format!("crates/x/src/{path}"),
            bytes: text.len() as u64,
            text: Some(text.to_owned()),
        };
        let root = [file("lib.rs", root)];
        let files = root.into_iter().chain(files.iter().map(|(path, text)| file(path, text)));
        check(&files.collect::<Vec<_>>())
    }

    const ROOT: &str = "mod a;\nmod b;\npub mod c;\n#[cfg(test)]\nmod fake;\n\npub use b::{Bee, Hive};\n";

    #[test]
    fn rooms_that_use_each_other_one_way_are_no_circle() {
        let files = [
            ("a.rs", "use crate::{Bee, c::{d, e}};\n"),
            ("a/inner.rs", "use super::Own;\nuse super::super::b::X;\n"),
            ("b/mod.rs", "fn f() { crate::c::g() }\n"),
            ("c.rs", "use crate::c::own;\n// use crate::a::X;\nstruct D;\n"),
        ];
        assert_eq!(house(ROOT, &files), Findings::new());
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        for (a, b) in [
            ("use crate::b::X;\n", "use crate::a::Y;\n"),
            ("use crate::Hive;\n", "\nfn f() -> crate::a::Y {}\n"),
            ("use crate::{\n    c::{d, e},\n    b,\n};\n", "use super::a::Y;\n"),
        ] {
            let found = house(ROOT, &[("a.rs", a), ("b.rs", b)]);
            assert_eq!(found.len(), 1, "{a}{b}{found:?}");
            assert!(
                found[0].starts_with("crates/x: rooms in a circle: a uses b (crates/x/src/a.rs:"),
                "{found:?}"
            );
        }
        let inner =
            house(ROOT, &[("a/deep/er.rs", "use super::super::super::b;\n"), ("b/x.rs", "use crate::a;\n")]);
        assert_eq!(inner.len(), 1, "{inner:?}");
    }

    #[test]
    fn a_circle_by_way_of_others_is_told_once_with_each_step() {
        let files = [("a.rs", "use crate::b;\n"), ("b.rs", "use crate::c;\n"), ("c.rs", "\nuse crate::a;\n")];
        let expected = "crates/x: rooms in a circle: a uses b (crates/x/src/a.rs:1), b uses c (crates/x/src/b.rs:1), c uses a (crates/x/src/c.rs:2)";
        assert_eq!(house(ROOT, &files), [expected]);
    }

    #[test]
    fn tests_may_use_everything() {
        let files = [
            ("a.rs", "use crate::b;\n"),
            (
                "b.rs",
                "struct B;\n#[cfg(test)]\nuse crate::a;\n\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n",
            ),
            ("b/tests.rs", "use crate::a;\n"),
            ("b/tests/more.rs", "use crate::a;\n"),
            ("fake.rs", "use crate::a;\n"),
        ];
        assert_eq!(house(ROOT, &files), Findings::new());
    }
}
