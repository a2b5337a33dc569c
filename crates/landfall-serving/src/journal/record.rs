//! The lines of a journal, and what they come to.
//!
//! A text file. The first line is `landfall journal 1`; each further line is a record: fields separated by tabs, the
//! last one a checksum of the line before it. In a field, tab, line feed, carriage return and backslash are written
//! `\t`, `\n`, `\r`, `\\`. Records are entries (`load`, `unload`, `promote`, `rollback`) and, at the beginning of a
//! journal that was shortened, what the entries left out had come to (`was-…`). A last line that was cut short, by a
//! crash or a full disk, never counts.

use super::entry::{Entry, What};
use super::orders::{Moved, Orders};
use landfall_model::Version;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// The first line.
pub(crate) const HEADER: &str = "landfall journal 1";

/// What a journal's bytes say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Replay {
    /// What all records come to.
    pub(crate) orders: Orders,
    /// The entries, oldest first.
    pub(crate) entries: Vec<Entry>,
    /// What the records before the entries come to.
    pub(crate) base: Orders,
    /// How many bytes at the front are whole lines.
    pub(crate) whole: usize,
    /// How many whole lines in it could not be read.
    pub(crate) bad_lines: usize,
}

/// Reads a journal's bytes. Never fails: what cannot be read is counted.
pub(crate) fn replay(bytes: &[u8]) -> Replay {
    let mut replay = Replay::default();
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let mut lines = bytes[..whole].split(|&byte| byte == b'\n');
    if lines.next() != Some(HEADER.as_bytes()) {
        replay.bad_lines = usize::from(whole > 0);
        return replay;
    }
    replay.whole = whole;
    for line in lines.filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(record) {
            Some(Record::Entry(entry)) => {
                replay.orders.apply(&entry);
                replay.entries.push(entry);
            }
            Some(Record::Was(model, was)) => {
                was.clone().put(&mut replay.orders, &model);
                was.put(&mut replay.base, &model);
            }
            None => replay.bad_lines += 1,
        }
    }
    replay
}

enum Record {
    Entry(Entry),
    Was(String, Was),
}

/// What entries that were left out had come to.
#[derive(Clone)]
enum Was {
    Unloaded,
    Pinned(Version),
    Label(String, Version),
    Undo(Moved),
}

impl Was {
    fn put(self, orders: &mut Orders, model: &str) {
        let orders = orders.of_mut(model);
        match self {
            Was::Unloaded => orders.unloaded = true,
            Was::Pinned(version) => orders.pinned = Some(version),
            Was::Label(label, version) => {
                orders.labels.insert(label, version);
            }
            Was::Undo(moved) => orders.undo.push(moved),
        }
    }
}

fn record(line: &str) -> Option<Record> {
    let (body, sum) = line.rsplit_once('\t')?;
    if sum != checksum(body) {
        return None;
    }
    let fields: Vec<String> = body.split('\t').map(unescaped).collect::<Option<_>>()?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let was = |model: &str, was| Some(Record::Was(model.to_owned(), was));
    match fields[..] {
        ["was-unloaded", model] => return was(model, Was::Unloaded),
        ["was-pinned", model, version] => return was(model, Was::Pinned(Version::named(version))),
        ["was-label", model, label, version] => {
            return was(model, Was::Label(label.to_owned(), Version::named(version)));
        }
        ["was-undo", model, label, version] => {
            return was(model, Was::Undo(Moved { label: optional(label)?, version: version_of(version)? }));
        }
        _ => {}
    }
    let (at, who, model, what) = match fields[..] {
        ["load", at, who, model] => (at, who, model, What::Load),
        ["unload", at, who, model] => (at, who, model, What::Unload),
        ["promote", at, who, model, version, label] => {
            (at, who, model, What::Promote { version: Version::named(version), label: optional(label)? })
        }
        ["rollback", at, who, model, version, label, undid] => {
            (at, who, model, rollback("-", version, label, undid)?)
        }
        ["rollback", at, who, model, version, label, undid, from] => {
            (at, who, model, rollback(from, version, label, undid)?)
        }
        _ => return None,
    };
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(at.parse().ok()?))?;
    Some(Record::Entry(Entry { at, who: who.to_owned(), model: model.to_owned(), what }))
}

/// A rollback. Journals of before hold none that say where from.
fn rollback(from: &str, version: &str, label: &str, undid: &str) -> Option<What> {
    let undid = match undid {
        "undid" => true,
        "before" => false,
        _ => return None,
    };
    let (from, version, label) = (version_of(from)?, version_of(version)?, optional(label)?);
    Some(What::Rollback { from, version, label, undid })
}

/// An optional field: `-` is none, `=text` is the text.
fn optional(field: &str) -> Option<Option<String>> {
    match field {
        "-" => Some(None),
        _ => field.strip_prefix('=').map(|text| Some(text.to_owned())),
    }
}

fn version_of(field: &str) -> Option<Option<Version>> {
    optional(field).map(|name| name.map(|name| Version::named(&name)))
}

fn optional_field(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| format!("={text}"))
}

/// An entry as a line.
pub(crate) fn entry_line(entry: &Entry) -> String {
    let at = entry.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
    let (at, who, model) = (at.as_str(), entry.who.as_str(), entry.model.as_str());
    match &entry.what {
        What::Load => line(&["load", at, who, model]),
        What::Unload => line(&["unload", at, who, model]),
        What::Promote { version, label } => {
            line(&["promote", at, who, model, version.name(), &optional_field(label.as_deref())])
        }
        What::Rollback { from, version, label, undid } => {
            let [from, version] =
                [from, version].map(|version| optional_field(version.as_ref().map(Version::name)));
            let undid = if *undid { "undid" } else { "before" };
            line(&["rollback", at, who, model, &version, &optional_field(label.as_deref()), undid, &from])
        }
    }
}

/// What entries that are left out come to, as lines.
pub(crate) fn was_lines(orders: &Orders) -> String {
    let mut lines = String::new();
    for (model, orders) in orders.iter() {
        if orders.unloaded {
            lines += &line(&["was-unloaded", model]);
        }
        if let Some(version) = &orders.pinned {
            lines += &line(&["was-pinned", model, version.name()]);
        }
        for (label, version) in &orders.labels {
            lines += &line(&["was-label", model, label, version.name()]);
        }
        for Moved { label, version } in &orders.undo {
            let version = optional_field(version.as_ref().map(Version::name));
            lines += &line(&["was-undo", model, &optional_field(label.as_deref()), &version]);
        }
    }
    lines
}

fn line(fields: &[&str]) -> String {
    let body: Vec<String> = fields.iter().map(|field| escaped(field)).collect();
    let body = body.join("\t");
    let sum = checksum(&body);
    format!("{body}\t{sum}\n")
}

/// 64 bits of FNV-1a: tells a line that was cut short or overwritten from a whole one.
pub(crate) fn checksum(body: &str) -> String {
    let sum = body.bytes().fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut text = String::new();
    write!(text, "{sum:016x}").expect("a string takes all that is written to it");
    text
}

fn escaped(field: &str) -> String {
    field.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescaped(field: &str) -> Option<String> {
    let mut text = String::with_capacity(field.len());
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next()? {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(text)
}

/// Reads foreign bytes as a journal; what is whole must survive being read again.
pub fn fuzz_read(bytes: &[u8]) {
    let first = replay(bytes);
    assert!(first.whole <= bytes.len());
    let mut text = format!("{HEADER}\n{}", was_lines(&first.base));
    first.entries.iter().for_each(|entry| text += &entry_line(entry));
    let again = replay(text.as_bytes());
    assert_eq!((again.bad_lines, &again.entries, &again.orders), (0, &first.entries, &first.orders));
}
