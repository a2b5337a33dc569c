//! `GridSample` and `AffineGrid`: values at places between values (`Operators.md` of ONNX).

use super::super::Refusal;
use super::{Ask, Built, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};

/// Elements that a result may have.
const MOST_MADE: usize = 1 << 28;

/// How a node samples.
#[derive(Clone, Copy)]
struct Sampling {
    mode: Mode,
    beyond: Beyond,
    /// Whether −1 and 1 are the middles of the first and the last value, and not their outer sides.
    aligns: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Linear,
    Nearest,
    Cubic,
}

/// What lies beyond the first and the last value.
#[derive(Clone, Copy, PartialEq)]
enum Beyond {
    Zeros,
    /// Those again.
    Border,
    /// All of them, backwards.
    Reflection,
}

/// `GridSample` of float32, of pictures and of volumes.
pub(super) fn sampled(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    ask.one_of(1, &[DType::F32])?;
    let attributes = &ask.node.attributes;
    let unknown =
        |name: &str, value: &[u8]| Refusal::not(format!("{name} {:?}", String::from_utf8_lossy(value)));
    let mode = match attributes.text("mode")?.unwrap_or(b"linear") {
        b"linear" | b"bilinear" => Mode::Linear,
        b"nearest" => Mode::Nearest,
        b"cubic" | b"bicubic" => Mode::Cubic,
        other => return Err(unknown("mode", other)),
    };
    let beyond = match attributes.text("padding_mode")?.unwrap_or(b"zeros") {
        b"zeros" => Beyond::Zeros,
        b"border" => Beyond::Border,
        b"reflection" => Beyond::Reflection,
        other => return Err(unknown("padding_mode", other)),
    };
    let sampling = Sampling { mode, beyond, aligns: ask.flag("align_corners", false)? };
    let built = Built::one(DType::F32, move |inputs| sampling.run(given(inputs, 0)?, given(inputs, 1)?));
    Ok(built.nearly().costs(usize::MAX / 2))
}

impl Sampling {
    fn run(self, x: &Tensor, grid: &Tensor) -> Result<Tensor, Problem> {
        let unlike =
            || Problem::invalid(format!("values of shape {} at places of shape {}", x.shape(), grid.shape()));
        let (&[images, channels, ref lengths @ ..], &[grids, ref made @ .., axes]) =
            (&x.shape()[..], &grid.shape()[..])
        else {
            return Err(unlike());
        };
        let fits = images == grids && axes == lengths.len() && made.len() == axes && (2..=3).contains(&axes);
        if !fits || (self.mode == Mode::Cubic && axes != 2) {
            return Err(unlike());
        }
        let shape: Shape = [images, channels].into_iter().chain(made.iter().copied()).collect();
        if shape.elements()? > MOST_MADE {
            return Err(unlike());
        }
        let (plane, points): (usize, usize) = (lengths.iter().product(), made.iter().product());
        let (x, grid) = (x.values::<f32>()?, grid.values::<f32>()?);
        let mut values = vec![0f32; shape.elements()?];
        let mut taps = Vec::new();
        for (number, place) in grid.chunks_exact(axes).enumerate() {
            let (image, point) = (number / points, number % points);
            self.taps(place, lengths, &mut taps);
            for channel in image * channels..(image + 1) * channels {
                let x = &x[channel * plane..][..plane];
                let sum =
                    taps.iter().map(|&(place, share)| share * place.map_or(0.0, |place: usize| x[place]));
                values[channel * points + point] = sum.sum();
            }
        }
        owned::tensor(shape, values)
    }

    /// Places with their shares, of all axes; `None` for one that lies beyond, where 0 is.
    fn taps(self, place: &[f32], lengths: &[usize], taps: &mut Vec<(Option<usize>, f32)>) {
        taps.clear();
        taps.push((Some(0), 1.0));
        // Places name the last axis first.
        for (&length, &place) in lengths.iter().zip(place.iter().rev()) {
            let along = self.along(place, length);
            *taps = taps
                .iter()
                .flat_map(|&(outer, outer_share)| {
                    along.iter().map(move |&(place, share)| {
                        (outer.zip(place).map(|(outer, place)| outer * length + place), outer_share * share)
                    })
                })
                .collect();
        }
    }

    /// Places with their shares along one axis.
    fn along(self, place: f32, length: usize) -> Vec<(Option<usize>, f32)> {
        let size = length as f32;
        let at =
            if self.aligns { (place + 1.0) / 2.0 * (size - 1.0) } else { ((place + 1.0) * size - 1.0) / 2.0 };
        match self.mode {
            Mode::Nearest => vec![(self.found(at.round_ties_even(), length), 1.0)],
            Mode::Linear => {
                let at = self.kept(at, length);
                let first = at.floor();
                let share = at - first;
                vec![(self.found(first, length), 1.0 - share), (self.found(first + 1.0, length), share)]
            }
            Mode::Cubic => {
                let first = at.floor();
                let tap = |offset: i8| {
                    let offset = f32::from(offset);
                    (self.found(first + offset, length), cubic(at - first - offset))
                };
                (-1..3).map(tap).collect()
            }
        }
    }

    /// A place that values are made for: within them, where nothing else is beyond.
    fn kept(self, at: f32, length: usize) -> f32 {
        let last = length as f32 - 1.0;
        match self.beyond {
            Beyond::Zeros => at,
            Beyond::Border => at.clamp(0.0, last.max(0.0)),
            Beyond::Reflection if self.aligns => reflected(at, 0.0, last),
            Beyond::Reflection => reflected(at, -0.5, last + 0.5).clamp(0.0, last.max(0.0)),
        }
    }

    /// The place of a value; `None` for one that is 0.
    fn found(self, at: f32, length: usize) -> Option<usize> {
        let at = if self.beyond == Beyond::Zeros { at } else { self.kept(at, length).round() };
        (at >= 0.0 && at < length as f32).then_some(at as usize)
    }
}

/// A place between two mirrors.
fn reflected(at: f32, first: f32, last: f32) -> f32 {
    let span = last - first;
    if span <= 0.0 {
        return 0.0;
    }
    let distance = (at - first).abs();
    let (times, rest) = ((distance / span).floor(), distance % span);
    if times % 2.0 == 0.0 { first + rest } else { last - rest }
}

/// A cubic curve through values, by the distance from one of them (Keys, 1981).
fn cubic(distance: f32) -> f32 {
    const SWING: f32 = -0.75;
    let x = distance.abs();
    if x <= 1.0 {
        ((SWING + 2.0) * x - (SWING + 3.0)) * x * x + 1.0
    } else {
        ((SWING * x - 5.0 * SWING) * x + 8.0 * SWING) * x - 4.0 * SWING
    }
}

/// `AffineGrid` of float32: a place for each value of a picture or a volume, moved by a matrix.
pub(super) fn affine(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    ask.one_of(1, &[DType::I64])?;
    let aligns = ask.flag("align_corners", false)?;
    let built = Built::one(DType::F32, move |inputs| moved(given(inputs, 0)?, given(inputs, 1)?, aligns));
    Ok(built.nearly().costs(usize::MAX / 2))
}

fn moved(theta: &Tensor, size: &Tensor, aligns: bool) -> Result<Tensor, Problem> {
    let sizes: Vec<usize> =
        size.values::<i64>()?.iter().filter_map(|&size| usize::try_from(size).ok()).collect();
    let wrong = || Problem::invalid(format!("matrices of shape {} for a size of {sizes:?}", theta.shape()));
    let &[images, _, ref lengths @ ..] = &sizes[..] else { return Err(wrong()) };
    let axes = lengths.len();
    if !(2..=3).contains(&axes) || theta.shape()[..] != [images, axes, axes + 1] {
        return Err(wrong());
    }
    let shape: Shape = std::iter::once(images).chain(lengths.iter().copied()).chain([axes]).collect();
    if shape.elements()? > MOST_MADE {
        return Err(wrong());
    }
    let place = |at: usize, length: usize| match aligns {
        true if length == 1 => 0.0,
        true => -1.0 + 2.0 * at as f32 / (length as f32 - 1.0),
        false => (2.0 * at as f32 + 1.0) / length as f32 - 1.0,
    };
    let mut values = Vec::with_capacity(shape.elements()?);
    for matrix in theta.values::<f32>()?.chunks_exact(axes * (axes + 1)) {
        for point in 0..lengths.iter().product() {
            let mut rest = point;
            // The last axis comes first in a place, as it does in counting.
            let at: Vec<f32> = lengths
                .iter()
                .rev()
                .map(|&length| {
                    let at = place(rest % length, length);
                    rest /= length;
                    at
                })
                .collect();
            let row = |row: &[f32]| at.iter().zip(row).map(|(at, share)| at * share).sum::<f32>() + row[axes];
            values.extend(matrix.chunks_exact(axes + 1).map(row));
        }
    }
    owned::tensor(shape, values)
}
