//! Signatures whose call changes the model: variables, tables and queues live on from call to call.
//!
//! Such a signature is not tried before somebody calls it, and its calls are never put together or cut. Which operators
//! change what they are given, TensorFlow's registry of operators says in their descriptions.

use super::graph::{GraphDef, Node};
use landfall_model::Signature;

/// Names of operators that change something.
const CHANGING: [&str; 10] = [
    "CountUpTo",
    "LookupTableImport",
    "LookupTableInsert",
    "LookupTableRemove",
    "ResourceCountUpTo",
    "ResourceStridedSliceAssign",
    "Stage",
    "StridedSliceAssign",
    "TemporaryVariable",
    "Unstage",
];
/// Beginnings of such names. Those of generators keep how far they are in a variable (`tf.random.Generator`).
const BEGINNINGS: [&str; 24] = [
    "AccumulatorApply",
    "AccumulatorTake",
    "Apply",
    "Assign",
    "BarrierInsert",
    "BarrierTake",
    "IteratorGetNext",
    "MapStage",
    "MapUnstage",
    "OrderedMapStage",
    "OrderedMapUnstage",
    "QueueDequeue",
    "QueueEnqueue",
    "ReaderRead",
    "ResourceApply",
    "ResourceScatter",
    "ResourceSparseApply",
    "Rng",
    "Scatter",
    "SparseApply",
    "StatefulRandomBinomial",
    "StatefulStandardNormal",
    "StatefulTruncatedNormal",
    "StatefulUniform",
];
/// Scatters that make a new tensor.
const PURE: [&str; 2] = ["ScatterNd", "ScatterNdNonAliasingAdd"];

/// The first operator that a call of this signature changes the model by.
pub(super) fn changed_by<'g>(graph: &'g GraphDef<'_>, signature: &Signature) -> Option<&'g str> {
    let roots = signature.outputs().iter().map(|output| output.tensor.as_str());
    graph.needed(roots).into_iter().find(|node| changes(node)).map(|node| node.op)
}

fn changes(node: &Node<'_>) -> bool {
    let op = node.op.strip_suffix("V2").unwrap_or(node.op);
    !PURE.contains(&op) && (CHANGING.contains(&op) || BEGINNINGS.iter().any(|start| op.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changing(op: &str) -> bool {
        changes(&Node { op, ..Node::default() })
    }

    #[test]
    fn what_writes_variables_tables_and_queues_changes_the_model_and_what_reads_them_does_not() {
        for op in [
            "AssignVariableOp",
            "AssignAdd",
            "ResourceScatterNdUpdate",
            "ScatterUpdate",
            "LookupTableInsertV2",
            "RngReadAndSkip",
            "StatefulUniformFullInt",
            "SparseApplyFtrlV2",
        ] {
            assert!(changing(op), "{op}");
        }
        for op in [
            "ReadVariableOp",
            "ScatterNd",
            "TensorScatterUpdate",
            "LookupTableFindV2",
            "ResourceGather",
            "StatefulPartitionedCall",
            "StatelessRandomUniformV2",
            "AddV2",
        ] {
            assert!(!changing(op), "{op}");
        }
    }
}
