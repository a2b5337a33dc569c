//! Kernels of rows with the support vectors of a machine, the vectors side by side.

use crate::blocks::{Loops, power_of_two, widest};
use crate::models::Math;
use crate::models::normalization::exp;
use crate::models::support_vector::Kernel;

/// Vectors that lie side by side, and rows that do.
pub(super) const LANES: usize = 16;

/// Vectors that rows side by side are held against together: their sums stay in registers.
const TOGETHER: usize = 4;

/// What a machine's sum may lose where squares of distances are taken from products: of a prediction, and of a value that
/// only tells two classes apart.
const LOSS_OF_NUMBERS: f64 = 1e-13;
const LOSS_OF_CLASSES: f64 = 1e-11;

/// Support vectors, and how kernels with them are computed.
#[derive(Debug)]
pub(crate) struct Vectors {
    /// [groups][entries][LANES]; zeros behind the last vector.
    lanes: Vec<f64>,
    entries: usize,
    /// What each vector's sum begins with, [groups][LANES].
    starts: Vec<f64>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// exp(-gamma |x - y|^2) as a power of two whose exponent is x'y' + s(y) + s(x), where x' is x less the middle of the
    /// vectors, y' the same times 2 gamma log2(e), and s the square of each times `factor` = -gamma log2(e).
    Product { middle: Vec<f64>, factor: f64 },
    /// exp(-gamma |x - y|^2) from the differences.
    Difference { gamma: f64, math: Math },
    /// What is made of xy.
    Dot { kernel: Kernel, math: Math },
}

impl Vectors {
    /// Of vectors with so many entries each, for machines whose coefficients have at most such a length as vectors;
    /// `are_compared` where nothing but their values' order says something.
    pub(crate) fn new(
        vectors: &[Vec<f64>],
        entries: usize,
        kernel: Kernel,
        (coefficients, are_compared): (f64, bool),
        math: Math,
    ) -> Self {
        let limit = if are_compared { LOSS_OF_CLASSES } else { LOSS_OF_NUMBERS };
        let form = match kernel {
            Kernel::RadialBasis { gamma } if math.float => Form::Difference { gamma, math },
            Kernel::RadialBasis { gamma } => {
                Form::of_distances(vectors, entries, gamma, limit / coefficients)
            }
            kernel => Form::Dot { kernel, math },
        };
        let groups = vectors.len().div_ceil(LANES);
        let (mut lanes, mut starts) = (vec![0.0; groups * entries * LANES], vec![0.0; groups * LANES]);
        for (place, vector) in vectors.iter().enumerate() {
            let mut put = |entry: usize, number: f64| {
                lanes[(place / LANES * entries + entry) * LANES + place % LANES] = number;
            };
            match &form {
                Form::Product { middle, factor } => {
                    for (entry, (y, middle)) in vector.iter().zip(middle).enumerate() {
                        put(entry, (y - middle) * (-2.0 * factor));
                    }
                    starts[place] = square(vector, middle) * factor;
                }
                _ => vector.iter().enumerate().for_each(|(entry, y)| put(entry, *y)),
            }
        }
        Vectors { lanes, entries, starts, form }
    }

    /// How many there are, with those that only fill the last group.
    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Changes rows' entries `x` [entries][N] to what [`Vectors::kernels`] takes; what each row adds to its sums.
    pub(super) fn prepared<const N: usize>(&self, x: &mut [[f64; N]]) -> [f64; N] {
        let mut ends = [0.0; N];
        let Form::Product { middle, factor } = &self.form else { return ends };
        for (x, middle) in x.iter_mut().zip(middle) {
            for (x, end) in x.iter_mut().zip(&mut ends) {
                *x -= middle;
                *end += *x * *x;
            }
        }
        for (row, end) in ends.iter_mut().enumerate() {
            *end *= factor;
            if *end == f64::NEG_INFINITY {
                // Infinitely far from all: no difference of infinities may make it a NaN.
                x.iter_mut().for_each(|x| x[row] = 0.0);
            }
        }
        ends
    }

    /// Kernels of N rows, once [`Vectors::prepared`], with the vectors from `first` on, which a group begins with, to
    /// `kernels` [vectors][N].
    pub(super) fn kernels<const N: usize>(
        &self,
        x: &[[f64; N]],
        ends: [f64; N],
        first: usize,
        kernels: &mut [f64],
    ) {
        match &self.form {
            Form::Product { .. } => self.run(x, ends, first, kernels, Product),
            // Each arithmetic has its own loops.
            Form::Difference { gamma, math: Math { float: true } } => {
                self.run(x, ends, first, kernels, Difference { gamma: *gamma, math: Math { float: true } });
            }
            Form::Difference { gamma, .. } => {
                self.run(x, ends, first, kernels, Difference { gamma: *gamma, math: Math { float: false } });
            }
            Form::Dot { kernel, math: Math { float: true } } => {
                self.run(x, ends, first, kernels, Dot { kernel: *kernel, math: Math { float: true } });
            }
            Form::Dot { kernel, .. } => {
                self.run(x, ends, first, kernels, Dot { kernel: *kernel, math: Math { float: false } });
            }
        }
    }

    fn run<T: Terms, const N: usize>(
        &self,
        x: &[[f64; N]],
        ends: [f64; N],
        first: usize,
        kernels: &mut [f64],
        terms: T,
    ) {
        let first = first / LANES;
        widest(&Kernels { vectors: self, ends, first, terms }, x.as_flattened(), N, kernels, &mut Vec::new());
    }
}

/// Kernels of N rows; alone among loops, so that the compiler keeps its sums in registers.
struct Kernels<'v, T, const N: usize> {
    vectors: &'v Vectors,
    /// What each row adds to its sums.
    ends: [f64; N],
    /// The first group.
    first: usize,
    terms: T,
}

impl<T: Terms, const N: usize> Loops for Kernels<'_, T, N> {
    #[inline(always)]
    fn run(&self, x: &[f64], _: usize, kernels: &mut [f64], _: &mut Vec<f64>) {
        let (x, _) = x.as_chunks::<N>();
        let Vectors { lanes, entries, starts, .. } = self.vectors;
        let (starts, _) = starts.as_chunks::<LANES>();
        let groups = kernels.chunks_exact_mut(LANES * N);
        for ((group, starts), kernels) in starts.iter().enumerate().skip(self.first).zip(groups) {
            let (lanes, _) = lanes[group * entries * LANES..][..entries * LANES].as_chunks::<LANES>();
            if N == 1 {
                self.one_row(starts, lanes, x.as_flattened(), kernels);
            } else {
                self.rows(starts, lanes, x, kernels);
            }
        }
    }
}

impl<T: Terms, const N: usize> Kernels<'_, T, N> {
    /// Rows side by side, and some vectors together.
    #[inline(always)]
    fn rows(&self, starts: &[f64; LANES], lanes: &[[f64; LANES]], x: &[[f64; N]], kernels: &mut [f64]) {
        for first in (0..LANES).step_by(TOGETHER) {
            let mut sums = [[0.0; N]; TOGETHER];
            for (vector, sums) in sums.iter_mut().enumerate() {
                *sums = [starts[first + vector]; N];
            }
            for (y, x) in lanes.iter().zip(x) {
                let Some(y) = y[first..].first_chunk::<TOGETHER>() else { continue };
                for vector in 0..TOGETHER {
                    for row in 0..N {
                        sums[vector][row] = self.terms.add(sums[vector][row], x[row], y[vector]);
                    }
                }
            }
            // In memory before they go on: else the compiler may take the array of sums apart into single numbers.
            let kernels = &mut kernels[first * N..][..TOGETHER * N];
            kernels.copy_from_slice(sums.as_flattened());
            for kernels in kernels.chunks_exact_mut(N) {
                for (kernel, end) in kernels.iter_mut().zip(&self.ends) {
                    *kernel = self.terms.kernel(*kernel, *end);
                }
            }
        }
    }

    /// One row, and vectors side by side.
    #[inline(always)]
    fn one_row(&self, starts: &[f64; LANES], lanes: &[[f64; LANES]], x: &[f64], kernels: &mut [f64]) {
        let mut sums = *starts;
        for (y, x) in lanes.iter().zip(x) {
            for lane in 0..LANES {
                sums[lane] = self.terms.add(sums[lane], *x, y[lane]);
            }
        }
        for sum in &mut sums {
            *sum = self.terms.kernel(*sum, self.ends[0]);
        }
        kernels.copy_from_slice(&sums);
    }
}

impl Form {
    /// `loss` is what one kernel may lose.
    fn of_distances(vectors: &[Vec<f64>], entries: usize, gamma: f64, loss: f64) -> Form {
        let sum = |entry: usize| vectors.iter().map(|vector| vector[entry]).sum::<f64>();
        let middle: Vec<f64> = (0..entries).map(|entry| sum(entry) / vectors.len() as f64).collect();
        // Sums of so many numbers of that size, half a last bit off each.
        let rounding = f64::EPSILON / 2.0 * (entries as f64).sqrt();
        let fits = |vector: &Vec<f64>| rounding * (1.0 + gamma * square(vector, &middle)) <= loss;
        if !(gamma >= 0.0 && vectors.iter().all(fits)) {
            return Form::Difference { gamma, math: Math { float: false } };
        }
        Form::Product { middle, factor: -gamma * std::f64::consts::LOG2_E }
    }
}

/// The square of what lies between two vectors.
fn square(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// How a kernel is made of two vectors' entries.
trait Terms {
    /// A sum and what two entries add to it.
    fn add(&self, sum: f64, x: f64, y: f64) -> f64;

    /// The kernel, of a sum and what the row itself adds to it.
    fn kernel(&self, sum: f64, end: f64) -> f64;
}

struct Product;

impl Terms for Product {
    #[inline(always)]
    fn add(&self, sum: f64, x: f64, y: f64) -> f64 {
        x.mul_add(y, sum)
    }

    #[inline(always)]
    fn kernel(&self, sum: f64, end: f64) -> f64 {
        power_of_two(sum + end)
    }
}

struct Difference {
    gamma: f64,
    math: Math,
}

impl Terms for Difference {
    #[inline(always)]
    fn add(&self, sum: f64, x: f64, y: f64) -> f64 {
        self.math.round(sum + self.math.round((x - y) * (x - y)))
    }

    #[inline(always)]
    fn kernel(&self, sum: f64, _: f64) -> f64 {
        exp(-self.math.round(self.gamma * sum), self.math)
    }
}

struct Dot {
    kernel: Kernel,
    math: Math,
}

impl Terms for Dot {
    #[inline(always)]
    fn add(&self, sum: f64, x: f64, y: f64) -> f64 {
        self.math.round(sum + self.math.round(x * y))
    }

    #[inline(always)]
    fn kernel(&self, sum: f64, _: f64) -> f64 {
        self.kernel.of_dot(sum, self.math)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Math = Math { float: false };

    fn kernel(kernel: Kernel, own: &[f64], y: &[f64]) -> f64 {
        let vectors =
            Vectors::new(&[vec![0.5; own.len()], y.to_vec()], own.len(), kernel, (1.0, false), DOUBLE);
        let mut kernels = vec![0.0; vectors.count()];
        let mut x: Vec<[f64; 1]> = own.iter().map(|x| [*x]).collect();
        let ends = vectors.prepared(&mut x);
        vectors.kernels(&x, ends, 0, &mut kernels);
        let mut many = vec![0.0; vectors.count() * LANES];
        let mut rows: Vec<[f64; LANES]> = own.iter().map(|x| [*x; LANES]).collect();
        let ends = vectors.prepared(&mut rows);
        vectors.kernels(&rows, ends, 0, &mut many);
        assert!(many[LANES..2 * LANES].iter().all(|kernel| kernel.to_bits() == kernels[1].to_bits()));
        kernels[1]
    }

    #[test]
    fn each_kernel_has_its_formula() {
        let (x, y) = ([1.0, 2.0], [3.0, 0.5]);
        assert_eq!(kernel(Kernel::Linear, &x, &y), 4.0);
        assert_eq!(kernel(Kernel::Polynomial { gamma: 2.0, coef0: 1.0, degree: 2.0 }, &x, &y), 81.0);
        assert_eq!(kernel(Kernel::Sigmoid { gamma: 0.25, coef0: -1.0 }, &x, &y), 0.0);
        let rbf = kernel(Kernel::RadialBasis { gamma: 0.5 }, &x, &y);
        assert!((rbf / (-3.125f64).exp() - 1.0).abs() < 1e-15, "{rbf}");
    }

    #[test]
    fn distances_far_from_zero_and_far_from_each_other_keep_their_digits() {
        let near = kernel(Kernel::RadialBasis { gamma: 0.5 }, &[1e9, 2.0], &[1e9 + 1.0, 2.0]);
        assert!((near / (-0.5f64).exp() - 1.0).abs() < 1e-15, "{near}");
        let among = [1e6, -1e6, 1e6 + 0.25];
        let far = kernel(Kernel::RadialBasis { gamma: 1.0 }, &among, &[1e6, -1e6, 1e6]);
        assert!((far / (-0.0625f64).exp() - 1.0).abs() < 1e-15, "{far}");
        assert_eq!(kernel(Kernel::RadialBasis { gamma: 0.5 }, &[1e200, 0.0], &[1.0, 0.0]), 0.0);
        assert_eq!(kernel(Kernel::RadialBasis { gamma: 0.5 }, &[f64::INFINITY, 0.0], &[1.0, 0.0]), 0.0);
    }
}
