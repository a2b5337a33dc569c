//! Which code evaluates a forest: by its shape, the number of rows, and what the processor has.

use crate::blocks::Job;
use crate::packed::RowJob;
use crate::plain::Plain;
use crate::{Forest, Real, Rows};
use std::ops::Range;
use std::sync::OnceLock;

/// One way to evaluate; all give the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kernel {
    /// One row, one tree at a time.
    Definition,
    /// Eight ways down the nodes at a time.
    Lanes,
    /// Eight ways down packed splits at a time, by ranks: for a few rows.
    Packed(Instructions),
    /// All splits of the upper levels at once, 64 to a register (AVX-512 with VBMI): for a few rows and trees of few levels.
    #[cfg(target_arch = "x86_64")]
    Scanned,
    /// Answers of hundreds of rows in one register: for many rows.
    Sliced(Instructions),
}

/// An instruction set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Instructions {
    /// What the program is compiled for: all processors of this kind have it.
    Plain,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 (F, BW, VL, DQ).
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// All that the processor has, the best last.
    pub fn available() -> Vec<Instructions> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing is added elsewhere"))]
        let mut sets = vec![Instructions::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            if crate::x86_64::has_avx2() {
                sets.push(Instructions::Avx2);
            }
            if crate::x86_64::has_avx512() {
                sets.push(Instructions::Avx512);
            }
        }
        sets
    }

    /// The best that the processor has.
    pub fn best() -> Instructions {
        static BEST: OnceLock<Instructions> = OnceLock::new();
        *BEST.get_or_init(|| Instructions::available().last().copied().unwrap_or(Instructions::Plain))
    }
}

impl Kernel {
    /// All that run here.
    pub fn available() -> Vec<Kernel> {
        let sets = Instructions::available();
        let packed = sets.iter().map(|&set| Kernel::Packed(set));
        let sliced = sets.iter().map(|&set| Kernel::Sliced(set));
        let kernels = [Kernel::Definition, Kernel::Lanes].into_iter().chain(packed).chain(sliced);
        #[cfg(target_arch = "x86_64")]
        let kernels = kernels.chain(crate::x86_64::has_scan().then_some(Kernel::Scanned));
        kernels.collect()
    }
}

/// Rows from which the answers of a block cost less than ways down: as many for a forest of small trees, of large ones.
const FEWEST: usize = 96;

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Adds the leaves of `trees` to `sums` ([rows, outputs], which hold the base), tree by tree in order, each addition
    /// rounded to `Y`.
    ///
    /// # Panics
    /// When rows are narrower than the forest's features, `trees` is out of range, or `sums` has another size.
    pub fn add_margins(&self, rows: Rows<'_, X>, trees: Range<usize>, sums: &mut [Y]) {
        self.add_margins_by(self.kernel_for(rows.len()), rows, trees, sums);
    }

    /// The kernel that [`Forest::add_margins`] takes for so many rows.
    pub fn kernel_for(&self, rows: usize) -> Kernel {
        let instructions = Instructions::best();
        if rows >= FEWEST && self.sliced.is_some() {
            return Kernel::Sliced(instructions);
        }
        #[cfg(target_arch = "x86_64")]
        if self.scanned.is_some() && crate::x86_64::has_scan() {
            return Kernel::Scanned;
        }
        if self.packed.is_some() { Kernel::Packed(instructions) } else { Kernel::Lanes }
    }

    /// As [`Forest::add_margins`], by a kernel of the caller's choice: the sums are the same to the last bit. A kernel that
    /// the forest has no layout for, or the processor not the instructions, gives way to one that there is.
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn add_margins_by(&self, kernel: Kernel, rows: Rows<'_, X>, trees: Range<usize>, sums: &mut [Y]) {
        assert!(rows.columns() >= self.features && sums.len() == rows.len() * self.outputs);
        let conditions = &self.conditions;
        match kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Scanned => match (&self.scanned, &self.packed) {
                (Some(scanned), Some(packed)) => {
                    crate::x86_64::scan(
                        &RowJob { forest: self, conditions, packed, rows, trees },
                        scanned,
                        sums,
                    );
                }
                _ => self.add_by_lanes(rows, trees, sums),
            },
            Kernel::Definition => self.add_by_definition(rows, trees, sums),
            Kernel::Lanes => self.add_by_lanes(rows, trees, sums),
            Kernel::Packed(set) => match &self.packed {
                Some(packed) => {
                    run_rows(set, &RowJob { forest: self, conditions, packed, rows, trees }, sums)
                }
                None => self.add_by_lanes(rows, trees, sums),
            },
            Kernel::Sliced(set) => match &self.sliced {
                Some(sliced) => run_blocks(set, &Job { forest: self, conditions, sliced, rows, trees }, sums),
                None => self.add_by_lanes(rows, trees, sums),
            },
        }
    }
}

fn run_rows<X: Real, Y: Real>(set: Instructions, job: &RowJob<'_, X, Y>, sums: &mut [Y]) {
    match set {
        Instructions::Plain => job.run(sums, &Plain),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => crate::x86_64::avx2_row(job, sums),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => crate::x86_64::avx512_row(job, sums),
    }
}

fn run_blocks<X: Real, Y: Real>(set: Instructions, job: &Job<'_, X, Y>, sums: &mut [Y]) {
    match set {
        Instructions::Plain => job.run(sums, &Plain),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => crate::x86_64::avx2(job, sums),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => crate::x86_64::avx512(job, sums),
    }
}
