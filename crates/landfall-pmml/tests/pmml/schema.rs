//! The schema of PMML 4.4: which attributes and children each element has, and which values.

use crate::markup::{Tag, tags};
use std::collections::BTreeMap;

/// Elements, their attributes and their children, a line each; [`derived`] makes it of the schema.
const SCHEMA: &str = include_str!("schema.tsv");

/// What an attribute's text is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    Text,
    Number,
    Truth,
    OneOf(Vec<String>),
}

pub(crate) struct ElementRule {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, Kind)>,
    pub(crate) children: Vec<String>,
}

/// All elements of the schema.
pub(crate) fn elements() -> Vec<ElementRule> {
    let line = |line: &str| {
        let mut parts = line.split('\t');
        let name = parts.next().unwrap().to_owned();
        let attributes = parts.next().unwrap().split_whitespace().map(attribute).collect();
        let children = parts.next().unwrap().split_whitespace().map(str::to_owned).collect();
        ElementRule { name, attributes, children }
    };
    SCHEMA.lines().map(line).collect()
}

fn attribute(text: &str) -> (String, Kind) {
    let (name, kind) = text.split_once(':').unwrap_or((text, ""));
    let kind = match kind {
        "" => Kind::Text,
        "number" => Kind::Number,
        "boolean" => Kind::Truth,
        values => Kind::OneOf(values.split('|').map(str::to_owned).collect()),
    };
    (name.to_owned(), kind)
}

/// The schema's text as the lines above.
fn derived(text: &str) -> String {
    let all = tags(text);
    let named: BTreeMap<(&str, &str), usize> = all
        .iter()
        .enumerate()
        .filter(|(_, tag)| tag.parent == Some(0))
        .filter_map(|(at, tag)| Some(((tag.name.as_str(), tag.get("name")?), at)))
        .collect();
    let schema = Schema { all: &all, named: &named };
    let mut lines = String::new();
    for ((_, name), at) in named.iter().filter(|((kind, _), _)| *kind == "xs:element") {
        let (mut attributes, mut children) = (Vec::new(), Vec::new());
        schema.collect(*at, &mut attributes, &mut children);
        lines += &format!("{name}\t{}\t{}\n", attributes.join(" "), children.join(" "));
    }
    lines
}

struct Schema<'a> {
    all: &'a [Tag],
    named: &'a BTreeMap<(&'a str, &'a str), usize>,
}

impl Schema<'_> {
    fn within(&self, at: usize) -> impl Iterator<Item = usize> {
        (at + 1..self.all.len()).filter(move |other| self.all[*other].parent == Some(at))
    }

    fn collect(&self, at: usize, attributes: &mut Vec<String>, children: &mut Vec<String>) {
        for inner in self.within(at) {
            let tag = &self.all[inner];
            match tag.name.as_str() {
                "xs:attribute" => attributes.push(self.attribute(inner)),
                "xs:element" => {
                    let name = tag.get("ref").unwrap().to_owned();
                    if !children.contains(&name) {
                        children.push(name);
                    }
                }
                "xs:group" => {
                    self.collect(self.named[&("xs:group", tag.get("ref").unwrap())], attributes, children);
                }
                _ => {
                    self.complex_type(tag.get("base"), attributes, children);
                    self.collect(inner, attributes, children);
                }
            }
        }
        let tag = &self.all[at];
        self.complex_type(tag.get("type").filter(|_| tag.name == "xs:element"), attributes, children);
    }

    fn complex_type(&self, name: Option<&str>, attributes: &mut Vec<String>, children: &mut Vec<String>) {
        if let Some(at) = name.and_then(|name| self.named.get(&("xs:complexType", name))) {
            self.collect(*at, attributes, children);
        }
    }

    fn attribute(&self, at: usize) -> String {
        let tag = &self.all[at];
        let name = tag.get("name").unwrap();
        let kind = tag.get("type").unwrap_or_default();
        let mut values = Vec::new();
        self.values(at, &mut values);
        if let Some(simple) = self.named.get(&("xs:simpleType", kind)) {
            self.values(*simple, &mut values);
        }
        match kind {
            _ if !values.is_empty() => format!("{name}:{}", values.join("|")),
            "xs:boolean" => format!("{name}:boolean"),
            _ if kind.ends_with("NUMBER") => format!("{name}:number"),
            "xs:integer"
            | "xs:double"
            | "xs:decimal"
            | "xs:float"
            | "xs:nonNegativeInteger"
            | "xs:positiveInteger" => format!("{name}:number"),
            _ => name.to_owned(),
        }
    }

    fn values(&self, at: usize, into: &mut Vec<String>) {
        for inner in self.within(at) {
            match self.all[inner].get("value") {
                Some(value) if self.all[inner].name == "xs:enumeration" => into.push(value.to_owned()),
                _ => self.values(inner, into),
            }
        }
    }
}

#[test]
fn the_table_is_the_schema() {
    let path = crate::conformance::shared().join("pmml-4-4.xsd.xz");
    if !path.exists() {
        println!("no schema at {}: its table is taken as it is", path.display());
        return;
    }
    let out = std::process::Command::new("xz").arg("-dc").arg(&path).output().unwrap();
    let mut text = String::from_utf8(out.stdout).unwrap();
    while let Some(at) = text.find("<!--") {
        let end = at + text[at..].find("-->").unwrap() + 3;
        text.replace_range(at..end, "");
    }
    assert_eq!(derived(&text), SCHEMA, "write schema.tsv anew");
}
