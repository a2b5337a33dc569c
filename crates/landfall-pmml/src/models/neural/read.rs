//! A network as the document has it: inputs, layers, outputs, all joined by the names of neurons.

use super::{Activation, Layer, Meaning, Network, Neuron, Output};
use crate::expression::{self, Derived, DocumentKind};
use crate::models::normalization::Normalization;
use crate::models::{Body, Header};
use crate::read::Element;
use crate::resolve::Build;
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

const LAYER_ATTRIBUTES: &[&str] = &[
    "activationFunction",
    "normalizationMethod",
    "threshold",
    "width",
    "altitude",
    "numberOfNeurons",
    "x-leakage",
];

/// What layers take from the network where they say nothing.
struct Defaults {
    activation: Option<Activation>,
    leakage: Option<f64>,
    normalization: Normalization,
    threshold: f64,
    width: Option<f64>,
    altitude: f64,
}

/// Reads the element's own children.
pub(in crate::models) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let defaults = Defaults {
        activation: Activation::read(b, element)?,
        leakage: header.math.number(&b.xml, element, "x-leakage")?,
        normalization: Normalization::of(&b.xml, element)?.unwrap_or(Normalization::None),
        threshold: header.math.number(&b.xml, element, "threshold")?.unwrap_or(0.0),
        width: header.math.number(&b.xml, element, "width")?,
        altitude: header.math.number(&b.xml, element, "altitude")?.unwrap_or(1.0),
    };
    let mut network = Network {
        inputs: Vec::new(),
        layers: Vec::new(),
        outputs: Vec::new(),
        function: header.function,
        others: 0,
        math: header.math,
        neurons: 0,
        block: None,
    };
    let mut places = HashMap::new();
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "NeuralInputs" => {
                child.only(&b.xml, &["numberOfInputs"])?;
                while let Some(input) = b.xml.child(&child)? {
                    b.xml.named(&input, &child, "NeuralInput")?;
                    input.only(&b.xml, &["id"])?;
                    let (derived, id) = (derived(b, &input)?, input.need(&b.xml, "id")?.to_owned());
                    let slot = expression::derived_slot(b, header.scope, &derived)?;
                    network.inputs.push(expression::of_numbers(b, slot));
                    place(b, &mut places, id, &mut network.neurons, &input)?;
                }
            }
            "NeuralLayer" => {
                let layer = layer(b, &child, header, &defaults, &mut places, &mut network.neurons)?;
                network.layers.push(layer);
            }
            "NeuralOutputs" => {
                child.only(&b.xml, &["numberOfOutputs"])?;
                while let Some(output) = b.xml.child(&child)? {
                    b.xml.named(&output, &child, "NeuralOutput")?;
                    network.outputs.push(read_output(b, &output, header, &places)?);
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    network.others = header.others.len();
    if network.outputs.is_empty() {
        return Err(b.xml.malformed(element.place, "<NeuralNetwork> has no output"));
    }
    network.block = b.block(|| network.columns());
    Ok(Box::new(network))
}

fn place<'a>(
    b: &Build<'a>,
    places: &mut HashMap<String, usize>,
    id: String,
    count: &mut usize,
    element: &Element<'a>,
) -> Result<(), Problem> {
    *count += 1;
    match places.insert(id, *count - 1) {
        None => Ok(()),
        Some(_) => Err(b.xml.malformed(element.place, "a neuron's id comes twice")),
    }
}

fn derived<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Derived, Problem> {
    let Some(child) = b.xml.child(element)? else {
        return Err(b.xml.malformed(element.place, format!("<{}> lacks its <DerivedField>", element.name)));
    };
    b.xml.named(&child, element, "DerivedField")?;
    let derived = expression::read_derived(b, &child)?;
    b.xml.leaf(element)?;
    Ok(derived)
}

fn layer<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    defaults: &Defaults,
    places: &mut HashMap<String, usize>,
    count: &mut usize,
) -> Result<Layer, Problem> {
    element.only(&b.xml, LAYER_ATTRIBUTES)?;
    let math = header.math;
    let leakage = math.number(&b.xml, element, "x-leakage")?.or(defaults.leakage);
    let Some(activation) = Activation::read(b, element)?.or(defaults.activation) else {
        let what = "<NeuralLayer> lacks activationFunction, and so does its <NeuralNetwork>";
        return Err(b.xml.malformed(element.place, what));
    };
    let mut layer = Layer {
        activation: activation.leaking(leakage),
        normalization: Normalization::of(&b.xml, element)?.unwrap_or(defaults.normalization),
        threshold: math.number(&b.xml, element, "threshold")?.unwrap_or(defaults.threshold),
        neurons: Vec::new(),
    };
    let width = math.number(&b.xml, element, "width")?.or(defaults.width);
    let altitude = math.number(&b.xml, element, "altitude")?.unwrap_or(defaults.altitude);
    let mut ids = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Neuron" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["id", "bias", "width", "altitude"])?;
        let width = math.number(&b.xml, &child, "width")?.or(width);
        if layer.activation == Activation::RadialBasis && width.is_none_or(|width| width <= 0.0) {
            return Err(b.xml.malformed(child.place, "a neuron of radial basis needs a width"));
        }
        let mut neuron = Neuron {
            bias: math.number(&b.xml, &child, "bias")?.unwrap_or(0.0),
            width: width.unwrap_or(1.0),
            altitude: math.number(&b.xml, &child, "altitude")?.unwrap_or(altitude),
            connections: Vec::new(),
        };
        while let Some(connection) = b.xml.child(&child)? {
            b.xml.named(&connection, &child, "Con")?;
            connection.only(&b.xml, &["from", "weight"])?;
            let from = connection.need(&b.xml, "from")?;
            let Some(from) = places.get(from).copied() else {
                return Err(b
                    .xml
                    .malformed(connection.place, format!("neuron {from:?} is not declared before")));
            };
            let weight = math.number(&b.xml, &connection, "weight")?.unwrap_or(0.0);
            neuron.connections.push((from, weight));
            b.xml.leaf(&connection)?;
        }
        ids.push((child.need(&b.xml, "id")?.to_owned(), child));
        layer.neurons.push(neuron);
    }
    // A layer's neurons are seen by later layers only.
    for (id, child) in ids {
        place(b, places, id, count, &child)?;
    }
    Ok(layer)
}

fn read_output<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    places: &HashMap<String, usize>,
) -> Result<Output, Problem> {
    element.only(&b.xml, &["outputNeuron"])?;
    let id = element.need(&b.xml, "outputNeuron")?;
    let neuron = places.get(id).copied();
    let neuron =
        neuron.ok_or_else(|| b.xml.malformed(element.place, format!("neuron {id:?} is not declared")))?;
    let mut derived = derived(b, element)?;
    // The output may name a derived field, whose expression then says what it means.
    while let DocumentKind::FieldRef { field, .. } = &derived.expression.kind {
        match b.pending(header.scope, field) {
            Some(inner) => derived = inner,
            None => break,
        }
    }
    let (field, meaning) = match &derived.expression.kind {
        DocumentKind::FieldRef { field, .. } => (field, Meaning::Number),
        DocumentKind::NormContinuous { field, points, outliers, .. } => {
            (field, Meaning::Scaled(points.clone(), *outliers))
        }
        DocumentKind::NormDiscrete { field, value, thermometer: false, .. } => {
            (field, Meaning::Class(header.class_of(b, header.other(field), value).0))
        }
        _ => {
            let what = "a <NeuralOutput> of another expression than the field itself, <NormContinuous>, or \
                        <NormDiscrete> of one value";
            return Err(b.xml.unsupported(element.place, what));
        }
    };
    if !header.results.is_empty() && !header.results.iter().any(|(target, _)| target == field) {
        let what = format!("<NeuralOutput>: field {field:?} is no target of this model");
        return Err(b.xml.malformed(element.place, what));
    }
    let other = header.other(field);
    let id = Value::Text(b.symbols.intern(id));
    Ok(Output { neuron, id, meaning, other })
}
