//! Which outputs of a signature a call wants.

use smallvec::SmallVec;

/// Outputs of a signature by place, ascending, each once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Wanted(SmallVec<[u32; 8]>);

impl Wanted {
    /// The places, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.0.iter().map(|&place| place as usize)
    }

    /// Whether the output at this place is wanted.
    pub fn contains(&self, place: usize) -> bool {
        self.0.iter().any(|&p| p as usize == place)
    }

    /// How many outputs are wanted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no output is wanted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<usize> for Wanted {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut places: SmallVec<[u32; 8]> = places.into_iter().map(|place| place as u32).collect();
        places.sort_unstable();
        places.dedup();
        Wanted(places)
    }
}
