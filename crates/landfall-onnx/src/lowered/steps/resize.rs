//! `Resize` and `Upsample`: values between values, axis by axis (`Operators.md` of ONNX; rounded as ONNX Runtime rounds them).

mod coordinates;
mod taps;

use super::super::Refusal;
use super::arrays::parts;
use super::{Ask, Built, Give, axis_of, given};
use crate::owned;
use coordinates::{Coordinates, Line};
use landfall_model::{DType, Problem, Shape, Tensor};
use taps::{Filter, Taps};

/// Elements that a result may have.
const MOST_MADE: usize = 1 << 28;

/// From this version on, a region comes before the scales.
const WITH_REGION: i64 = 11;

/// A node, read.
struct Resize {
    filter: Filter,
    coordinates: Coordinates,
    /// The axes that scales and sizes are for; all, where none are named.
    axes: Vec<i64>,
    /// What lies outside of a region.
    outside: f32,
    policy: Policy,
    /// Scales that the node itself has.
    scales: Vec<f32>,
    /// Places of region, scales and sizes.
    inputs: [usize; 3],
}

/// What becomes of lengths that are asked for.
enum Policy {
    Taken,
    /// One scale for all: the least of them, or the greatest.
    Least,
    Greatest,
}

/// `Resize` and `Upsample` of float32.
pub(super) fn resize(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let is_old = ask.node.operator == "Upsample" || ask.versions.onnx < WITH_REGION;
    let inputs = if is_old { [usize::MAX, 1, usize::MAX] } else { [1, 2, 3] };
    for (input, dtype) in inputs.into_iter().zip([DType::F32, DType::F32, DType::I64]) {
        if ask.has(input) {
            ask.one_of(input, &[dtype])?;
        }
    }
    let attributes = &ask.node.attributes;
    let text =
        |name: &str, default: &'static [u8]| Ok::<_, Refusal>(attributes.text(name)?.unwrap_or(default));
    let (coordinates, rounding): (&[u8], &[u8]) = match is_old {
        true => (b"asymmetric", b"simple"),
        false => (
            text("coordinate_transformation_mode", b"half_pixel")?,
            text("nearest_mode", b"round_prefer_floor")?,
        ),
    };
    let coordinates =
        Coordinates::of(coordinates).ok_or_else(|| unknown("coordinate_transformation_mode", coordinates))?;
    let policy = match text("keep_aspect_ratio_policy", b"stretch")? {
        b"stretch" => Policy::Taken,
        b"not_larger" => Policy::Least,
        b"not_smaller" => Policy::Greatest,
        other => return Err(unknown("keep_aspect_ratio_policy", other)),
    };
    let resize = Resize {
        filter: Filter::of(ask, text("mode", b"nearest")?, rounding)?,
        coordinates,
        axes: attributes.integers("axes")?,
        outside: attributes.float("extrapolation_value")?.unwrap_or(0.0),
        scales: attributes.floats("scales")?,
        policy,
        inputs,
    };
    Ok(Built::one(DType::F32, move |inputs| resize.run(inputs)).nearly().costs(usize::MAX / 2))
}

fn unknown(attribute: &str, value: &[u8]) -> Refusal {
    Refusal::not(format!("{attribute} {:?}", String::from_utf8_lossy(value)))
}

/// An axis that changes.
struct Change {
    axis: usize,
    taps: Taps,
}

impl Resize {
    fn run(&self, inputs: &[Give<'_>]) -> Result<Tensor, Problem> {
        let x = given(inputs, 0)?;
        let (shape, mut changes) = self.changes(x.shape(), inputs)?;
        if shape.elements()? == 0 {
            return owned::tensor::<f32>(shape, Vec::new());
        }
        // What becomes shorter comes first: no intermediate is larger than what comes in or goes out.
        changes.sort_by(|a, b| a.taps.growth().total_cmp(&b.taps.growth()));
        let mut lengths = x.shape().to_vec();
        let mut values = x.values::<f32>()?.to_vec();
        for change in &changes {
            let (before, length, behind) = parts(&Shape::new(&lengths), change.axis);
            values = change.taps.along(&values, [before, length, behind]);
            lengths[change.axis] = change.taps.len();
        }
        for change in &changes {
            let (before, _, behind) = parts(&Shape::new(&lengths), change.axis);
            change.taps.fill_outside(&mut values, [before, behind], self.outside);
        }
        owned::tensor(shape, values)
    }

    /// The shape of the result, and the axes of a shape that change, and how: none where nothing is left.
    fn changes(&self, shape: &Shape, inputs: &[Give<'_>]) -> Result<(Shape, Vec<Change>), Problem> {
        let rank = shape.len();
        let axes: Vec<usize> = match &self.axes[..] {
            [] => (0..rank).collect(),
            axes => axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?,
        };
        let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let input =
            |input: usize| self.inputs.get(input).and_then(|&place| inputs.get(place).copied().flatten());
        let made = match (input(1).filter(|scales| !scales.is_empty()), input(2)) {
            (Some(scales), _) => by_scales(&lengths, scales.values::<f32>()?)?,
            (None, Some(sizes)) => self.by_sizes(&lengths, sizes.values::<i64>()?)?,
            (None, None) if !self.scales.is_empty() => by_scales(&lengths, &self.scales)?,
            (None, None) => return Err(Problem::invalid("neither scales nor sizes")),
        };
        let region = match input(0).filter(|region| !region.is_empty()) {
            Some(region) => region.values::<f32>()?,
            None => &[],
        };
        let mut result = shape.to_vec();
        axes.iter().zip(&made).for_each(|(&axis, made)| result[axis] = made.length);
        let result = Shape::new(&result);
        if result.elements()? > MOST_MADE {
            return Err(Problem::invalid(format!("a result of shape {result} has too many elements")));
        }
        let mut changes = Vec::new();
        if result.elements()? == 0 {
            return Ok((result, changes));
        }
        for (at, ((&axis, &from), Made { length, scale })) in axes.iter().zip(&lengths).zip(made).enumerate()
        {
            let region = [at, at + axes.len()].map(|at| region.get(at).copied());
            let region = match region {
                [Some(start), Some(end)] => [start, end],
                _ => [0.0, 1.0],
            };
            if length == from && scale == 1.0 && !self.coordinates.is_of_region() {
                continue;
            }
            if from == 0 && length > 0 {
                return Err(Problem::invalid(format!("{length} values of none, along axis {axis}")));
            }
            let line = Line { from, to: length, scale, region };
            changes.push(Change { axis, taps: self.filter.taps(&line, self.coordinates) });
        }
        Ok((result, changes))
    }

    /// New lengths that are asked for.
    fn by_sizes(&self, lengths: &[usize], sizes: &[i64]) -> Result<Vec<Made>, Problem> {
        let sizes: Vec<usize> = sizes.iter().filter_map(|&size| usize::try_from(size).ok()).collect();
        if sizes.len() != lengths.len() {
            return Err(unlike(lengths.len(), "sizes"));
        }
        let scales = lengths.iter().zip(&sizes).map(|(&from, &to)| to as f32 / from as f32);
        let scale = match self.policy {
            Policy::Taken => {
                return Ok(sizes.iter().zip(scales).map(|(&length, scale)| Made { length, scale }).collect());
            }
            Policy::Least => scales.fold(f32::INFINITY, f32::min),
            Policy::Greatest => scales.fold(0.0, f32::max),
        };
        let length = |&from: &usize| Made { length: (scale * from as f32).round() as usize, scale };
        Ok(lengths.iter().map(length).collect())
    }
}

/// A new length, and how many values of it go on one.
struct Made {
    length: usize,
    scale: f32,
}

/// New lengths by scales.
fn by_scales(lengths: &[usize], scales: &[f32]) -> Result<Vec<Made>, Problem> {
    if scales.len() != lengths.len() {
        return Err(unlike(lengths.len(), "scales"));
    }
    let made = lengths.iter().zip(scales).map(|(&from, &scale)| {
        let fits = scale > 0.0 && scale.is_finite();
        let length = (scale * from as f32) as usize;
        if fits { Ok(Made { length, scale }) } else { Err(Problem::invalid(format!("a scale of {scale}"))) }
    });
    made.collect()
}

fn unlike(axes: usize, what: &str) -> Problem {
    Problem::invalid(format!("{what} that are not one for each of {axes} axes"))
}
