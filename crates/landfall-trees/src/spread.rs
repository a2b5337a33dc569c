//! Sums that stand for some of a classifier's classes, shown among all of them.

use crate::document::wrong;
use landfall_forest::Real;
use landfall_model::Problem;

/// Classes without a sum beyond which a file is absurd: each is a number of every row's answer.
const MAX_ABSENT: usize = 1 << 12;

/// Brings sums to the places of their classes; a class that the training data lacked has minus infinity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    /// By sum: the place of its class.
    places: Vec<usize>,
    width: usize,
}

impl Spread {
    /// Of sums that stand at these places of `width`.
    ///
    /// # Errors
    /// Invalid argument, when the places are none or do not ascend, or too many are left empty.
    pub(crate) fn new(places: &[f64], width: usize) -> Result<Self, Problem> {
        let place =
            |&place: &f64| Some(place as usize).filter(|&whole| whole as f64 == place && whole < width);
        let whole: Option<Vec<usize>> = places.iter().map(place).collect();
        let ascending = whole.filter(|whole| whole.is_sorted_by(|a, b| a < b));
        let refuse = || wrong(format!("sums stand for the classes {places:?} of {width}"));
        let places = ascending.ok_or_else(refuse)?;
        if width - places.len() > MAX_ABSENT {
            return Err(wrong(format!("{width} classes, of which {} have a sum", places.len())));
        }
        Ok(Spread { places, width })
    }

    /// Values of a row once they are spread.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Spreads the sums of all rows.
    pub(crate) fn apply<Y: Real>(&self, sums: &mut Vec<Y>) {
        let rows = sums.len() / self.places.len().max(1);
        let mut spread = vec![Y::of(f64::NEG_INFINITY); rows * self.width];
        for (row, sums) in spread.chunks_exact_mut(self.width).zip(sums.chunks_exact(self.places.len())) {
            self.places.iter().zip(sums).for_each(|(&place, &sum)| row[place] = sum);
        }
        *sums = spread;
    }
}
