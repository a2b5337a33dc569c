//! Numbers from a seed (xorshift64*).

pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    pub(super) fn one_of<T: Clone>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())].clone()
    }

    pub(super) fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Mostly small numbers on a grid, so that values meet thresholds; now and then one at the edge of the type.
    pub(super) fn value(&mut self) -> f32 {
        const EDGES: [f32; 9] =
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40, f32::MAX, -1.5, 2.5];
        if self.chance(8) { self.one_of(&EDGES) } else { self.grid() }
    }

    pub(super) fn grid(&mut self) -> f32 {
        (self.below(17) as f32 - 6.0) / 2.0
    }

    /// Leaves that do not add up exactly: an order of addition shows.
    pub(super) fn leaf(&mut self) -> f32 {
        (self.below(2001) as f32 - 1000.0) / 3.0 * 10f32.powi(self.below(5) as i32 - 3)
    }
}
