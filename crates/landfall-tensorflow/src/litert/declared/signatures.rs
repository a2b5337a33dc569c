//! The ways to call a file: by the signatures that it names, by its metadata, or as its first subgraph is.

use super::tensor::{DeclaredTensor, described};
use super::{DeclaredSignature, Graph};
use crate::litert::flatbuffer::Table;
use crate::litert::metadata::{self, Alias};
use landfall_model::Problem;

/// How a file without signatures is called.
const ONLY_SIGNATURE: &str = "serving_default";

/// The signatures that the file names; else those that its metadata give its first subgraph; else that as it is.
pub(super) fn signatures(
    model: Table<'_>,
    graphs: &[Graph<'_>],
    buffers: &[&[u8]],
) -> Result<Vec<DeclaredSignature>, Problem> {
    let mut found = Vec::new();
    for (number, signature) in model.tables(7)?.enumerate() {
        let signature = signature?;
        let index = signature.u32(4)? as usize;
        let Some(graph) = graphs.get(index) else {
            let what = format!("subgraph {index} is named, and the file has {}", graphs.len());
            return Err(signature.file().malformed(signature.at(), what));
        };
        let key = signature.text(2)?;
        found.push(DeclaredSignature {
            inputs: named(signature, 0, graph, &graph.inputs)?,
            outputs: named(signature, 1, graph, &graph.outputs)?,
            key: if key.is_empty() { ONLY_SIGNATURE.to_owned() } else { key },
            number,
            shapes: graph.shapes,
        });
    }
    if let ([], Some(graph)) = (&found[..], graphs.first()) {
        found = of_metadata(model, graph, buffers)?;
    }
    if let ([], Some(graph)) = (&found[..], graphs.first()) {
        let own = |places: &[usize]| {
            places.iter().map(|&place| described(graph.tensors[place], None)).collect::<Result<_, Problem>>()
        };
        found.push(DeclaredSignature {
            key: ONLY_SIGNATURE.to_owned(),
            inputs: own(&graph.inputs)?,
            outputs: own(&graph.outputs)?,
            number: 0,
            shapes: graph.shapes,
        });
    }
    Ok(found)
}

/// The signatures in the file's metadata: names for all inputs and outputs of its first subgraph.
fn of_metadata(
    model: Table<'_>,
    graph: &Graph<'_>,
    buffers: &[&[u8]],
) -> Result<Vec<DeclaredSignature>, Problem> {
    let mut found = Vec::new();
    for about in model.tables(6)? {
        let about = about?;
        if about.text(0)? != metadata::NAME {
            continue;
        }
        let index = about.u32(1)? as usize;
        let Some(bytes) = buffers.get(index) else {
            let what = format!("buffer {index} is named, and the file has {}", buffers.len());
            return Err(about.file().malformed(about.at(), what));
        };
        let named = metadata::read(bytes).map_err(|problem| problem.at(about.file().name()))?;
        for signature in named {
            found.push(DeclaredSignature {
                inputs: aliased(graph, &graph.inputs, &signature.inputs)?,
                outputs: aliased(graph, &graph.outputs, &signature.outputs)?,
                key: signature.key,
                number: 0,
                shapes: graph.shapes,
            });
        }
    }
    Ok(found)
}

/// Tensors under the names that metadata give them; under their own, where they give none.
fn aliased(graph: &Graph<'_>, places: &[usize], names: &[Alias]) -> Result<Vec<DeclaredTensor>, Problem> {
    let of_place = |&place: &usize| {
        let mut tensor = described(graph.tensors[place], None)?;
        if let Some(alias) = names.iter().find(|alias| alias.means(&tensor.name)) {
            alias.name.clone_into(&mut tensor.name);
        }
        Ok(tensor)
    };
    places.iter().map(of_place).collect()
}

/// The subgraph's inputs or outputs in their order, under the names that the signature gives them.
fn named(
    signature: Table<'_>,
    slot: usize,
    graph: &Graph<'_>,
    places: &[usize],
) -> Result<Vec<DeclaredTensor>, Problem> {
    let malformed = |what: String| Err(signature.file().malformed(signature.at(), what));
    let mut names: Vec<(usize, String)> = Vec::new();
    for entry in signature.tables(slot)? {
        let entry = entry?;
        names.push((entry.u32(1)? as usize, entry.text(0)?));
    }
    let side = if slot == 0 { "input" } else { "output" };
    if names.len() != places.len() {
        let (here, there) = (names.len(), places.len());
        let what = format!(
            "the signature names {here} {side}s, and its subgraph (at byte {}) has {there}",
            graph.table.at()
        );
        return malformed(what);
    }
    let mut found = Vec::new();
    for &place in places {
        match names.iter().position(|(index, _)| *index == place) {
            Some(index) => {
                let (_, name) = names.swap_remove(index);
                found.push(described(graph.tensors[place], Some(name))?);
            }
            None => {
                return malformed(format!(
                    "the signature does not name {side} tensor {place} of its subgraph"
                ));
            }
        }
    }
    Ok(found)
}
