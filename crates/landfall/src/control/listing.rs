//! A server's answer as people read it.

use crate::log::printable;
use landfall_model::civil;
use serde_json::{Value, json};

/// A list of objects, or one model, as aligned columns; anything else as it is.
pub(super) fn for_people(answer: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(answer) else {
        return String::from_utf8_lossy(answer).into_owned();
    };
    let list = match &value {
        Value::Array(items) => Some(items.as_slice()),
        Value::Object(fields) if fields.contains_key("versions") => Some(std::slice::from_ref(&value)),
        Value::Object(fields) if fields.len() == 1 => {
            fields.values().next().and_then(Value::as_array).map(Vec::as_slice)
        }
        _ => None,
    };
    match list {
        Some([]) => "nothing yet".to_owned(),
        Some(items) if items.iter().all(Value::is_object) => {
            let table = columns(&items.iter().map(for_a_person).collect::<Vec<_>>());
            [vec![table], items.iter().flat_map(failures).collect()].concat().join("\n")
        }
        _ => serde_json::to_string_pretty(&value).unwrap_or_default(),
    }
}

/// What a rollback moved, from where to where, and the model as it is now.
pub(super) fn rolled_back(model: &str, answer: &[u8]) -> String {
    let Ok(mut now) = serde_json::from_slice::<Value>(answer) else { return for_people(answer) };
    let moved = now.as_object_mut().and_then(|fields| fields.remove("rolled_back")).unwrap_or_default();
    let label = moved["label"].as_str();
    let to = match label {
        Some(label) => &now["labels"][label],
        None => &now["default"],
    };
    let mut line = format!("rolled back {model}:");
    for (word, text) in [("label", label), ("from version", moved["from"].as_str())] {
        line += &text.map(|text| format!(" {word} {text}")).unwrap_or_default();
    }
    line += &to.as_str().map_or_else(|| " to no version".to_owned(), |to| format!(" to version {to}"));
    format!("{}\n{}", printable(&line), for_people(now.to_string().as_bytes()))
}

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Milliseconds since 1970 as a date and a time in UTC (RFC 3339).
fn moment(at_ms: u64) -> String {
    let (days, second) = (at_ms / 1000 / DAY, at_ms / 1000 % DAY);
    let (year, month, date) = civil::parts(days as i64);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// An object as people read it: moments with date and time, and nothing that says no more than "not so".
fn for_a_person(item: &Value) -> Value {
    let Some(fields) = item.as_object() else { return item.clone() };
    let told = fields.iter().filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)));
    let told = told.map(|(name, value)| match value.as_u64() {
        Some(at_ms) if name == "at_ms" => ("when".to_owned(), json!(moment(at_ms))),
        _ => (name.clone(), value.clone()),
    });
    Value::Object(told.collect())
}

/// A line for each version of a model that has an error: it would widen the columns beyond reading.
fn failures(item: &Value) -> Vec<String> {
    let name = item["name"].as_str().unwrap_or_default();
    let versions = item["versions"].as_array().into_iter().flatten();
    let line = |version: &Value| {
        let text = format!("{name} version {}: {}", version["version"].as_str()?, version["error"].as_str()?);
        Some(format!("\n{}", printable(&text)))
    };
    versions.filter_map(line).collect()
}

/// The columns that people look at first; the others follow as they come.
const FIRST: [&str; 9] = ["when", "who", "what", "name", "model", "from", "version", "default", "versions"];

fn columns(items: &[Value]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in items.iter().filter_map(Value::as_object).flat_map(|o| o.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    let mut rows = vec![names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()];
    rows.extend(items.iter().map(|item| names.iter().map(|name| cell(item.get(name))).collect()));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value as a cell: lists with commas, versions as `2 AVAILABLE`, other objects as `key=value`.
fn cell(value: Option<&Value>) -> String {
    let each = |cells: Vec<String>| cells.join(", ");
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable(text).into_owned(),
        Some(Value::Array(items)) => each(items.iter().map(|item| cell(Some(item))).collect()),
        Some(Value::Object(fields)) => match (fields.get("version"), fields.get("state")) {
            (Some(version), Some(state)) => format!("{} {}", cell(Some(version)), cell(Some(state))),
            _ => each(
                fields
                    .iter()
                    .map(|(key, value)| format!("{}={}", printable(key), cell(Some(value))))
                    .collect(),
            ),
        },
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_shown_as_columns() {
        let answer = br#"[{"name":"iris","versions":[{"version":"1","state":"AVAILABLE"}]},
            {"labels":{"stable":"1"},"name":"digits","versions":[]}]"#;
        assert_eq!(
            for_people(answer),
            "name    versions     labels\niris    1 AVAILABLE\ndigits               stable=1"
        );
        let promoted = br#"{"name":"digits","default":"1","labels":{},"versions":[{"version":"1","state":"AVAILABLE"}]}"#;
        assert_eq!(
            for_people(promoted),
            "name    default  versions     labels\ndigits  1        1 AVAILABLE"
        );
        assert_eq!(for_people(br#"{"history":[]}"#), "nothing yet");
        let broken =
            br#"{"models":[{"name":"m","unloaded":false,"versions":[{"version":"3","state":"END","error":"cut short"}]}]}"#;
        assert_eq!(for_people(broken), "name  versions\nm     3 END\n\nm version 3: cut short");
    }

    #[test]
    fn names_are_escaped_as_the_log_escapes_them() {
        let answer = br#"{"models":[{"name":"a\nb","labels":{"x\ty":"1"},"versions":[
            {"version":"3","state":"END","error":"cut\u001b[2J short"}]}]}"#;
        assert_eq!(
            for_people(answer),
            "name  versions  labels\na\\nb  3 END     x\\ty=1\n\na\\nb version 3: cut\\u{1b}[2J short"
        );
    }

    #[test]
    fn a_rollback_says_in_one_line_what_it_moved() {
        let said = |moved: &str, labels: &str| {
            let answer = format!(
                r#"{{"name":"m","default":"2","labels":{labels},"versions":[],"rolled_back":{moved}}}"#
            );
            rolled_back("m", answer.as_bytes()).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let default = said(r#"{"label":null,"from":"1","to":null}"#, "{}");
        assert_eq!(
            default[..2],
            ["rolled back m: from version 1 to version 2", "name  default  versions  labels"]
        );
        let label = r#"{"label":"canary","from":"1","to":"3"}"#;
        assert_eq!(
            said(label, r#"{"canary":"3"}"#)[0],
            "rolled back m: label canary from version 1 to version 3"
        );
        assert_eq!(said(label, "{}")[0], "rolled back m: label canary from version 1 to no version");
    }

    #[test]
    fn who_did_what_is_shown_with_date_and_time() {
        let answer =
            br#"{"history":[{"at_ms":1795263864565,"who":"a","model":"m","what":"load","unloaded":false}]}"#;
        assert_eq!(
            for_people(answer),
            "when                  who  what  model\n2026-11-21T12:24:24Z  a    load  m"
        );
        for (at, told) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(moment(at), told);
        }
    }
}
