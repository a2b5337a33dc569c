//! `landfall inspect`: what a model takes, gives, and is made of.

use crate::args::Inspect;
use crate::exit::Failure;
use crate::loading;
use crate::output::print;
use crate::signals::Signals;
use landfall_model::{InputSpec, NullRule, OutputSpec, RowRule, Signature, display_dims};
use landfall_serving::{Lease, LoadReport};
use serde_json::{Value, json};
use std::fmt::Write;

/// Loads the model and prints what is known about it.
///
/// # Errors
/// When the model cannot be loaded, or the output not written.
pub(crate) fn run(arguments: &Inspect) -> Result<(), Failure> {
    let _obeyed = Signals::listen()?.obey()?;
    let (lease, report) = loading::load(&arguments.model, &arguments.model_flags)?;
    let text = match arguments.json {
        true => format!("{:#}\n", as_json(&lease, &report)),
        false => for_people(&lease, &report),
    };
    Ok(print(&text)?)
}

fn for_people(lease: &Lease, report: &LoadReport) -> String {
    let facts = lease.facts();
    let mut text = format!("{} {}\n", lease.model(), lease.version());
    line(&mut text, "format", facts.format);
    line(&mut text, "engine", &format!("{} ({})", facts.engine, report.why));
    if let Some(bytes) = facts.memory_bytes {
        line(&mut text, "memory", &size(bytes));
    }
    facts.structure.iter().chain(&facts.later.find()).for_each(|(name, value)| line(&mut text, name, value));
    report.notes.iter().for_each(|note| line(&mut text, "note", note));
    for signature in lease.signatures() {
        let _ = write!(text, "\nsignature {} ({})\n", signature.name(), rows_text(signature.rows()));
        signature.inputs().iter().for_each(|input| input_line(&mut text, input));
        signature.outputs().iter().for_each(|output| output_line(&mut text, output));
    }
    text
}

/// A number of bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "KB")];
    match units.into_iter().find(|(unit, _)| bytes as f64 >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit),
        None => format!("{bytes} bytes"),
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<10} {value}");
}

fn input_line(text: &mut String, input: &InputSpec) {
    let optional = if input.optional { ", optional" } else { "" };
    let missing = match &input.null {
        NullRule::Refuse => String::new(),
        rule => format!(", missing: {}", null_text(rule)),
    };
    let shape = input.dims.as_ref().map_or("any shape".to_owned(), |dims| display_dims(dims).to_string());
    let _ = writeln!(text, "  input  {:<24} {} {shape}{optional}{missing}", input.name, input.dtype);
    if !input.columns.is_empty() {
        let names: Vec<&str> = input.columns.iter().map(|column| column.name.as_str()).collect();
        let _ = writeln!(text, "         columns: {}", names.join(", "));
    }
}

fn output_line(text: &mut String, output: &OutputSpec) {
    let asked = if output.by_default { "" } else { ", on request" };
    let shape = output.dims.as_ref().map_or("any shape".to_owned(), |dims| display_dims(dims).to_string());
    let _ = writeln!(text, "  output {:<24} {} {shape}{asked}", output.name, output.dtype);
    if let Some(classes) = &output.class_names {
        let _ = writeln!(text, "         classes: {}", classes.join(", "));
    }
}

fn rows_text(rows: &RowRule) -> String {
    match rows {
        RowRule::Independent => "rows are independent: batched and split".into(),
        RowRule::Unproven => "rows not proven independent".into(),
        RowRule::Ordered => "rows in order".into(),
        RowRule::GroupedBy(field) => format!("rows grouped by {field}"),
        RowRule::Pieces(rows) => format!("{rows} rows at a time"),
        RowRule::None => "never batched, never split".into(),
    }
}

fn null_text(rule: &NullRule) -> String {
    match rule {
        NullRule::Refuse => "refuse".into(),
        NullRule::Zero => "zero".into(),
        NullRule::Nan => "nan".into(),
        NullRule::Accept => "accept".into(),
        NullRule::Default(value) => format!("default={value}"),
    }
}

fn as_json(lease: &Lease, report: &LoadReport) -> Value {
    let facts = lease.facts();
    let told = facts.structure.iter().cloned().chain(facts.later.find());
    let structure: serde_json::Map<String, Value> = told.map(|(name, value)| (name, json!(value))).collect();
    json!({
        "model": &**lease.model(),
        "version": lease.version().to_string(),
        "format": facts.format,
        "engine": facts.engine,
        "engine_reason": report.why,
        "memory_bytes": facts.memory_bytes,
        "structure": structure,
        "notes": report.notes,
        "signatures": lease.signatures().iter().map(|s| signature_json(s)).collect::<Vec<_>>(),
    })
}

fn signature_json(signature: &Signature) -> Value {
    let dims = |dims: &Option<Vec<landfall_model::Dim>>| {
        dims.as_ref().map(|dims| dims.iter().map(|dim| dim.as_signed()).collect::<Vec<_>>())
    };
    let input = |input: &InputSpec| {
        json!({
            "name": input.name,
            "dtype": input.dtype.name(),
            "shape": dims(&input.dims),
            "optional": input.optional,
            "missing": null_text(&input.null),
            "columns": input.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
        })
    };
    let output = |output: &OutputSpec| {
        json!({
            "name": output.name,
            "dtype": output.dtype.name(),
            "shape": dims(&output.dims),
            "by_default": output.by_default,
            "classes": output.class_names,
        })
    };
    json!({
        "name": signature.name(),
        "rows": rows_text(signature.rows()),
        "inputs": signature.inputs().iter().map(input).collect::<Vec<_>>(),
        "outputs": signature.outputs().iter().map(output).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_in_which_they_are_told_apart() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 KB"),
            (41_250, "41.2 KB"),
            (1_000_000, "1.0 MB"),
            (2_640_000_000, "2.6 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
