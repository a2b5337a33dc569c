//! What the engine passes over in nodes, or finds in another way than the format has it: refused by name, wherever the node
//! lies.

use super::own::types_of;
use super::support::refused;
use crate::node::{Node, nodes};
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

/// Refuses a model with such a node: in its main graph, in a graph within a node, or in a function.
///
/// # Errors
/// Unsupported, naming the node; malformed.
pub(super) fn check(file: &str, bytes: &[u8]) -> Result<(), Problem> {
    let mut fields = Fields::new(file, bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            7 => nodes(value.message()?).try_for_each(|node| {
                let node = node?;
                if types_of(&node)?.is_some() { Ok(()) } else { check_node(&node) }
            })?,
            25 => {
                let mut function = value.message()?;
                while let Some((number, value)) = function.next()? {
                    if number == 7 {
                        check_node(&Node::read(value.message()?)?)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_node(node: &Node<'_>) -> Result<(), Problem> {
    if let Some(what) = unusual(node)?.filter(|_| node.domain.is_empty()) {
        return Err(refused(format!("node {:?}: {} {what}", node.name, node.operator)));
    }
    let graphs = node.attributes.graphs()?;
    graphs.into_iter().try_for_each(|graph| nodes(graph).try_for_each(|node| check_node(&node?)))
}

fn unusual(node: &Node<'_>) -> Result<Option<&'static str>, Problem> {
    let attributes = &node.attributes;
    let lacks = |name: &str| !attributes.has(name);
    let is_set = |name: &str| Ok::<_, Problem>(attributes.integer(name)? == Some(1));
    let comes = |names: &[&str], place: usize| names.get(place).is_some_and(|name| !name.is_empty());
    Ok(match node.operator {
        "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool"
            if attributes.text("auto_pad")? == Some(b"SAME_LOWER") =>
        {
            Some("with auto_pad SAME_LOWER")
        }
        "Conv" | "ConvTranspose" => {
            let pads = lacks("pads") && lacks("auto_pad");
            let is_unusual = lacks("kernel_shape") && (lacks("strides") || lacks("dilations") || pads);
            is_unusual.then_some("without kernel_shape and one of strides, dilations and pads")
        }
        "MaxPool" if comes(&node.outputs, 1) => Some("with indices"),
        "MaxPool" | "AveragePool" => lacks("strides").then_some("without strides"),
        "NonMaxSuppression" => Some("in a graph within a node"),
        "LSTM" | "GRU" | "RNN" if comes(&node.inputs, 4) => Some("with sequence_lens"),
        "GRU" => (!is_set("linear_before_reset")?).then_some("without linear_before_reset"),
        "Resize" | "Upsample" => match attributes.text("mode")? {
            Some(b"linear") => None,
            Some(b"cubic") => Some("by cubic in a graph within a node"),
            _ => Some("to the nearest in a graph within a node"),
        },
        "Pad" => comes(&node.inputs, 3).then_some("with axes"),
        "ArgMax" | "ArgMin" => (!is_set("select_last_index")?).then_some("without select_last_index"),
        "QuantizeLinear" => Some("of another type, or by scales along an axis that is not known"),
        "MatMulInteger" | "ConvInteger" => {
            Some("with several zeros of the first factor, or sums beyond 24 bits")
        }
        _ => None,
    })
}
