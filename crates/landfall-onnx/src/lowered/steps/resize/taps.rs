//! Which values a value of the result is made of, and how much of each.

use super::coordinates::{Coordinates, Line};
use super::unknown;
use crate::lowered::Refusal;
use crate::lowered::steps::Ask;

/// How values between values are made.
pub(super) enum Filter {
    Nearest(Rounding),
    Linear,
    Cubic {
        /// How far a value swings over.
        swing: f32,
        excludes_outside: bool,
    },
    /// Over as many values as become one, where values become fewer.
    Smooth {
        /// Of a cubic curve; none for a line.
        swing: Option<f32>,
        excludes_outside: bool,
    },
}

/// To the nearest place.
#[derive(Clone, Copy)]
pub(super) enum Rounding {
    HalfDown,
    HalfUp,
    Down,
    Up,
    /// Down where values become more, up where they become fewer.
    ByScale,
}

/// The values that each value of a result is made of.
pub(super) struct Taps {
    /// How many values come.
    from: usize,
    /// By value of the result: where its taps end.
    ends: Vec<usize>,
    /// Place and share of each.
    taps: Vec<(usize, f32)>,
    /// Values that lie outside of a region.
    outside: Vec<usize>,
}

impl Filter {
    pub(super) fn of(ask: &Ask<'_>, mode: &[u8], rounding: &[u8]) -> Result<Self, Refusal> {
        let swing = ask.node.attributes.float("cubic_coeff_a")?.unwrap_or(-0.75);
        let excludes_outside = ask.flag("exclude_outside", false)?;
        let is_smooth = ask.flag("antialias", false)?;
        Ok(match mode {
            b"nearest" => Filter::Nearest(match rounding {
                b"round_prefer_floor" => Rounding::HalfDown,
                b"round_prefer_ceil" => Rounding::HalfUp,
                b"floor" => Rounding::Down,
                b"ceil" => Rounding::Up,
                b"simple" => Rounding::ByScale,
                other => return Err(unknown("nearest_mode", other)),
            }),
            b"linear" if is_smooth => Filter::Smooth { swing: None, excludes_outside },
            b"linear" => Filter::Linear,
            b"cubic" if is_smooth => Filter::Smooth { swing: Some(swing), excludes_outside },
            b"cubic" => Filter::Cubic { swing, excludes_outside },
            other => return Err(unknown("mode", other)),
        })
    }

    /// The taps of an axis.
    pub(super) fn taps(&self, line: &Line, coordinates: Coordinates) -> Taps {
        let mut taps = Taps { from: line.from, ends: Vec::new(), taps: Vec::new(), outside: Vec::new() };
        let last = line.from as f32 - 1.0;
        for to in 0..line.to {
            let place = coordinates.place(to, line);
            if coordinates.is_of_region() && !(0.0..=last).contains(&place) {
                taps.outside.push(to);
            }
            match *self {
                Filter::Nearest(rounding) => taps.add(rounding.at(place, line.scale) as i64, 1.0),
                Filter::Linear => taps.between(place.clamp(0.0, last)),
                Filter::Cubic { swing, excludes_outside } => taps.curved(place, swing, excludes_outside),
                Filter::Smooth { swing, excludes_outside } => {
                    let place = if line.scale == 1.0 { to as f32 } else { place };
                    taps.smooth(place, line.scale, swing, excludes_outside);
                }
            }
            taps.ends.push(taps.taps.len());
        }
        taps
    }
}

impl Rounding {
    fn at(self, place: f32, scale: f32) -> f32 {
        let (below, above) = (place.floor(), place.ceil());
        let is_half = place - below == 0.5;
        match self {
            Rounding::HalfDown if is_half => below,
            Rounding::HalfUp if is_half => above,
            Rounding::HalfDown | Rounding::HalfUp => place.round(),
            Rounding::Up => above,
            Rounding::ByScale if scale < 1.0 => above,
            Rounding::Down | Rounding::ByScale => below,
        }
    }
}

/// A cubic curve through values, by the distance from one of them (Keys, 1981).
fn cubic(distance: f32, a: f32) -> f32 {
    let x = distance.abs();
    match x {
        _ if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
        _ => 0.0,
    }
}

impl Taps {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many times longer the axis becomes.
    pub(super) fn growth(&self) -> f64 {
        self.len() as f64 / self.from.max(1) as f64
    }

    /// Beyond the first and the last value lie those again.
    fn add(&mut self, place: i64, share: f32) {
        let last = self.from as i64 - 1;
        self.taps.push((place.clamp(0, last.max(0)) as usize, share));
    }

    /// Of the two values on either side of a place; halves of the same at the ends.
    fn between(&mut self, place: f32) {
        let first = place.floor();
        let (below, above) = (first as i64, (first as i64 + 1).min(self.from as i64 - 1));
        let share = if below == above { 0.5 } else { place - first };
        self.add(below, if below == above { 0.5 } else { above as f32 - place });
        self.add(above, share);
    }

    fn curved(&mut self, place: f32, swing: f32, excludes_outside: bool) {
        let first = place.floor();
        let places =
            (-1..3).map(|offset| (first as i64 + offset, cubic(place - first - offset as f32, swing)));
        self.weighted(&places.collect::<Vec<_>>(), excludes_outside, false);
    }

    fn smooth(&mut self, place: f32, scale: f32, swing: Option<f32>, excludes_outside: bool) {
        let reach = if swing.is_some() { 2.0 } else { 1.0 };
        let scale = scale.min(1.0);
        let (center, support) = (place + 0.5, reach / scale);
        let (first, end) = ((center - support + 0.5).floor() as i64, (center + support + 0.5).floor() as i64);
        let share = |at: i64| {
            let distance = (at as f32 - center + 0.5) * scale;
            match swing {
                Some(swing) => cubic(distance, swing),
                None => (1.0 - distance.abs()).max(0.0),
            }
        };
        let places: Vec<(i64, f32)> = (first..end).map(|at| (at, share(at))).collect();
        self.weighted(&places, excludes_outside, true);
    }

    /// Shares of some places, of one in all where those outside count nothing, or are to be one.
    fn weighted(&mut self, places: &[(i64, f32)], excludes_outside: bool, is_one: bool) {
        let counts = |place: i64| !excludes_outside || (0..self.from as i64).contains(&place);
        let counted: Vec<(i64, f32)> = places.iter().copied().filter(|(place, _)| counts(*place)).collect();
        let all: f32 = counted.iter().map(|(_, share)| share).sum();
        let whole = if (excludes_outside || is_one) && all != 0.0 { all } else { 1.0 };
        counted.into_iter().for_each(|(place, share)| self.add(place, share / whole));
    }

    /// Values of [before, from, behind] as those of the result.
    pub(super) fn along(&self, values: &[f32], [before, from, behind]: [usize; 3]) -> Vec<f32> {
        let mut made = vec![0f32; before * self.len() * behind];
        let each = made.chunks_mut((self.len() * behind).max(1)).take(before);
        for (made, values) in each.zip(values.chunks((from * behind).max(1))) {
            match behind {
                1 => self.along_last(values, made),
                _ => self.along_other(values, made, behind),
            }
        }
        made
    }

    fn along_last(&self, values: &[f32], made: &mut [f32]) {
        let mut start = 0;
        for (made, &end) in made.iter_mut().zip(&self.ends) {
            *made = self.taps[start..end].iter().map(|&(place, share)| share * values[place]).sum();
            start = end;
        }
    }

    fn along_other(&self, values: &[f32], made: &mut [f32], behind: usize) {
        let mut start = 0;
        for (made, &end) in made.chunks_mut(behind.max(1)).zip(&self.ends) {
            for &(place, share) in &self.taps[start..end] {
                let line = &values[place * behind..][..behind];
                made.iter_mut().zip(line).for_each(|(made, value)| *made += share * value);
            }
            start = end;
        }
    }

    /// Puts a value where nothing is, in a result of [before, to, behind].
    pub(super) fn fill_outside(&self, values: &mut [f32], [before, behind]: [usize; 2], value: f32) {
        for outer in 0..before {
            for place in &self.outside {
                values[(outer * self.len() + place) * behind..][..behind].fill(value);
            }
        }
    }
}
