//! `<NeuralNetwork>`: layers of neurons, evaluated one after the other.

use super::columns::{Layers, LayersNeuron};
use super::normalization::Normalization;
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, Feature, RowPlaces, RowValues, best, exp};
use crate::expression::{self, Derived, DocumentKind};
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::collections::HashMap;

pub(super) const ATTRIBUTES: &[&str] =
    &["activationFunction", "normalizationMethod", "threshold", "width", "altitude", "numberOfLayers"];

#[derive(Debug)]
struct Network {
    inputs: Vec<Slot>,
    layers: Vec<Layer>,
    outputs: Vec<Output>,
    function: MiningFunction,
    /// The model's own target.
    target: Option<Slot>,
    math: Math,
    neurons: usize,
    block: Option<BlockId>,
}

#[derive(Debug)]
struct Layer {
    activation: Activation,
    normalization: Normalization,
    threshold: f64,
    neurons: Vec<Neuron>,
}

#[derive(Debug)]
struct Neuron {
    bias: f64,
    width: f64,
    altitude: f64,
    /// Neuron or input by place, and weight.
    connections: Vec<(usize, f64)>,
}

#[derive(Debug)]
struct Output {
    neuron: usize,
    /// The neuron's name.
    id: Value,
    meaning: Meaning,
    /// The target whose prediction it is.
    target: Option<Slot>,
}

#[derive(Debug)]
enum Meaning {
    Number,
    /// Points of a line from field to neuron, followed backwards.
    Scaled(Vec<(f64, f64)>),
    Class(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Activation {
    Threshold,
    Logistic,
    Tanh,
    Identity,
    Exponential,
    Reciprocal,
    Square,
    Gauss,
    Sine,
    Cosine,
    Elliott,
    Arctan,
    Rectifier,
    RadialBasis,
}

/// What layers take from the network where they say nothing.
struct Defaults {
    activation: Activation,
    normalization: Normalization,
    threshold: f64,
    width: Option<f64>,
    altitude: f64,
}

fn activation<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Option<Activation>, Problem> {
    Ok(Some(match element.get("activationFunction") {
        None => return Ok(None),
        Some("threshold") => Activation::Threshold,
        Some("logistic") => Activation::Logistic,
        Some("tanh") => Activation::Tanh,
        Some("identity") => Activation::Identity,
        Some("exponential") => Activation::Exponential,
        Some("reciprocal") => Activation::Reciprocal,
        Some("square") => Activation::Square,
        Some("Gauss") => Activation::Gauss,
        Some("sine") => Activation::Sine,
        Some("cosine") => Activation::Cosine,
        Some("Elliott") => Activation::Elliott,
        Some("arctan") => Activation::Arctan,
        Some("rectifier") => Activation::Rectifier,
        Some("radialBasis") => Activation::RadialBasis,
        Some(_) => return Err(element.value(&b.xml, "activationFunction")),
    }))
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let defaults = Defaults {
        activation: activation(b, element)?
            .ok_or_else(|| b.xml.malformed(element.place, "<NeuralNetwork> lacks activationFunction"))?,
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
        target: None,
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
                    network.inputs.push(slot);
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
    network.target = header.target.as_ref().map(|target| target.result);
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
    let Some(child) = b.xml.child(element)?.filter(|child| child.name == "DerivedField") else {
        return Err(b.xml.malformed(element.place, format!("<{}> lacks its <DerivedField>", element.name)));
    };
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
    element.only(
        &b.xml,
        &["activationFunction", "normalizationMethod", "threshold", "width", "altitude", "numberOfNeurons"],
    )?;
    let math = header.math;
    let mut layer = Layer {
        activation: activation(b, element)?.unwrap_or(defaults.activation),
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
    let meaning = match &derived.expression.kind {
        DocumentKind::FieldRef { .. } => Meaning::Number,
        DocumentKind::NormContinuous { points, .. } => Meaning::Scaled(points.clone()),
        DocumentKind::NormDiscrete { value, .. } => Meaning::Class(header.class(b, value).0),
        _ => return Err(b.xml.unsupported(element.place, "a <NeuralOutput> of another expression")),
    };
    let field = match &derived.expression.kind {
        DocumentKind::FieldRef { field, .. }
        | DocumentKind::NormContinuous { field, .. }
        | DocumentKind::NormDiscrete { field, .. } => field,
        _ => return Err(b.xml.unsupported(element.place, "a <NeuralOutput> of another expression")),
    };
    let target = header.results.iter().find(|(name, _)| name == field).map(|(_, slot)| *slot);
    let id = Value::Text(b.symbols.intern(id));
    Ok(Output { neuron, id, meaning, target })
}

impl Activation {
    #[inline(always)]
    pub(crate) fn of(self, z: f64, threshold: f64) -> f64 {
        match self {
            Activation::Threshold => f64::from(u8::from(z > threshold)),
            Activation::Logistic => 1.0 / (1.0 + exp(-z)),
            Activation::Tanh => z.tanh(),
            Activation::Identity | Activation::RadialBasis => z,
            Activation::Exponential => z.exp(),
            Activation::Reciprocal => 1.0 / z,
            Activation::Square => z * z,
            Activation::Gauss => (-z * z).exp(),
            Activation::Sine => z.sin(),
            Activation::Cosine => z.cos(),
            Activation::Elliott => z / (1.0 + z.abs()),
            Activation::Arctan => 2.0 * z.atan() / std::f64::consts::PI,
            Activation::Rectifier => z.max(0.0),
        }
    }
}

impl Neuron {
    fn value(&self, layer: &Layer, values: &[f64], math: Math) -> f64 {
        if layer.activation == Activation::RadialBasis {
            let square = |(from, weight): &(usize, f64)| (values[*from] - weight) * (values[*from] - weight);
            let sum = self.connections.iter().fold(0.0, |sum, c| math.round(sum + math.round(square(c))));
            let z = sum / (2.0 * self.width * self.width);
            return math.round((self.connections.len() as f64 * self.altitude.ln() - z).exp());
        }
        let sum = self
            .connections
            .iter()
            .fold(0.0, |sum, (from, weight)| math.round(sum + math.round(values[*from] * weight)));
        math.round(layer.activation.of(math.round(sum + self.bias), layer.threshold))
    }
}

/// The field's value whose place on the line is `y`.
fn unscaled(y: f64, points: &[(f64, f64)]) -> f64 {
    let rising = points[0].1 <= points[points.len() - 1].1;
    let inner = &points[1..points.len() - 1];
    let at = inner.partition_point(|point| if rising { point.1 < y } else { point.1 > y });
    let ((x0, y0), (x1, y1)) = (points[at], points[at + 1]);
    if y1 == y0 { x0 } else { x0 + (y - y0) / (y1 - y0) * (x1 - x0) }
}

impl Network {
    /// The same over columns; `None` where a neuron is none of the usual kind.
    fn columns(&self) -> Option<Layers> {
        let mut layers = Layers {
            features: self.inputs.iter().map(|slot| Feature::number_of(*slot)).collect(),
            neurons: Vec::with_capacity(self.neurons),
            normalised: Vec::new(),
            outputs: self.outputs.iter().map(|output| output.neuron).collect(),
            math: self.math,
        };
        for layer in &self.layers {
            if layer.activation == Activation::RadialBasis {
                return None;
            }
            let from = self.inputs.len() + layers.neurons.len();
            layers.neurons.extend(layer.neurons.iter().map(|neuron| LayersNeuron {
                bias: neuron.bias,
                activation: layer.activation,
                threshold: layer.threshold,
                connections: neuron.connections.clone(),
            }));
            let to = self.inputs.len() + layers.neurons.len();
            if layer.normalization != Normalization::None && to > from {
                layers.normalised.push((from, to, layer.normalization));
            }
        }
        Some(layers)
    }

    /// The values of the output neurons for the row; `None` without a number that it needs.
    fn evaluate(&self, cx: &mut Cx<'_>) -> Result<Option<RowValues>, Problem> {
        let mut values = Vec::with_capacity(self.neurons);
        for input in &self.inputs {
            match cx.number(*input)? {
                Some(number) => values.push(self.math.round(number)),
                None => return Ok(None),
            }
        }
        for layer in &self.layers {
            let start = values.len();
            for neuron in &layer.neurons {
                let value = neuron.value(layer, &values[..start], self.math);
                values.push(value);
            }
            layer.normalization.all(&mut values[start..], self.math);
        }
        Ok(Some(self.outputs.iter().map(|output| values[output.neuron]).collect()))
    }
}

impl Body for Network {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let values = match cx.ahead(self.block) {
            Some(values) => values,
            None => match self.evaluate(cx)? {
                Some(values) => values,
                None => return Ok(()),
            },
        };
        if self.function != MiningFunction::Classification {
            for (at, output) in self.outputs.iter().enumerate() {
                let value = values[at];
                let value = Value::Num(match &output.meaning {
                    Meaning::Scaled(points) => self.math.round(unscaled(value, points)),
                    _ => value,
                });
                // The first target's is the model's own.
                if at == 0 || (output.target.is_some() && output.target == self.target) {
                    answer.value = value;
                }
                if let Some(slot) = output.target {
                    cx.set(slot, value);
                }
            }
            return Ok(());
        }
        let classes = &cx.m.lists[answer.list];
        answer.scores.resize(classes.len(), 0.0);
        let mut best: Option<(usize, f64, Value)> = None;
        for (output, value) in self.outputs.iter().zip(values) {
            let Meaning::Class(class) = output.meaning else { continue };
            answer.scores[class] = value;
            if best.is_none_or(|(_, other, _)| value > other) {
                best = Some((class, value, output.id));
            }
        }
        if let Some((class, _, id)) = best {
            (answer.value, answer.entity) = (classes[class], id);
        }
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        match self.function {
            MiningFunction::Classification => self.classify_columns(cx, &mut ready.values, answers),
            _ => {
                for (at, output) in self.outputs.iter().enumerate() {
                    let column = &mut ready.values[at * rows..(at + 1) * rows];
                    if let Meaning::Scaled(points) = &output.meaning {
                        column.iter_mut().for_each(|y| *y = self.math.round(unscaled(*y, points)));
                    }
                    if at == 0 || (output.target.is_some() && output.target == self.target) {
                        answers.value.numbers(rows).copy_from_slice(column);
                    }
                    if let Some(slot) = output.target {
                        cx.fill_slot(slot, |_, cells| {
                            cells.numbers(rows).copy_from_slice(column);
                            true
                        });
                    }
                }
            }
        }
        cx.give_back(self.block, ready);
        true
    }
}

impl Network {
    fn classify_columns(&self, cx: &mut BlockCx<'_>, values: &mut [f64], answers: &mut Answers) {
        let rows = cx.rows();
        let classes = cx.m.lists[answers.list].len();
        answers.start_scores(classes, rows);
        let mut ids = vec![Value::Missing; classes];
        let mut places = RowPlaces::new();
        for (at, output) in self.outputs.iter().enumerate() {
            let Meaning::Class(class) = output.meaning else { continue };
            let column = at * rows..(at + 1) * rows;
            answers.scores[class * rows..(class + 1) * rows].copy_from_slice(&values[column.clone()]);
            // Columns of classes move to the front, past those of other outputs.
            values.copy_within(column, places.len() * rows);
            places.push(class as u32);
            ids[class] = output.id;
        }
        let into = answers.value.classes(answers.list, rows);
        best(&values[..places.len() * rows], rows, &places, into, &mut cx.w.numbers);
        for (entity, class) in answers.entity.values(rows).iter_mut().zip(into) {
            *entity = ids.get(*class as usize).copied().unwrap_or(Value::Missing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_have_their_formulas() {
        assert_eq!(Activation::Elliott.of(-3.0, 0.0), -0.75);
        assert_eq!(Activation::Arctan.of(1.0, 0.0), 0.5);
        assert_eq!(Activation::Threshold.of(0.5, 0.5), 0.0);
        assert_eq!(Activation::Square.of(-3.0, 0.0), 9.0);
        assert_eq!(Activation::Reciprocal.of(4.0, 0.0), 0.25);
        assert_eq!(Activation::Gauss.of(0.0, 0.0), 1.0);
    }

    #[test]
    fn lines_are_followed_backwards() {
        let points = [(10.0, 0.0), (20.0, 0.5), (40.0, 1.0)];
        assert_eq!(unscaled(0.25, &points), 15.0);
        assert_eq!(unscaled(0.75, &points), 30.0);
        assert_eq!(unscaled(1.5, &points), 60.0);
    }
}
