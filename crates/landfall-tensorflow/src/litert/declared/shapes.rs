//! When the shapes of a subgraph's tensors are known: from the shapes of its inputs, or once it runs.
//!
//! Source: which kernels of TensorFlow Lite make a tensor dynamic while they are prepared. Operators that are not listed
//! here count as such.

use super::tensor::STRING;
use super::{Code, Graph};
use landfall_model::Problem;

/// When a subgraph's shapes are known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::litert) enum Shapes {
    /// Once the shapes of its inputs are.
    Ahead,
    /// During a run.
    InRun,
    /// During a run, and some follow from values: how many there are of a kind.
    OfValues,
}

/// Builtin operators whose outputs' shapes follow from those of their inputs.
#[rustfmt::skip]
static STEADY: [i32; 76] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 35, 36, 41, 42, 43, 44, 46,
    47, 50, 52, 53, 54, 55, 57, 58, 59, 61, 62, 63, 64, 66, 71, 72, 73, 75, 76, 77, 78, 83, 84, 86, 87, 88, 90, 92, 93, 95,
    98, 99, 101, 104, 105, 106, 107, 108, 110, 111, 114, 116, 117, 123,
];

/// Those with parameters (bit 0: the first input): lengths, axes, paddings. Where these are constants, shapes follow from
/// those of the other inputs.
#[rustfmt::skip]
static PARAMETERS: [(i32, u8); 34] = [
    (22, 0b10), (23, 0b10), (34, 0b10), (37, 0b110), (38, 0b110), (39, 0b10), (40, 0b10), (45, 0b1110), (48, 0b10),
    (49, 0b1), (56, 0b10), (60, 0b10), (65, 0b110), (67, 0b1), (68, 0b10), (69, 0b10), (70, 0b10), (74, 0b10), (79, 0b10),
    (81, 0b10), (82, 0b10), (85, 0b10), (89, 0b10), (91, 0b10), (94, 0b1), (96, 0b111), (97, 0b10), (100, 0b10),
    (102, 0b110), (122, 0b100), (126, 0), (128, 0), (130, 0b10), (150, 0),
];

/// `TOPK_V2` and `SLICE`: of those with parameters the ones that wait for the run all the same, behind free axes.
const WAITING: [i32; 2] = [48, 65];

/// `UNIQUE`, `WHERE`, `IF`, `NON_MAX_SUPPRESSION_V4` and `_V5`, `SEGMENT_SUM`.
const OF_VALUES: [i32; 6] = [103, 109, 118, 120, 121, 125];

/// `SHAPE` and `RANK`.
const LENGTHS: [i32; 2] = [77, 110];

/// When the shapes of a subgraph are known. Indices are those of a file that was checked.
///
/// # Errors
/// Malformed.
pub(super) fn shapes(graph: &Graph<'_>, codes: &[Code], buffers: &[&[u8]]) -> Result<Shapes, Problem> {
    let mut constant = Vec::with_capacity(graph.tensors.len());
    for tensor in &graph.tensors {
        constant.push(buffers.get(tensor.u32(2)? as usize).is_some_and(|constant| !constant.is_empty()));
    }
    // Whether a tensor holds constants and lengths of others alone.
    let mut lengths = constant.clone();
    let mut found = if has_shared_ends(graph) { Shapes::InRun } else { Shapes::Ahead };
    for operator in graph.table.tables(3)? {
        let operator = operator?;
        let builtin = codes.get(operator.u32(0)? as usize).map_or(-1, |code| code.builtin);
        // Inputs that are left out count as constants.
        let of = |known: &[bool], index: i32| {
            usize::try_from(index).ok().and_then(|index| known.get(index)).copied().unwrap_or(true)
        };
        let inputs = operator.i32s(1)?;
        let constants: Vec<bool> = inputs.iter().map(|&index| of(&constant, index)).collect();
        let known: Vec<bool> = inputs.iter().map(|&index| of(&lengths, index)).collect();
        found = found.max(of_operator(builtin, &constants, &known));
        for index in operator.i32s(2)? {
            let Some(place) = usize::try_from(index).ok().filter(|&place| place < lengths.len()) else {
                continue;
            };
            lengths[place] = LENGTHS.contains(&builtin) || (!known.is_empty() && !known.contains(&false));
            if graph.tensors[place].u8(1)? == STRING {
                found = found.max(Shapes::InRun);
            }
        }
    }
    Ok(found)
}

/// Whether an output is an input too, or two outputs are one tensor: LiteRT has one place for each tensor.
fn has_shared_ends(graph: &Graph<'_>) -> bool {
    let outputs = graph.outputs.iter().enumerate();
    outputs
        .into_iter()
        .any(|(at, output)| graph.inputs.contains(output) || graph.outputs[..at].contains(output))
}

/// When the shapes of an operator's outputs are known; which of its inputs are constants, and which are those or lengths.
fn of_operator(builtin: i32, constants: &[bool], known: &[bool]) -> Shapes {
    if OF_VALUES.contains(&builtin) {
        return Shapes::OfValues;
    }
    let parameters = PARAMETERS.iter().find(|(code, _)| *code == builtin).map(|(_, bits)| *bits);
    let Some(bits) = parameters.or_else(|| STEADY.contains(&builtin).then_some(0)) else {
        return Shapes::InRun;
    };
    let all =
        |of: &[bool]| of.iter().enumerate().all(|(index, is)| *is || index > 7 || bits & 1 << index == 0);
    match (all(constants), all(known)) {
        (true, _) if !WAITING.contains(&builtin) => Shapes::Ahead,
        (_, true) => Shapes::InRun,
        (_, false) => Shapes::OfValues,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_known_ahead_where_parameters_are_constants_and_of_values_where_they_are_computed() {
        for (builtin, constants, known, expected) in [
            (0, &[false, false][..], &[false, false][..], Shapes::Ahead),
            (22, &[false, true], &[false, true], Shapes::Ahead),
            (22, &[false, false], &[false, true], Shapes::InRun),
            (22, &[false, false], &[false, false], Shapes::OfValues),
            (22, &[false], &[false], Shapes::Ahead),
            (45, &[false, true, true, true], &[false, true, true, true], Shapes::Ahead),
            (45, &[false, true, false, true], &[false, true, true, true], Shapes::InRun),
            (48, &[false, true], &[false, true], Shapes::InRun),
            (48, &[false, false], &[false, false], Shapes::OfValues),
            (109, &[false], &[false], Shapes::OfValues),
            (119, &[true], &[true], Shapes::InRun),
            (32, &[], &[], Shapes::InRun),
            (4000, &[], &[], Shapes::InRun),
            (-1, &[], &[], Shapes::InRun),
        ] {
            assert_eq!(of_operator(builtin, constants, known), expected, "{builtin} {constants:?} {known:?}");
        }
    }
}
