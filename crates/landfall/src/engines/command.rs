//! `landfall engines`: which are here, from where, in which version, and what was tried.

use super::registry;
use crate::args::Engines;
use crate::exit::Failure;
use crate::output::print;
use landfall_foreign::Report;
use serde_json::json;
use std::fmt::Write;

/// Prints it.
///
/// # Errors
/// As [`registry`].
pub(crate) fn run(arguments: &Engines) -> Result<(), Failure> {
    let registry = registry(&arguments.engines, None)?;
    let names: Vec<&str> = registry.engines.iter().map(|engine| engine.name()).collect();
    let version = |name: &str| match name {
        "onnxruntime" => registry.onnx_version.clone(),
        "tensorflow" => registry.tensorflow.version().map(str::to_owned),
        "litert" => registry.litert.report().taken().map(|(_, path)| path.display().to_string()),
        _ => Some(env!("CARGO_PKG_VERSION").to_owned()),
    };
    let searched = registry.onnx_report.as_ref().map(ToString::to_string);
    let (tensorflow, litert) = (registry.tensorflow.report(), registry.litert.report());
    if arguments.json {
        let list: Vec<_> =
            names.iter().map(|name| json!({ "engine": name, "version": version(name) })).collect();
        let told = json!({
            "engines": list,
            "onnxruntime_search": searched,
            "tensorflow_search": tensorflow.to_string(),
            "litert_search": litert.to_string(),
        });
        return Ok(print(&format!("{told:#}\n"))?);
    }
    let mut text = String::new();
    for (engine, name) in registry.engines.iter().zip(&names) {
        let options: Vec<&str> = engine.options().iter().map(|option| option.key).collect();
        let _ = writeln!(
            text,
            "{name:<12} {}",
            version(name).unwrap_or_else(|| "no library was found".to_owned())
        );
        if !options.is_empty() {
            let _ = writeln!(text, "             load options: {}", options.join(", "));
        }
    }
    let _ = writeln!(text, "ONNX models run on {}: {}", registry.onnx_engine(), registry.onnx_reason_short);
    for line in registry.onnx_report.iter().flat_map(Report::lines) {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "SavedModels and graphs: {tensorflow}\nTensorFlow Lite files: {litert}");
    Ok(print(&text)?)
}
