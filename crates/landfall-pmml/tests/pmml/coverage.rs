//! Each attribute and each child that the schema gives an element: it counts, it is refused by its name, or it stands in a
//! list with the reason why it changes no answer.
//!
//! Small whole documents under `whole` hold every element once. Each attribute is given the values that the schema allows,
//! one at a time, and each element one more child; what comes out is held against what came out before.

use crate::markup::{Tag, tags};
use crate::schema::{ElementRule, Kind, elements};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What changes no answer, and what is refused: a kind, a name and the reason, a line each.
const LISTED: &str = include_str!("passed_over.tsv");

/// A document with its tags and what it answers.
struct Whole {
    name: String,
    text: String,
    tags: Vec<Tag>,
    rows: String,
    answers: Vec<String>,
}

/// What comes of a document: why it is refused, or what it answers. Whatever it says, nothing panics.
fn outcome(text: &str, rows: &str) -> Result<Vec<String>, String> {
    let outcome = std::panic::catch_unwind(|| loaded(text, rows));
    outcome.unwrap_or_else(|_| panic!("a panic because of {text}"))
}

fn loaded(text: &str, rows: &str) -> Result<Vec<String>, String> {
    let model = crate::files::load(text.as_bytes()).map_err(|problem| problem.to_string())?;
    let verified = format!("{:?}", model.verify().map_err(|problem| problem.to_string()));
    let signature = &model.signatures()[0];
    let told = format!("{:?} {:?} {:?}", signature.inputs(), signature.outputs(), model.facts().structure);
    let (head, rows) = crate::csv::read(rows);
    let (names, rows) = crate::table::run(model.as_ref(), &head, &rows, &["NA".to_owned()])
        .map_err(|problem| problem.to_string())?;
    Ok([told, verified]
        .into_iter()
        .chain(std::iter::once(names).chain(rows).map(|row| row.join(",")))
        .collect())
}

fn documents() -> Vec<Whole> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pmml/whole");
    let read = |name: &str| std::fs::read_to_string(folder.join(name));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".pmml")?.to_owned()))
        .collect();
    names.sort();
    let whole = |name: String| {
        let text = read(&format!("{name}.pmml")).unwrap();
        let rows = read(&format!("{name}.csv")).or_else(|_| read("rows.csv")).unwrap();
        let answers = outcome(&text, &rows).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(answers[1].starts_with("Ok"), "{name}: {}", answers[1]);
        Whole { tags: tags(&text), name, text, rows, answers }
    };
    names.into_iter().map(whole).collect()
}

/// A list of the table: names with their reasons.
fn listed(kind: &str) -> BTreeMap<&'static str, &'static str> {
    let line = |line: &'static str| {
        let mut parts = line.split('\t');
        let (found, name) = (parts.next()?, parts.next()?);
        let reason = parts.next().filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| panic!("{name} is listed without a reason"));
        (found == kind).then_some((name, reason))
    };
    LISTED.lines().filter_map(line).collect()
}

impl Whole {
    /// Whether a tag is, or stands in, one that is passed over with all that is in it, everywhere or in its parent.
    fn is_within(&self, tag: &Tag, elements: &BTreeMap<&str, &str>) -> bool {
        let Some(parent) = tag.parent.map(|parent| &self.tags[parent]) else { return false };
        let pairs = [format!("{} > {}", parent.name, tag.name), format!("{} > *", parent.name)];
        elements.contains_key(tag.name.as_str())
            || pairs.iter().any(|pair| elements.contains_key(pair.as_str()))
            || self.is_within(parent, elements)
    }

    /// Its tags, the first of each name within each parent, that are read.
    fn sites<'a>(&'a self, passed: &'a BTreeMap<&str, &str>) -> Vec<&'a Tag> {
        let mut seen = BTreeSet::new();
        let parent = |tag: &Tag| tag.parent.map(|parent| self.tags[parent].name.clone());
        let is_new = |tag: &&Tag| seen.insert((parent(tag), tag.name.clone()));
        self.tags.iter().filter(|tag| !self.is_within(tag, passed)).filter(is_new).collect()
    }

    fn outcome(&self, text: &str) -> Result<Vec<String>, String> {
        outcome(text, &self.rows)
    }

    fn counts(&self, text: &str) -> bool {
        self.outcome(text).ok().as_ref() != Some(&self.answers)
    }
}

fn names_it(outcome: Result<Vec<String>, String>, name: &str) -> bool {
    outcome.err().is_some_and(|problem| problem.contains(name) && problem.contains("line "))
}

#[test]
fn what_no_schema_knows_is_refused_wherever_it_stands() {
    let passed = listed("whole");
    let free = listed("free");
    let mut silent = BTreeSet::new();
    let mut probes = 0;
    for whole in documents() {
        for tag in whole.sites(&passed) {
            probes += 1;
            let attribute = tag.with_attribute(&whole.text, "unheard", Some("1"));
            if !names_it(whole.outcome(&attribute), "unheard") {
                silent.insert(format!("{}.* ({})", tag.name, whole.name));
            }
            for first in [true, false] {
                let child = tag.with_child(&whole.text, "<Unheard/>", first);
                if !names_it(whole.outcome(&child), "Unheard") {
                    silent.insert(format!("{} > * ({})", tag.name, whole.name));
                }
            }
        }
    }
    assert!(probes > 900, "{probes} probes");
    silent.retain(|name| !free.contains_key(name.split(" (").next().unwrap()));
    assert!(silent.is_empty(), "passes unread: {silent:#?}");
}

/// Elements of the schema that nothing can be asked of: wherever they may stand, they are passed over, refused, or within
/// ones that are.
fn out_of_reach(lists: &[&BTreeMap<&str, &str>]) -> BTreeSet<String> {
    let rules = elements();
    let is_listed = |name: &str| lists.iter().any(|list| list.contains_key(name));
    let mut reached = BTreeSet::from(["PMML".to_owned()]);
    loop {
        let before = reached.len();
        for rule in rules.iter().filter(|rule| reached.contains(&rule.name)).collect::<Vec<_>>() {
            let open = |child: &&String| !is_listed(child) && !is_listed(&format!("{} > {child}", rule.name));
            let open: Vec<String> = rule.children.iter().filter(open).cloned().collect();
            reached.extend(open);
        }
        if reached.len() == before {
            break;
        }
    }
    let all = rules.into_iter().map(|rule| rule.name);
    all.filter(|name| !reached.contains(name)).collect()
}

/// The values that an attribute is given.
fn values(kind: &Kind, now: Option<&str>) -> Vec<Option<String>> {
    let all: Vec<&str> = match kind {
        Kind::OneOf(values) => values.iter().map(String::as_str).collect(),
        Kind::Truth => vec!["true", "false"],
        Kind::Number => vec!["0", "1", "2", "0.5", "-1", "3", "7", "100"],
        Kind::Text => vec!["unheard", "1", "0.5", "a", "x", "y"],
    };
    let given = all.into_iter().filter(|value| Some(*value) != now).map(|value| Some(value.to_owned()));
    given.chain(now.map(|_| None)).collect()
}

#[test]
fn each_attribute_of_the_schema_counts_or_is_listed() {
    let (passed, neutral, refused) = (listed("whole"), listed("neutral"), listed("refused"));
    let documents = documents();
    let mut sites: BTreeMap<&str, Vec<(&Whole, &Tag)>> = BTreeMap::new();
    for whole in &documents {
        for tag in whole.tags.iter().filter(|tag| !whole.is_within(tag, &passed)) {
            sites.entry(&tag.name).or_default().push((whole, tag));
        }
    }
    let mut wrong = Vec::new();
    let out_of_reach = out_of_reach(&[&passed, &refused, &listed("nowhere")]);
    for ElementRule { name, attributes, .. } in elements() {
        if out_of_reach.contains(&name) {
            continue;
        }
        let Some(sites) = sites.get(name.as_str()) else {
            wrong.push(format!("{name}: in no document"));
            continue;
        };
        for (attribute, kind) in &attributes {
            let full = format!("{name}.{attribute}");
            let counts = sites.iter().any(|(whole, tag)| {
                values(kind, tag.get(attribute))
                    .iter()
                    .any(|value| whole.counts(&tag.with_attribute(&whole.text, attribute, value.as_deref())))
            });
            let anywhere = format!("*.{attribute}");
            if counts == [full.as_str(), anywhere.as_str()].iter().any(|name| neutral.contains_key(name)) {
                wrong.push(format!(
                    "{full}: {}",
                    if counts { "counts, and is listed" } else { "changes nothing" }
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the list says: {wrong:#?}");
}

#[test]
fn each_value_of_the_schema_is_taken_or_listed_as_refused() {
    let (passed, refused) = (listed("whole"), listed("refused"));
    let rules: BTreeMap<String, ElementRule> =
        elements().into_iter().map(|rule| (rule.name.clone(), rule)).collect();
    let mut found = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for whole in documents() {
        for tag in whole.tags.iter().filter(|tag| !whole.is_within(tag, &passed)) {
            let attributes = rules.get(&tag.name).into_iter().flat_map(|rule| &rule.attributes);
            for (attribute, kind) in attributes {
                let Kind::OneOf(values) = kind else { continue };
                for value in values {
                    let full = format!("{}.{attribute}={value}", tag.name);
                    if taken.contains(&full) {
                        continue;
                    }
                    match whole.outcome(&tag.with_attribute(&whole.text, attribute, Some(value))) {
                        Err(problem) if problem.contains("unknown or not implemented") => found.insert(full),
                        _ => taken.insert(full),
                    };
                }
            }
        }
    }
    let found: BTreeSet<&str> = found.difference(&taken).map(String::as_str).collect();
    let expected: BTreeSet<&str> = refused.keys().copied().filter(|name| name.contains('=')).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_child_of_the_schema_counts_or_is_listed() {
    let (passed, refused, free) = (listed("whole"), listed("refused"), listed("free"));
    let documents = documents();
    let held: BTreeSet<(&str, &str)> = documents
        .iter()
        .flat_map(|whole| whole.tags.iter().map(move |tag| (whole, tag)))
        .filter_map(|(whole, tag)| Some((whole.tags[tag.parent?].name.as_str(), tag.name.as_str())))
        .collect();
    let mut wrong = Vec::new();
    for ElementRule { name, children, .. } in elements() {
        let site = documents.iter().find_map(|whole| {
            let mut tags = whole.tags.iter();
            Some((whole, tags.find(|tag| tag.name == name && !whole.is_within(tag, &passed))?))
        });
        let Some((whole, tag)) = site.filter(|_| !free.contains_key(format!("{name} > *").as_str())) else {
            continue;
        };
        for child in &children {
            let pair = format!("{name} > {child}");
            if passed.contains_key(child.as_str()) || passed.contains_key(pair.as_str()) {
                continue;
            }
            let (mut silent, mut unknown) = (false, true);
            for first in [true, false] {
                let with = |markup: &str| whole.outcome(&tag.with_child(&whole.text, markup, first));
                silent |= with(&format!("<{child} unheard=\"1\"/>")).is_ok();
                let problem = with(&format!("<{child}/>")).err().unwrap_or_default();
                unknown &=
                    problem.contains("unknown or not implemented") && problem.contains(&format!("<{child}>"));
            }
            let is_refused = unknown && !held.contains(&(name.as_str(), child));
            let is_listed = refused.contains_key(pair.as_str()) || refused.contains_key(child.as_str());
            if silent && !free.contains_key(pair.as_str()) {
                wrong.push(format!("{pair}: passes unread"));
            } else if is_refused != is_listed {
                wrong.push(format!("{pair}: {}", if is_refused { "refused" } else { "read, and is listed" }));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the list says: {wrong:#?}");
}

#[test]
fn each_element_counts_where_it_stands() {
    let (passed, neutral) = (listed("whole"), listed("neutral"));
    let mut counted = BTreeSet::new();
    let mut idle = BTreeSet::new();
    for whole in documents() {
        for tag in whole.tags.iter().filter(|tag| tag.parent.is_some() && !whole.is_within(tag, &passed)) {
            let pair = format!("{} > {}", whole.tags[tag.parent.unwrap()].name, tag.name);
            if counted.contains(&pair) {
                continue;
            }
            match whole.counts(&tag.without(&whole.text)) {
                true => counted.insert(pair),
                false => idle.insert(format!("{pair} ({})", whole.name)),
            };
        }
    }
    let pair = |line: &String| line.split(" (").next().unwrap_or_default().to_owned();
    idle.retain(|line| !counted.contains(&pair(line)) && !neutral.contains_key(pair(line).as_str()));
    assert!(idle.is_empty(), "changes nothing where it is left out: {idle:#?}");
}

#[test]
fn what_writers_add_of_their_own_changes_nothing_wherever_it_stands() {
    let (passed, free) = (listed("whole"), listed("free"));
    let takes: BTreeSet<String> = elements()
        .into_iter()
        .filter(|rule| rule.children.iter().any(|child| child == "Extension"))
        .map(|rule| rule.name)
        .collect();
    let added =
        "<Extension extender=\"us\" name=\"n\" value=\"1\"><Array type=\"int\">1</Array>text</Extension>";
    let mut wrong = BTreeSet::new();
    for whole in documents() {
        for tag in whole.sites(&passed) {
            let mut with = vec![("attribute", tag.with_attribute(&whole.text, "x-unheard", Some("1")))];
            if takes.contains(&tag.name) && !free.contains_key(format!("{} > *", tag.name).as_str()) {
                with.push(("first child", tag.with_child(&whole.text, added, true)));
                with.push(("last child", tag.with_child(&whole.text, added, false)));
                with.push(("own element", tag.with_child(&whole.text, "<X-Unheard/>", true)));
            }
            for (kind, text) in with.iter().filter(|(_, text)| whole.counts(text)) {
                let said = whole.outcome(text).err().unwrap_or_default();
                wrong.insert(format!("{} ({}), {kind}: {said}", tag.name, whole.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
