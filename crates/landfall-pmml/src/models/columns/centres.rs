//! Distances of rows from the centres of clusters.

use super::REGISTER_ROWS;
use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::measure::Measure;
use crate::resolve::Slot;

/// Centres over columns: the distance of each.
#[derive(Debug)]
pub(crate) struct Centres {
    features: Vec<Feature>,
    weights: Vec<f64>,
    /// [centres][features].
    centres: Vec<f64>,
    measure: Measure,
}

impl Centres {
    /// `centres` [centres][slots], of a measure that adds up weighted differences.
    pub(crate) fn new(slots: &[Slot], weights: Vec<f64>, centres: Vec<f64>, measure: Measure) -> Self {
        Centres {
            features: slots.iter().map(|slot| Feature::number_of(*slot)).collect(),
            weights,
            centres,
            measure,
        }
    }
}

impl Block for Centres {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.centres.len() / self.features.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Centres {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], _: &mut Vec<f64>) {
        let mut first = 0;
        while first + REGISTER_ROWS <= rows {
            self.distances::<REGISTER_ROWS>(columns, rows, first, values);
            first += REGISTER_ROWS;
        }
        for row in first..rows {
            self.distances::<1>(columns, rows, row, values);
        }
    }
}

impl Centres {
    /// `N` rows from `first` on.
    #[inline(always)]
    fn distances<const N: usize>(&self, columns: &[f64], rows: usize, first: usize, values: &mut [f64]) {
        for (centre, values) in
            self.centres.chunks_exact(self.weights.len()).zip(values.chunks_exact_mut(rows))
        {
            // What a sum begins with.
            let mut sums = [-0.0; N];
            for (place, (y, weight)) in centre.iter().zip(&self.weights).enumerate() {
                if let Some(x) = columns[place * rows + first..].first_chunk::<N>() {
                    for row in 0..N {
                        sums[row] += self.measure.step(*weight, (x[row] - y).abs());
                    }
                }
            }
            for (value, sum) in values[first..].iter_mut().zip(sums) {
                *value = self.measure.root(sum);
            }
        }
    }
}

/// Of columns [centres][rows], for each row the place of the nearest, the first of equal ones, and how near it is; the
/// nearest has the least number where they are distances, else the greatest.
pub(crate) fn nearest(
    columns: &[f64],
    rows: usize,
    distances: bool,
    places: &mut Vec<u32>,
    best: &mut Vec<f64>,
) {
    places.clear();
    places.resize(rows, 0);
    best.clear();
    best.extend_from_slice(&columns[..rows]);
    for (centre, column) in columns.chunks_exact(rows).enumerate().skip(1) {
        for ((place, best), affinity) in places.iter_mut().zip(&mut *best).zip(column) {
            let nearer = if distances { affinity < best } else { affinity > best };
            *place = if nearer { centre as u32 } else { *place };
            *best = if nearer { *affinity } else { *best };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equally_near_centres_is_taken() {
        let (mut places, mut best) = (Vec::new(), Vec::new());
        nearest(&[1.0, 5.0, 1.0, 2.0, 0.5, 2.0], 2, true, &mut places, &mut best);
        assert_eq!((places.as_slice(), best.as_slice()), ([2, 1].as_slice(), [0.5, 2.0].as_slice()));
        nearest(&[1.0, 5.0, 1.0, 2.0], 2, false, &mut places, &mut best);
        assert_eq!((places.as_slice(), best.as_slice()), ([0, 0].as_slice(), [1.0, 5.0].as_slice()));
    }
}
