//! What `inspect` tells of an ONNX model.

use crate::declared::Declared;
use landfall_model::Facts;

/// The facts that the file gives; an engine adds its own.
pub(crate) fn of(
    declared: &Declared,
    engine: &'static str,
    threads_inside: usize,
    memory_bytes: u64,
    notes: Vec<String>,
) -> Facts {
    let mut structure: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            structure.push((key.to_owned(), value));
        }
    };
    add("producer", declared.producer.clone());
    add("graph", declared.graph.clone());
    add("ir version", declared.ir_version.to_string());
    let opset = |(domain, version): (&String, &i64)| {
        format!("{} {version}", if domain.is_empty() { "ai.onnx" } else { domain })
    };
    add("opset", declared.opsets.iter().map(opset).collect::<Vec<_>>().join(", "));
    if declared.model_version != 0 {
        add("model version", declared.model_version.to_string());
    }
    add("nodes", declared.operators.values().sum::<usize>().to_string());
    add("operators", operators(declared));
    add("parameters", declared.parameters.to_string());
    let mut external: Vec<&str> = declared.externals.iter().map(|part| part.location.as_str()).collect();
    external.sort_unstable();
    external.dedup();
    add("external files", external.join(", "));
    add("documentation", declared.doc.clone());
    declared.metadata.iter().for_each(|(key, value)| add(key, value.clone()));
    Facts {
        engine,
        format: "onnx",
        memory_bytes: Some(memory_bytes),
        threads_inside,
        structure,
        notes,
        ..Facts::default()
    }
}

/// `Gemm 3, Relu 2, ai.onnx.ml.Scaler`: the most frequent first.
fn operators(declared: &Declared) -> String {
    let mut counted: Vec<_> = declared.operators.iter().collect();
    counted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let shown = |((domain, name), count): &(&(String, String), &usize)| {
        let domain = if domain.is_empty() { String::new() } else { format!("{domain}.") };
        if **count == 1 { format!("{domain}{name}") } else { format!("{domain}{name} {count}") }
    };
    counted.iter().map(shown).collect::<Vec<_>>().join(", ")
}
