//! `<NeuralNetwork>`: layers of neurons, evaluated one after the other.

mod activation;
mod read;

pub(crate) use activation::Activation;
pub(super) use read::read;

use super::columns::{Layers, LayersNeuron};
use super::normalization::Normalization;
use super::{Body, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx, BlockId, Feature, RowPlaces, RowValues, best};
use crate::expression::NormOutliers;
use crate::resolve::Slot;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &[
    "activationFunction",
    "normalizationMethod",
    "threshold",
    "width",
    "altitude",
    "numberOfLayers",
    "x-leakage",
];

#[derive(Debug)]
struct Network {
    inputs: Vec<Slot>,
    layers: Vec<Layer>,
    outputs: Vec<Output>,
    function: MiningFunction,
    /// How many targets it predicts beside the model's own.
    others: usize,
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
    /// The target whose prediction it is, among those beside the model's own.
    other: Option<usize>,
}

#[derive(Debug)]
enum Meaning {
    Number,
    /// Points of a line from field to neuron, followed backwards; and what becomes of what lies beyond its ends.
    Scaled(Vec<(f64, f64)>, NormOutliers),
    Class(usize),
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

/// The field's value whose place on the line is `y`; `None` where what lies beyond the ends is missing.
fn unscaled(y: f64, points: &[(f64, f64)], outliers: NormOutliers) -> Option<f64> {
    let (first, last) = (points[0].1, points[points.len() - 1].1);
    let rising = first <= last;
    let (least, most) = if rising { (first, last) } else { (last, first) };
    let y = match outliers {
        NormOutliers::Follow => y,
        NormOutliers::Clamp => y.max(least).min(most),
        NormOutliers::Missing if y < least || y > most => return None,
        NormOutliers::Missing => y,
    };
    let inner = &points[1..points.len() - 1];
    let at = inner.partition_point(|point| if rising { point.1 < y } else { point.1 > y });
    let ((x0, y0), (x1, y1)) = (points[at], points[at + 1]);
    Some(if y1 == y0 { x0 } else { x0 + (y - y0) / (y1 - y0) * (x1 - x0) })
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
        let mut others = std::mem::take(&mut answer.others);
        self.say(cx, &values, None, answer);
        for (at, said) in others.iter_mut().enumerate() {
            self.say(cx, &values, Some(at), said);
        }
        answer.others = others;
        Ok(())
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let may_lack = matches!(self.outputs[0].meaning, Meaning::Scaled(_, NormOutliers::Missing));
        // Several targets are answered row by row, and what may have no value.
        if self.others > 0 || may_lack {
            return false;
        }
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        match self.function {
            MiningFunction::Classification => self.classify_columns(cx, &mut ready.values, answers),
            _ => {
                let column = &mut ready.values[..rows];
                if let Meaning::Scaled(points, outliers) = &self.outputs[0].meaning {
                    let of = |y| unscaled(y, points, *outliers).unwrap_or(y);
                    column.iter_mut().for_each(|y| *y = self.math.round(of(*y)));
                }
                answers.value.numbers(rows).copy_from_slice(column);
            }
        }
        cx.give_back(self.block, ready);
        true
    }
}

impl Network {
    /// What the output neurons say of a target: of one of the others, or of the model's own.
    fn say(&self, cx: &Cx<'_>, values: &[f64], target: Option<usize>, answer: &mut Answer) {
        let classes = &cx.m.lists[answer.list];
        let mut best: Option<f64> = None;
        let outputs = self.outputs.iter().zip(values).filter(|(output, _)| output.other == target);
        for (output, &value) in outputs {
            match &output.meaning {
                Meaning::Class(class) if self.function != MiningFunction::Regression => {
                    answer.scores.resize(classes.len(), 0.0);
                    answer.scores[*class] = value;
                    if best.is_none_or(|other| value > other) {
                        best = Some(value);
                        (answer.value, answer.entity) = (classes[*class], output.id);
                    }
                }
                _ if self.function == MiningFunction::Classification && target.is_none() => {}
                // The first neuron of several.
                _ if !answer.value.is_missing() => {}
                Meaning::Scaled(points, outliers) => {
                    let number = unscaled(value, points, *outliers);
                    answer.value = Value::of(number.map(|number| self.math.round(number)));
                }
                _ => answer.value = Value::Num(value),
            }
        }
    }

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
    fn lines_are_followed_backwards() {
        let points = [(10.0, 0.0), (20.0, 0.5), (40.0, 1.0)];
        let follow = |y| unscaled(y, &points, NormOutliers::Follow);
        assert_eq!([follow(0.25), follow(0.75), follow(1.5)], [15.0, 30.0, 60.0].map(Some));
        let clamp = |y| unscaled(y, &points, NormOutliers::Clamp);
        assert_eq!([clamp(-1.0), clamp(0.75), clamp(1.5)], [10.0, 30.0, 40.0].map(Some));
        let missing = |y| unscaled(y, &points, NormOutliers::Missing);
        assert_eq!([missing(-0.1), missing(0.75), missing(1.1)], [None, Some(30.0), None]);
    }
}
