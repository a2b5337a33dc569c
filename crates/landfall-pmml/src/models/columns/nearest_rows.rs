//! The nearest of a model's training rows.

use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::measure::{Measure, Sum};
use crate::resolve::Slot;

/// Training rows whose distances are computed side by side, in registers.
const TOGETHER: usize = 32;
/// Of which so many are summed at once.
const LANES: usize = 8;

/// Training rows over columns: by rank, nearest first, the places of rows, then their distances.
#[derive(Debug)]
pub(crate) struct NearestRows {
    features: Vec<Feature>,
    weights: Vec<f64>,
    /// [groups][features][TOGETHER]; what the last group has too many is infinitely far.
    groups: Vec<f64>,
    /// How many training rows there are.
    count: usize,
    /// How many of them are looked for.
    ranks: usize,
    sum: Sum,
}

/// The nearest training rows so far, nearest first; of equally near ones the earlier.
struct Found<'f> {
    places: &'f mut [f64],
    distances: &'f mut [f64],
    /// What distances are, or are roots of.
    sums: &'f mut [f64],
    /// How many there are.
    count: usize,
}

impl NearestRows {
    /// `rows` [training rows][slots]; `None` where something is not finite or a weight is not positive, and for measures that
    /// are no distances or do not add up weighted differences: then distances need not be numbers in their order.
    pub(crate) fn new(
        slots: &[Slot],
        weights: Vec<f64>,
        measure: &Measure,
        rows: &[&[f64]],
        ranks: usize,
    ) -> Option<NearestRows> {
        let fits = rows.iter().all(|row| row.len() == slots.len() && row.iter().all(|x| x.is_finite()))
            && weights.iter().all(|weight| weight.is_finite() && *weight > 0.0)
            && measure.distance
            && !slots.is_empty();
        if !fits {
            return None;
        }
        let mut groups = Vec::with_capacity(rows.len().div_ceil(TOGETHER) * TOGETHER * slots.len());
        for group in rows.chunks(TOGETHER) {
            for feature in 0..slots.len() {
                groups
                    .extend((0..TOGETHER).map(|at| group.get(at).map_or(f64::INFINITY, |row| row[feature])));
            }
        }
        Some(NearestRows {
            features: slots.iter().map(|slot| Feature::number_of(*slot)).collect(),
            weights,
            groups,
            count: rows.len(),
            ranks: ranks.min(rows.len()),
            sum: measure.sum()?,
        })
    }

    /// Of what [`Block::run`] gives so many rows, one row's places and distances, nearest first.
    pub(crate) fn of_row(values: &[f64], rows: usize, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (places, distances) = values.split_at(values.len() / 2);
        let pairs = places[row..].iter().step_by(rows).zip(distances[row..].iter().step_by(rows));
        pairs.map(|(place, distance)| (*place as usize, *distance))
    }

    /// The places and distances of one row whose numbers are all there, nearest first.
    pub(crate) fn of_numbers(&self, x: &[f64]) -> Vec<(usize, f64)> {
        let mut values = vec![0.0; self.outputs()];
        Block::run(self, x, 1, &mut values, &mut Vec::new());
        NearestRows::of_row(&values, 1, 0).collect()
    }
}

impl Block for NearestRows {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        2 * self.ranks
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for NearestRows {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        match self.sum {
            Sum::Squares { rooted } if self.weights.iter().all(|weight| *weight == 1.0) => {
                self.find(Squares::<false>, rooted, columns, rows, values, scratch);
            }
            Sum::Squares { rooted } => self.find(Squares::<true>, rooted, columns, rows, values, scratch),
            Sum::Differences => self.find(Differences, false, columns, rows, values, scratch),
        }
    }
}

impl NearestRows {
    /// Row by row over each group of training rows, so that a group stays in the first-level cache.
    #[inline(always)]
    fn find(
        &self,
        step: impl Add,
        rooted: bool,
        columns: &[f64],
        rows: usize,
        values: &mut [f64],
        scratch: &mut Vec<f64>,
    ) {
        let (width, ranks) = (self.features.len(), self.ranks);
        scratch.clear();
        scratch.resize(rows * (width + 3 * ranks), 0.0);
        let (matrix, found) = scratch.split_at_mut(rows * width);
        for (feature, column) in columns.chunks_exact(rows).enumerate() {
            for (row, x) in matrix.chunks_exact_mut(width).zip(column) {
                row[feature] = *x;
            }
        }
        for (number, group) in self.groups.chunks_exact(width * TOGETHER).enumerate() {
            let first = number * TOGETHER;
            for (x, found) in matrix.chunks_exact(width).zip(found.chunks_exact_mut(3 * ranks)) {
                let mut found = Found::of(found, first.min(ranks));
                let sums = self.sums(&step, x, group);
                let farthest = found.farthest();
                // Counted, not found: a loop that stops is not one for wide registers.
                let near: u64 = sums.iter().map(|sum| u64::from(*sum < farthest)).sum();
                if near > 0 || first < ranks {
                    let count = TOGETHER.min(self.count - first);
                    found.take(&sums[..count], first, rooted);
                }
            }
        }
        for (row, found) in found.chunks_exact(3 * ranks).enumerate() {
            for (value, own) in values[row..].iter_mut().step_by(rows).zip(&found[..2 * ranks]) {
                *value = *own;
            }
        }
    }

    /// What a row's distances from a group are, or are roots of. A register's width at a time: of sums for all of a group
    /// compilers have made registers that hold some of each.
    #[inline(always)]
    fn sums(&self, step: &impl Add, x: &[f64], group: &[f64]) -> [f64; TOGETHER] {
        let mut sums = [0.0; TOGETHER];
        let (group, _) = group.as_chunks::<TOGETHER>();
        for (part, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut own = [0.0; LANES];
            for ((x, weight), y) in x.iter().zip(&self.weights).zip(group) {
                let y = &y.as_chunks::<LANES>().0[part];
                for at in 0..LANES {
                    own[at] += step.of(*weight, x - y[at]);
                }
            }
            *sums = own;
        }
        sums
    }
}

/// What a weighted difference adds. What implements it marks it `#[inline(always)]`.
trait Add {
    fn of(&self, weight: f64, difference: f64) -> f64;
}

struct Differences;

/// Whether weights are other than one. The sign goes with the square.
struct Squares<const WEIGHED: bool>;

impl Add for Differences {
    #[inline(always)]
    fn of(&self, weight: f64, difference: f64) -> f64 {
        weight * difference.abs()
    }
}

impl<const WEIGHED: bool> Add for Squares<WEIGHED> {
    #[inline(always)]
    fn of(&self, weight: f64, difference: f64) -> f64 {
        let square = difference * difference;
        if WEIGHED { weight * square } else { square }
    }
}

impl<'f> Found<'f> {
    /// Of memory for them, in which there are `count`.
    #[inline(always)]
    fn of(memory: &'f mut [f64], count: usize) -> Found<'f> {
        let ranks = memory.len() / 3;
        let (places, rest) = memory.split_at_mut(ranks);
        let (distances, sums) = rest.split_at_mut(ranks);
        Found { places, distances, sums, count }
    }

    /// From which sum on a row that comes now is no nearer than all of them, where there are as many as are looked for.
    #[inline(always)]
    fn farthest(&self) -> f64 {
        self.sums.last().copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Takes what is nearer of the training rows from place `first` on. Their sums are compared first: roots of different
    /// sums can be equal, and are never in another order.
    fn take(&mut self, sums: &[f64], first: usize, rooted: bool) {
        for (at, sum) in sums.iter().enumerate() {
            let is_full = self.count == self.places.len();
            if is_full && *sum >= self.farthest() {
                continue;
            }
            let distance = if rooted { sum.sqrt() } else { *sum };
            let rank = self.distances[..self.count].partition_point(|other| *other <= distance);
            if rank == self.places.len() {
                continue;
            }
            self.count += usize::from(!is_full);
            let own = [(first + at) as f64, distance, *sum];
            for (list, own) in [&mut *self.places, &mut *self.distances, &mut *self.sums].into_iter().zip(own)
            {
                list[rank..self.count].rotate_right(1);
                list[rank] = own;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sums: &[f64], ranks: usize) -> (Vec<f64>, Vec<f64>) {
        let mut memory = vec![0.0; 3 * ranks];
        for (at, sum) in sums.iter().enumerate() {
            Found::of(&mut memory, at.min(ranks)).take(&[*sum], at, true);
        }
        let found = Found::of(&mut memory, ranks);
        (found.places.to_vec(), found.distances.to_vec())
    }

    #[test]
    fn the_earlier_of_equally_near_rows_comes_first_though_its_sum_is_greater() {
        let more = 2f64.next_up();
        assert_eq!(2f64.sqrt(), more.sqrt());
        assert_eq!(
            found(&[9.0, more, 2.0, 1.0], 3),
            (vec![3.0, 1.0, 2.0], vec![1.0, 2f64.sqrt(), 2f64.sqrt()])
        );
        assert_eq!(found(&[9.0, more, 2.0], 1).0, [1.0]);
    }

    #[test]
    fn rows_infinitely_far_are_found_where_there_are_no_others() {
        assert_eq!(
            found(&[f64::INFINITY, 4.0, f64::INFINITY], 2),
            (vec![1.0, 0.0], vec![2.0, f64::INFINITY])
        );
    }
}
