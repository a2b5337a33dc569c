//! Graphs that write files are refused: a model answers questions, and what comes from elsewhere must not choose files of
//! this machine to write to.
//!
//! The operators are those of TensorFlow's registry whose description says that they write files, or print into one.

use super::graph::{GraphDef, Node};
use landfall_model::Problem;

/// Operators that write files.
const WRITERS: [&str; 27] = [
    "CloseSummaryWriter",
    "CreateSummaryDbWriter",
    "CreateSummaryFileWriter",
    "DatasetToTFRecord",
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "DistributedSave",
    "ExperimentalDatasetToTFRecord",
    "ImportEvent",
    "MergeV2Checkpoints",
    "Save",
    "SaveDataset",
    "SaveDatasetV2",
    "SaveSlices",
    "SaveV2",
    "SnapshotDataset",
    "SnapshotDatasetV2",
    "WriteAudioSummary",
    "WriteFile",
    "WriteGraphSummary",
    "WriteHistogramSummary",
    "WriteImageSummary",
    "WriteRawProtoSummary",
    "WriteScalarSummary",
    "WriteSummary",
    "SnapshotChunkDataset",
];

/// Refuses a graph in which one of the named tensors or operations needs an operator that writes files. What only saves
/// the model itself stands in every SavedModel, and is not needed by any answer.
///
/// # Errors
/// Unsupported, naming the first such operator.
pub(super) fn refuse<'g>(
    graph: &'g GraphDef<'_>,
    roots: impl IntoIterator<Item = &'g str>,
) -> Result<(), Problem> {
    let needed = graph.needed(roots);
    let Some(node) = needed.iter().find(|node| writes(node)) else { return Ok(()) };
    let what = format!("a model whose operator {} ({:?}) writes files", node.op, node.name);
    Err(Problem::unsupported(what, "export a signature without it"))
}

fn writes(node: &Node<'_>) -> bool {
    WRITERS.contains(&node.op)
        || node.op == "PrintV2" && node.stream.is_some_and(|stream| stream.starts_with(b"file://"))
}
