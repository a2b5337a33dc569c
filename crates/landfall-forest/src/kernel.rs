//! Which code evaluates a forest: chosen once, by what the processor has.

use crate::Real;
use crate::blocks::{Job, Plainly};

/// One way to evaluate; all give the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kernel {
    /// One row, one tree at a time.
    Definition,
    /// Eight ways down at a time.
    Lanes,
    /// Blocks of rows by ranks, with what every processor of this kind has.
    Ranks,
    /// The same with AVX2.
    #[cfg(target_arch = "x86_64")]
    RanksAvx2,
    /// The same with AVX-512 (F, BW, VL).
    #[cfg(target_arch = "x86_64")]
    RanksAvx512,
}

impl Kernel {
    /// All that run here; for many rows, the slowest first.
    pub fn available() -> Vec<Kernel> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing is added elsewhere"))]
        let mut kernels = vec![Kernel::Definition, Kernel::Lanes, Kernel::Ranks];
        #[cfg(target_arch = "x86_64")]
        {
            if crate::x86_64::has_avx2() {
                kernels.push(Kernel::RanksAvx2);
            }
            if crate::x86_64::has_avx512() {
                kernels.push(Kernel::RanksAvx512);
            }
        }
        kernels
    }

    /// The quickest that runs here, for many rows.
    pub fn best() -> Kernel {
        static BEST: std::sync::OnceLock<Kernel> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Kernel::available().last().copied().unwrap_or(Kernel::Definition))
    }

    /// Runs a job; a kernel that is not available here falls back to what is.
    pub(crate) fn run<X: Real, Y: Real>(self, job: &Job<'_, X, Y>, sums: &mut [Y]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::RanksAvx512 => crate::x86_64::avx512(job, sums),
            #[cfg(target_arch = "x86_64")]
            Kernel::RanksAvx2 => crate::x86_64::avx2(job, sums),
            Kernel::Ranks | Kernel::Lanes | Kernel::Definition => job.run(sums, &Plainly),
        }
    }
}
