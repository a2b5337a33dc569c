//! Nodes that are computed in steps of our own between the engine's runs: it lacks their operator, or computes it otherwise.

use crate::node::{Attributes, Node};
use landfall_model::{DType, Problem};

/// The types of the inputs of a node of the main graph that is computed apart; `None` for others.
///
/// # Errors
/// Malformed.
pub(super) fn types_of(node: &Node<'_>) -> Result<Option<&'static [DType]>, Problem> {
    use DType::{F32, I32, I64};
    if !node.domain.is_empty() {
        return Ok(None);
    }
    let is_own = match node.operator {
        "NonMaxSuppression" => return Ok(Some(&[F32, F32, I64, F32, F32])),
        // Its places are multiplied by inverses of scales, and lie one off where those are not exact.
        "Resize" => return Ok(Some(&[F32, F32, F32, I64])),
        "Upsample" => return Ok(Some(&[F32, F32])),
        // It lacks the operator, or some of its ways.
        "GridSample" => return Ok(Some(&[F32, F32])),
        "AffineGrid" => return Ok(Some(&[F32, I64])),
        "RNN" => true,
        "LSTM" | "GRU" => is_unusual_cell(node)?,
        "Conv" => axes(node)? > 2,
        "ConvTranspose" => axes(node)? > 2 || is_of_lower(node)? || node.attributes.has("output_shape"),
        "LpPool" => true,
        "MaxPool" | "AveragePool" => {
            let places = node.outputs.get(1).is_some_and(|name| !name.is_empty());
            let spread = node.attributes.integers("dilations")?.iter().any(|&dilation| dilation != 1);
            places || spread || axes(node)? > 2 || (is_of_lower(node)? && node.operator == "AveragePool")
        }
        _ => false,
    };
    Ok(is_own.then_some(&[F32, F32, F32, F32, I32, F32, F32, F32]))
}

/// Axes of a kernel.
fn axes(node: &Node<'_>) -> Result<usize, Problem> {
    Ok(node.attributes.integers("kernel_shape")?.len())
}

/// Whether of an odd number of values that lie beside, the one more is before.
fn is_of_lower(node: &Node<'_>) -> Result<bool, Problem> {
    Ok(node.attributes.text("auto_pad")? == Some(b"SAME_LOWER"))
}

/// What the engine's recurrent operators leave out of account, or refuse.
fn is_unusual_cell(node: &Node<'_>) -> Result<bool, Problem> {
    const LENGTHS: usize = 4;
    const PEEPHOLES: usize = 7;
    let attributes = &node.attributes;
    let comes = |place: usize| node.inputs.get(place).is_some_and(|name| !name.is_empty());
    let is_set = |name: &str| Ok::<_, Problem>(attributes.integer(name)?.unwrap_or(0) != 0);
    let is_gru = node.operator == "GRU";
    let resets_first = is_gru && !is_set("linear_before_reset")?;
    let is_clipped = attributes.float("clip")?.unwrap_or(0.0) != 0.0;
    let own: &[&str] = if is_gru { &["sigmoid", "tanh"] } else { &["sigmoid", "tanh", "tanh"] };
    Ok(comes(LENGTHS)
        || comes(PEEPHOLES)
        || resets_first
        || is_clipped
        || is_set("layout")?
        || is_set("input_forget")?
        || has_other_activations(attributes, own)?)
}

fn has_other_activations(attributes: &Attributes<'_>, own: &[&str]) -> Result<bool, Problem> {
    let names = attributes.texts("activations")?;
    let expected = own.iter().cycle().map(|name| name.as_bytes());
    let other = names.iter().zip(expected).any(|(name, own)| !name.eq_ignore_ascii_case(own));
    let has = |name: &str| Ok::<_, Problem>(!attributes.floats(name)?.is_empty());
    Ok(other || has("activation_alpha")? || has("activation_beta")?)
}
