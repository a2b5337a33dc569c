//! How much of the training data came through nodes: in half the memory where float32 holds all of it exactly, as it does
//! what XGBoost writes, and counts of rows up to 2^24.

/// Numbers in a row, given back as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Covers {
    narrow: Vec<f32>,
    /// All of them, once there is one that is no float32.
    wide: Vec<f64>,
}

impl Covers {
    fn push(&mut self, cover: f64) {
        let narrow = cover as f32;
        if self.wide.is_empty() && f64::from(narrow) == cover {
            self.narrow.push(narrow);
            return;
        }
        if self.wide.is_empty() {
            self.wide = self.narrow.iter().map(|&cover| f64::from(cover)).collect();
            self.narrow = Vec::new();
        }
        self.wide.push(cover);
    }

    pub(crate) fn extend(&mut self, covers: &[f64]) {
        if self.wide.is_empty() {
            let start = self.narrow.len();
            self.narrow.extend(covers.iter().map(|&cover| cover as f32));
            // All are asked, since that is quicker than to stop at the first one that is no float32.
            let narrowed = self.narrow[start..].iter().zip(covers);
            if narrowed.fold(true, |all, (&narrow, &cover)| all & (f64::from(narrow) == cover)) {
                return;
            }
            self.narrow.truncate(start);
        }
        covers.iter().for_each(|&cover| self.push(cover));
    }

    /// As [`Covers::extend`].
    pub(crate) fn extend_narrow(&mut self, covers: &[f32]) {
        if self.wide.is_empty() {
            self.narrow.extend_from_slice(covers);
        } else {
            self.wide.extend(covers.iter().map(|&cover| f64::from(cover)));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.narrow.len().max(self.wide.len())
    }

    pub(crate) fn get(&self, place: usize) -> f64 {
        self.narrow.get(place).map_or_else(|| self.wide[place], |&cover| f64::from(cover))
    }

    pub(crate) fn reserve(&mut self, count: usize) {
        self.narrow.reserve_exact(count);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.narrow.shrink_to_fit();
        self.wide.shrink_to_fit();
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.narrow.len() * 4 + self.wide.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_went_in() {
        let whole = [0.0, 3.0, 16_777_216.0, 0.5];
        let any = [0.1, 16_777_217.0, f64::MAX];
        let mut covers = Covers::default();
        whole.iter().for_each(|&cover| covers.push(cover));
        assert_eq!(covers.memory_bytes(), 16);
        covers.extend(&whole);
        assert_eq!(covers.memory_bytes(), 32);
        covers.extend(&any);
        covers.extend_narrow(&[0.25, 7.0]);
        let all: Vec<f64> = (0..covers.len()).map(|place| covers.get(place)).collect();
        assert_eq!(all, [&whole[..], &whole, &any, &[0.25, 7.0]].concat());
    }
}
