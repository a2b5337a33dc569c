//! Some rows through one tree, side by side: every row comes to every node, known or unknown.

use super::plan::{Held, Plan, Step, StepKind};
use super::quadrature::Quadrature;
use crate::Real;
use crate::trees::Trees;

/// What one step knows of itself at each point.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    /// 1 / ((1 - t) unknown + t).
    inverse: f64,
    /// By what products change here: of rows that came this way all along, and of those that leave it here.
    stays: f64,
    leaves: f64,
    /// What the player gains here, beyond its earlier step: of the same rows.
    gain_of_stays: f64,
    gain_of_leaves: f64,
}

impl Point {
    /// At a point t with its weight; `unknown_above` and `earlier` are of the player's earlier step.
    #[inline(always)]
    fn of(step: &Step, held: Held, (t, weight): (f64, f64), unknown_above: f64, earlier: &Point) -> Self {
        if step.held {
            // A player that is held takes no part: its ways are all open, or the row's own is.
            let (stays, leaves) = if held.is_known() { (1.0, 0.0) } else { (step.share, step.share) };
            return Point { inverse: 1.0, stays, leaves, gain_of_stays: 0.0, gain_of_leaves: 0.0 };
        }
        let rest = 1.0 - t;
        let own = rest * step.unknown + t;
        let inverse = 1.0 / own;
        let gain_before = weight * (1.0 - unknown_above) * earlier.inverse;
        Point {
            inverse,
            stays: own * earlier.inverse,
            leaves: rest * step.unknown * earlier.inverse,
            gain_of_stays: weight * (1.0 - step.unknown) * inverse - gain_before,
            gain_of_leaves: -weight / rest - gain_before,
        }
    }
}

/// Memory of `L` rows on their way.
#[derive(Debug)]
pub(crate) struct Lanes<const L: usize> {
    /// By depth: all bits set where the row's own way leads here as far as the player is concerned.
    known: Vec<[u64; L]>,
    /// By depth: all bits set where the row goes left.
    left: Vec<[u64; L]>,
    /// By depth and point: the product along the path.
    products: Vec<[f64; L]>,
    /// By depth, value of a leaf, and point: the sum of what the leaves below give.
    sums: Vec<[f64; L]>,
    /// By depth and point.
    steps: Vec<Point>,
    /// By depth: the place of the step.
    places: Vec<usize>,
    /// By player of the plan, and value of a leaf.
    pub(crate) gains: Vec<[f64; L]>,
}

impl<const L: usize> Default for Lanes<L> {
    fn default() -> Self {
        Lanes {
            known: Vec::new(),
            left: Vec::new(),
            products: Vec::new(),
            sums: Vec::new(),
            steps: Vec::new(),
            places: Vec::new(),
            gains: Vec::new(),
        }
    }
}

/// A walk under way.
pub(crate) struct Walk<'a, X, Y, const L: usize> {
    pub(crate) forest: &'a Trees<X, Y>,
    pub(crate) plan: &'a Plan,
    pub(crate) rule: &'a Quadrature,
    pub(crate) held: Held,
    /// Values of a leaf that are explained: so many, from which on.
    pub(crate) width: usize,
    pub(crate) first: usize,
    pub(crate) rows: [&'a [X]; L],
    pub(crate) lanes: &'a mut Lanes<L>,
}

#[inline(always)]
fn bits(on: bool) -> u64 {
    0u64.wrapping_sub(u64::from(on))
}

impl<X: Real, Y: Real, const L: usize> Walk<'_, X, Y, L> {
    /// Leaves the gains of all players in the lanes.
    pub(crate) fn run(mut self) {
        self.clear();
        for (place, step) in self.plan.steps.iter().enumerate() {
            let depth = step.depth as usize;
            self.lanes.places[depth] = place;
            if depth > 0 {
                self.enter(step, depth);
            }
            match step.kind {
                StepKind::Split(node) => {
                    let node = &self.forest.nodes[node as usize];
                    let goes_left = |row: &[X]| bits(self.forest.goes_left(node, row[node.feature()]));
                    self.lanes.left[depth] = std::array::from_fn(|lane| goes_left(self.rows[lane]));
                    let points = self.plan.points * self.width;
                    self.lanes.sums[depth * points..][..points].fill([0.0; L]);
                }
                StepKind::Leaf { value, closes } => {
                    self.leaf(value, depth);
                    (0..closes as usize).take_while(|up| *up < depth).for_each(|up| self.close(depth - up));
                }
            }
        }
    }

    fn clear(&mut self) {
        let (levels, points) = (self.plan.depth + 1, self.plan.points);
        let lanes = &mut *self.lanes;
        lanes.known.resize(levels, [0; L]);
        lanes.left.resize(levels, [0; L]);
        lanes.places.resize(levels, 0);
        lanes.products.resize(levels * points, [0.0; L]);
        lanes.sums.resize(levels * points * self.width, [0.0; L]);
        lanes.steps.resize(levels * points, Point::default());
        lanes.known[0] = [u64::MAX; L];
        lanes.products[..points].fill([1.0; L]);
        lanes.steps[..points].fill(Point { inverse: 1.0, ..Point::default() });
        lanes.gains.clear();
        lanes.gains.resize(self.plan.players.len() * self.width, [0.0; L]);
    }

    /// Carries the products on to a node.
    fn enter(&mut self, step: &Step, depth: usize) {
        let (points, earlier) = (self.plan.points, step.earlier as usize);
        let Lanes { known, left, products, steps, places, .. } = &mut *self.lanes;
        let turned = bits(!step.is_left);
        let above: [u64; L] = known[earlier];
        let here: [u64; L] = std::array::from_fn(|lane| above[lane] & (left[depth - 1][lane] ^ turned));
        known[depth] = here;
        let unknown_above = self.plan.steps[places[earlier]].unknown;
        let (before, own) = steps.split_at_mut(depth * points);
        let before = &before[earlier * points..][..points];
        let (above_products, own_products) = products.split_at_mut(depth * points);
        let above_products = &above_products[(depth - 1) * points..];
        for k in 0..points {
            let at = (self.rule.points[k], self.rule.weights[k]);
            let point = Point::of(step, self.held, at, unknown_above, &before[k]);
            own[k] = point;
            let [stays, leaves, other] = [point.stays, point.leaves, step.share].map(f64::to_bits);
            for lane in 0..L {
                let factor = stays & here[lane] | leaves & (above[lane] & !here[lane]) | other & !above[lane];
                own_products[k][lane] = above_products[k][lane] * f64::from_bits(factor);
            }
        }
    }

    fn leaf(&mut self, value: usize, depth: usize) {
        let points = self.plan.points;
        let Lanes { products, sums, .. } = &mut *self.lanes;
        let products = &products[depth * points..][..points];
        let sums = &mut sums[depth * points * self.width..][..points * self.width];
        for (output, sums) in sums.chunks_exact_mut(points).enumerate() {
            let place = value.saturating_add(self.first + output);
            let value = self.forest.values.get(place).map_or(0.0, |value| value.wide());
            for (sum, product) in sums.iter_mut().zip(products) {
                for lane in 0..L {
                    sum[lane] = value * product[lane];
                }
            }
        }
    }

    /// Tells a node's player its gain, and the node above what its leaves give.
    fn close(&mut self, depth: usize) {
        let (points, width) = (self.plan.points, self.width);
        let Lanes { known, sums, steps, gains, places, .. } = &mut *self.lanes;
        let step = &self.plan.steps[places[depth]];
        let (here, above) = (known[depth], known[step.earlier as usize]);
        let steps = &steps[depth * points..][..points];
        let (sums_above, sums) = sums.split_at_mut(depth * points * width);
        let sums_above = &mut sums_above[(depth - 1) * points * width..];
        for output in 0..width {
            let gain = &mut gains[step.player as usize * width + output];
            for (k, point) in steps.iter().enumerate() {
                let [stays, leaves] = [point.gain_of_stays, point.gain_of_leaves].map(f64::to_bits);
                let sum = &sums[output * points + k];
                let above_sum = &mut sums_above[output * points + k];
                for lane in 0..L {
                    let factor = stays & here[lane] | leaves & (above[lane] & !here[lane]);
                    gain[lane] += sum[lane] * f64::from_bits(factor);
                    above_sum[lane] += sum[lane];
                }
            }
        }
    }
}
