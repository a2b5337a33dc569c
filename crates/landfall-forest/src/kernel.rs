//! Which code evaluates a forest: by its shape, the number of rows, and what the processor has.

#[cfg(target_arch = "x86_64")]
use crate::abreast::Abreast;
use crate::blocks::Job;
use crate::few::{ByRanks, RowJob};
use crate::line::Line;
use crate::plain::Plain;
#[cfg(target_arch = "x86_64")]
use crate::processor::HasScan;
use crate::real::{Numbers, narrowed};
#[cfg(target_arch = "x86_64")]
use crate::scanned::{Ends, Scan};
use crate::sliced::Sliced;
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
    /// By ranks: eight ways down packed splits at a time, the levels of oblivious trees, or all splits of deep small trees at
    /// once (AVX2). For a few rows.
    Packed(Instructions),
    /// All splits of the upper levels at once, 64 to a register (AVX-512 with VBMI): for a few rows.
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
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Instructions {
    /// All that the processor has, the best last.
    pub fn available() -> Vec<Instructions> {
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64")),
            expect(unused_mut, reason = "nothing is added elsewhere")
        )]
        let mut sets = vec![Instructions::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            if crate::processor::has_avx2() {
                sets.push(Instructions::Avx2);
            }
            if crate::processor::has_avx512() {
                sets.push(Instructions::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if crate::aarch64::has_neon() {
            sets.push(Instructions::Neon);
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
        let kernels = kernels.chain(crate::processor::has_scan().then_some(Kernel::Scanned));
        kernels.collect()
    }
}

/// Rows from which the answers of a block cost less than ways down: as many for a forest of small trees, of large ones.
pub(crate) const FEWEST: usize = 96;

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Adds the leaves of `trees` to `sums` ([rows, outputs], which hold the base), tree by tree in order, each addition
    /// rounded to `Y`.
    ///
    /// # Panics
    /// When rows are narrower than the forest's features, `trees` is out of range, or `sums` has another size.
    pub fn add_margins(&self, rows: Rows<'_, X>, trees: Range<usize>, sums: &mut [Y]) {
        self.add(None, rows, trees, sums);
    }

    /// As [`Forest::add_margins`], of rows of float32, by a kernel of the caller's choice or the one that is taken for so many:
    /// the sums are those of the same numbers in the type that trees compare, which need not be made.
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn add_margins_of_f32(
        &self,
        kernel: Option<Kernel>,
        rows: Rows<'_, f32>,
        trees: Range<usize>,
        sums: &mut [Y],
    ) {
        self.add(kernel, rows, trees, sums);
    }

    /// By a kernel, or the one for so many rows of numbers of type `R`: `X` or float32.
    fn add<R: Real>(&self, kernel: Option<Kernel>, rows: Rows<'_, R>, trees: Range<usize>, sums: &mut [Y]) {
        if let Some(kernel) = kernel {
            return self.add_by(kernel, rows, trees, sums);
        }
        if rows.len() == 1
            && let Numbers::F64(row) = R::numbers(rows.values())
            && self.add_narrowed(row, &trees, sums)
        {
            return;
        }
        // Nothing is chosen anew for each row of a small model.
        #[cfg(target_arch = "x86_64")]
        if rows.len() == 1
            && let (Some(layout), Numbers::F32(row)) =
                (self.layouts.ready_abreast(), R::numbers(rows.values()))
            && self.add_abreast_alone(layout, row, &trees, sums)
        {
            return;
        }
        let walks = rows.len() < FEWEST && self.layouts.still_walks(rows.len());
        let kernel = if walks { Kernel::Lanes } else { self.kernel_of::<R>(rows.len()) };
        self.add_by(kernel, rows, trees, sums);
    }

    /// One row through trees that stand abreast; `false`, and nothing done, where another way is quicker.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn add_abreast_alone(
        &self,
        layout: &Abreast<Y>,
        row: &[f32],
        trees: &Range<usize>,
        sums: &mut [Y],
    ) -> bool {
        if let Some(has) = layout.scan {
            return crate::x86_64::abreast_alone(has, layout, row, trees, sums);
        }
        let (rows, asked) = (Rows::new(row, 1, row.len()), &self.compiled.trees[trees.clone()]);
        crate::x86_64::avx2_abreast(layout, rows, asked, trees.start, sums);
        true
    }

    /// One row of float64 as float32, where that holds all of its numbers: they are compared in half the time, with half as much
    /// memory. `false`, and nothing done, for others.
    #[inline]
    fn add_narrowed(&self, row: &[f64], trees: &Range<usize>, sums: &mut [Y]) -> bool {
        match row.len() {
            1..=64 => self.add_as_f32::<64>(row, trees, sums),
            65..=512 => self.add_as_f32::<512>(row, trees, sums),
            _ => false,
        }
    }

    /// The same, of at most so many numbers.
    fn add_as_f32<const MOST: usize>(&self, row: &[f64], trees: &Range<usize>, sums: &mut [Y]) -> bool {
        let mut space = Line([0.0; MOST]);
        let holds = narrowed_row(row, &mut space);
        if holds {
            self.add(None, Rows::new(&space.0[..row.len()], 1, row.len()), trees.clone(), sums);
        }
        holds
    }

    /// The kernel that is taken for so many rows, once a few rows have gone down the nodes themselves.
    fn kernel_of<R: Real>(&self, rows: usize) -> Kernel {
        let (instructions, trees) = (Instructions::best(), &self.compiled);
        let sliced = if rows >= FEWEST { self.layouts.sliced::<R>(trees) } else { None };
        // Of large trees alone, scanning answers the upper levels of all at once, too, and goes on quicker.
        let is_scanned = |sliced: &Sliced<X, Y>| sliced.goes_by_row() && self.layouts.has_scanned::<R>(trees);
        if sliced.is_some_and(|sliced| !is_scanned(sliced)) {
            return Kernel::Sliced(instructions);
        }
        let few = self.layouts.few::<R>(trees);
        #[cfg(target_arch = "x86_64")]
        if crate::processor::has_scan() && (few.stands_alone() || few.scanned.is_some()) {
            return Kernel::Scanned;
        }
        let has_packed = few.stands_alone() || self.layouts.packed::<R>(trees).is_some();
        if has_packed { Kernel::Packed(instructions) } else { Kernel::Lanes }
    }

    /// As [`Forest::add_margins`], by a kernel of the caller's choice: the sums are the same to the last bit. A kernel that
    /// the forest has no layout for, or the processor not the instructions, gives way to one that there is.
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn add_margins_by(&self, kernel: Kernel, rows: Rows<'_, X>, trees: Range<usize>, sums: &mut [Y]) {
        self.add_by(kernel, rows, trees, sums);
    }

    fn add_by<R: Real>(&self, kernel: Kernel, rows: Rows<'_, R>, trees: Range<usize>, sums: &mut [Y]) {
        let compiled = &self.compiled;
        assert!(rows.columns() >= compiled.features && sums.len() == rows.len() * compiled.outputs);
        // Kernels for speed look at a feature even where a tree is a leaf alone.
        match if rows.columns() == 0 { Kernel::Definition } else { kernel } {
            #[cfg(target_arch = "x86_64")]
            Kernel::Scanned => {
                if !self.add_by_scan(rows, trees.clone(), sums) {
                    self.add_by_ranks(Instructions::best(), rows, trees, sums);
                }
            }
            Kernel::Definition => compiled.add_by_definition(rows, trees, sums),
            Kernel::Lanes => compiled.add_by_lanes(rows, trees, sums),
            Kernel::Packed(set) => self.add_by_ranks(set, rows, trees, sums),
            Kernel::Sliced(set) => match self.block_job(rows, &[], trees.clone()) {
                Some(job) => run_blocks(set, &job, sums),
                None => compiled.add_by_lanes(rows, trees, sums),
            },
        }
    }

    /// Many rows through trees, by blocks; `None` where there is no layout for it.
    pub(crate) fn block_job<'a, R: Real>(
        &'a self,
        rows: Rows<'a, R>,
        columns: &'a [&'a [R]],
        trees: Range<usize>,
    ) -> Option<Job<'a, R, X, Y>> {
        let (forest, layouts) = (&self.compiled, &self.layouts);
        let (sliced, conditions) = (layouts.sliced::<R>(forest)?, layouts.conditions(forest));
        Some(Job { forest, conditions, sliced, filled: layouts.shared(forest), rows, columns, trees })
    }

    /// A few rows through trees, by a layout.
    fn row_job<'a, R: Real, L>(
        &'a self,
        layout: &'a L,
        rows: Rows<'a, R>,
        trees: Range<usize>,
    ) -> RowJob<'a, R, X, Y, L> {
        let forest = &self.compiled;
        RowJob { forest, conditions: self.layouts.conditions(forest), layout, rows, trees }
    }

    /// Whether there is a layout for it, and the processor has the instructions.
    #[cfg(target_arch = "x86_64")]
    fn add_by_scan<R: Real>(&self, rows: Rows<'_, R>, trees: Range<usize>, sums: &mut [Y]) -> bool {
        if let Some(rows) = rows.of_f32()
            && let Some(layout) = self.layouts.abreast(&self.compiled)
            && let Some(has) = layout.scan
        {
            crate::x86_64::abreast(has, layout, rows, &self.compiled.trees[trees.clone()], trees.start, sums);
            return true;
        }
        let few = self.layouts.few::<R>(&self.compiled);
        if let Some(layout) = &few.levels {
            return crate::x86_64::scan_levels(&self.row_job(layout, rows, trees), sums);
        }
        if let Some(layout) = &few.quick {
            return crate::x86_64::quick(&self.row_job(layout, rows, trees), sums);
        }
        let Some(scanned) = &few.scanned else { return false };
        let ends = if scanned.stands_alone() {
            self.layouts.filled(&self.compiled).map(Ends::Filled)
        } else {
            self.layouts.packed::<R>(&self.compiled).map(Ends::Packed)
        };
        let Some(ends) = ends else { return false };
        let values = self.layouts.values(scanned);
        crate::x86_64::scan(&self.row_job(&Scan { scanned, values, ends }, rows, trees), sums)
    }

    fn add_by_ranks<R: Real>(
        &self,
        set: Instructions,
        rows: Rows<'_, R>,
        trees: Range<usize>,
        sums: &mut [Y],
    ) {
        let compiled = &self.compiled;
        #[cfg(target_arch = "x86_64")]
        if set != Instructions::Plain
            && let Some(rows) = rows.of_f32()
            && let Some(layout) = self.layouts.abreast(compiled)
        {
            let asked = &compiled.trees[trees.clone()];
            return crate::x86_64::avx2_abreast(layout, rows, asked, trees.start, sums);
        }
        let few = self.layouts.few::<R>(compiled);
        #[cfg(target_arch = "x86_64")]
        if set != Instructions::Plain
            && let Some(layout) = &few.quick
            && crate::x86_64::avx2_quick(&self.row_job(layout, rows, trees.clone()), sums)
        {
            return;
        }
        if let Some(layout) = &few.levels {
            run_rows(set, &self.row_job(layout, rows, trees), sums);
        } else if let Some(layout) = self.layouts.packed::<R>(compiled) {
            run_rows(set, &self.row_job(layout, rows, trees), sums);
        } else {
            compiled.add_by_lanes(rows, trees, sums);
        }
    }
}

/// As [`narrowed`], of one row.
#[inline]
fn narrowed_row<const MOST: usize>(row: &[f64], into: &mut Line<[f32; MOST]>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if let Some(has) = HasScan::here() {
        return crate::x86_64::narrowed(has, row, into);
    }
    narrowed(row, &mut into.0[..row.len()])
}

fn run_rows<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(
    set: Instructions,
    job: &RowJob<'_, R, X, Y, L>,
    sums: &mut [Y],
) {
    match set {
        Instructions::Plain => job.run(sums, &Plain),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => crate::x86_64::avx2_row(job, sums),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => crate::x86_64::avx512_row(job, sums),
        #[cfg(target_arch = "aarch64")]
        Instructions::Neon => crate::aarch64::neon_row(job, sums),
    }
}

pub(crate) fn run_blocks<R: Real, X: Real, Y: Real>(
    set: Instructions,
    job: &Job<'_, R, X, Y>,
    sums: &mut [Y],
) {
    match set {
        Instructions::Plain => job.run(sums, &Plain),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => crate::x86_64::avx2(job, sums),
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => crate::x86_64::avx512(job, sums),
        #[cfg(target_arch = "aarch64")]
        Instructions::Neon => crate::aarch64::neon(job, sums),
    }
}
