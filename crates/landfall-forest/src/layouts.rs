//! Layouts for speed, each made of the trees where somebody first asks for what it is good at, or all before anybody asks
//! ([`crate::Forest::prepare`]). Until so many single rows came that a layout pays, they go down the nodes themselves.

use crate::Real;
#[cfg(target_arch = "x86_64")]
use crate::abreast::Abreast;
use crate::conditions::Conditions;
use crate::filled::Filled;
use crate::levels::Levels;
use crate::packed::Packed;
#[cfg(target_arch = "x86_64")]
use crate::quick::QuickScorer;
#[cfg(target_arch = "x86_64")]
use crate::scanned::{Asked, Scanned, Values};
use crate::sliced::Sliced;
use crate::trees::Trees;
use std::any::{Any, TypeId};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows that go down the nodes before a layout for few rows is made: making it takes as long as some hundred of them.
const WALKED: u32 = 64;

/// What was made so far.
#[derive(Clone, Debug)]
pub(crate) struct Layouts<X, Y> {
    conditions: OnceLock<Conditions<X>>,
    /// The same for rows of float32, where trees compare float64.
    narrow: OnceLock<Conditions<f32>>,
    /// For many rows, where any tree fits into it.
    sliced: OnceLock<Option<Sliced<X, Y>>>,
    few: OnceLock<Few<X>>,
    /// For a few rows, where all trees fit into it, and no other one is better or there is no instruction set for that.
    packed: OnceLock<Option<Packed>>,
    filled: OnceLock<Option<Filled<Y>>>,
    /// What rows of float32 are compared with, where trees compare float64.
    #[cfg(target_arch = "x86_64")]
    narrow_values: OnceLock<Values<f32>>,
    /// For a few rows of float32 through shallow trees, where there is an instruction set for it.
    #[cfg(target_arch = "x86_64")]
    abreast: OnceLock<Option<Abreast<Y>>>,
    walked: Walked,
}

/// Layouts for a few rows.
#[derive(Clone, Debug)]
pub(crate) struct Few<X> {
    /// Of oblivious trees.
    pub(crate) levels: Option<Levels>,
    /// Of trees of few leaves, where all trees and questions fit into it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) quick: Option<QuickScorer>,
    /// Of others, likewise.
    #[cfg(target_arch = "x86_64")]
    pub(crate) scanned: Option<Scanned<X>>,
    #[cfg(not(target_arch = "x86_64"))]
    scanned: std::marker::PhantomData<X>,
}

impl<X: Real> Few<X> {
    /// Whether no other layout is needed.
    pub(crate) fn stands_alone(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        let is_scanned = self.quick.is_some() || self.scanned.as_ref().is_some_and(Scanned::stands_alone);
        #[cfg(not(target_arch = "x86_64"))]
        let is_scanned = false;
        is_scanned || self.levels.is_some()
    }
}

/// How many rows went down the nodes.
#[derive(Debug, Default)]
struct Walked(AtomicU32);

impl Clone for Walked {
    fn clone(&self) -> Self {
        Walked(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

impl<X, Y> Default for Layouts<X, Y> {
    fn default() -> Self {
        Layouts {
            conditions: OnceLock::new(),
            narrow: OnceLock::new(),
            sliced: OnceLock::new(),
            few: OnceLock::new(),
            packed: OnceLock::new(),
            filled: OnceLock::new(),
            #[cfg(target_arch = "x86_64")]
            narrow_values: OnceLock::new(),
            #[cfg(target_arch = "x86_64")]
            abreast: OnceLock::new(),
            walked: Walked::default(),
        }
    }
}

// All methods are of the trees that the layouts are made of: the same ones in every call.
impl<X: Real, Y: Real> Layouts<X, Y> {
    /// Makes the layouts for single rows and for many at once.
    pub(crate) fn prepare(&self, trees: &Trees<X, Y>) {
        if self.few.get().is_some() && self.sliced.get().is_some() {
            return;
        }
        self.lay::<X, _>(trees, |conditions| {
            self.few.get_or_init(|| self.few_of(trees, conditions));
            self.sliced.get_or_init(|| Sliced::of(trees, conditions, self.shared(trees)));
        });
        #[cfg(target_arch = "x86_64")]
        self.abreast(trees);
    }

    /// The questions to rows of numbers of type `R`, which is `X` or float32, without what only layouts ask for.
    pub(crate) fn conditions<R: Real>(&self, trees: &Trees<X, Y>) -> &Conditions<R> {
        self.kept(|| Conditions::of(trees))
    }

    /// The questions, kept for such rows alone.
    fn kept<R: Real>(&self, make: impl FnOnce() -> Conditions<X>) -> &Conditions<R> {
        let conditions: &dyn Any = if is_of::<R, X>() {
            self.conditions.get_or_init(|| make().closed())
        } else {
            self.narrow.get_or_init(|| match self.conditions.get() {
                Some(conditions) => conditions.narrowed(),
                None => make().narrowed(),
            })
        };
        conditions.downcast_ref().expect("rows come as numbers that trees compare, or as float32")
    }

    /// Makes something of all questions, and keeps those.
    fn lay<R: Real, T>(&self, trees: &Trees<X, Y>, make: impl FnOnce(&Conditions<X>) -> T) -> T {
        let conditions = Conditions::of(trees);
        let made = make(&conditions);
        self.kept::<R>(|| conditions);
        made
    }

    // What follows is made for whoever asks, and the questions kept for rows of numbers of type `R`.

    /// The layout for many rows.
    pub(crate) fn sliced<R: Real>(&self, trees: &Trees<X, Y>) -> Option<&Sliced<X, Y>> {
        let make = |conditions: &Conditions<X>| Sliced::of(trees, conditions, self.shared(trees));
        self.sliced.get_or_init(|| self.lay::<R, _>(trees, make)).as_ref()
    }

    /// The layouts for a few rows; the packed one is made with them where they do not stand alone.
    pub(crate) fn few<R: Real>(&self, trees: &Trees<X, Y>) -> &Few<X> {
        self.few.get_or_init(|| self.lay::<R, _>(trees, |conditions| self.few_of(trees, conditions)))
    }

    /// What values of rows are compared with, where that is done.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn values<'a, R: Real>(&'a self, scanned: &'a Scanned<X>) -> Option<&'a Values<R>> {
        let Asked::Values(values) = &scanned.asked else { return None };
        if is_of::<R, X>() {
            return (values as &dyn Any).downcast_ref();
        }
        (self.narrow_values.get_or_init(|| values.narrowed()) as &dyn Any).downcast_ref()
    }

    /// Trees side by side, for a few rows of float32.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn abreast(&self, trees: &Trees<X, Y>) -> Option<&Abreast<Y>> {
        let parts = || self.conditions::<f32>(trees).parts.len();
        self.abreast.get_or_init(|| Abreast::of(trees, parts)).as_ref()
    }

    /// The same, where it was made already.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn ready_abreast(&self) -> Option<&Abreast<Y>> {
        self.abreast.get()?.as_ref()
    }

    /// Whether there is a layout for scanning.
    pub(crate) fn has_scanned<R: Real>(&self, trees: &Trees<X, Y>) -> bool {
        #[cfg(target_arch = "x86_64")]
        let has = self.few::<R>(trees).scanned.is_some();
        #[cfg(not(target_arch = "x86_64"))]
        let (has, _) = (false, (trees, std::marker::PhantomData::<R>));
        has
    }

    fn few_of(&self, trees: &Trees<X, Y>, conditions: &Conditions<X>) -> Few<X> {
        let packed = || self.packed.get_or_init(|| Packed::of(trees, conditions)).as_ref();
        let levels = Levels::of(trees, conditions);
        #[cfg(target_arch = "x86_64")]
        let few = {
            let quick = if crate::processor::has_avx2() { QuickScorer::of(trees, conditions) } else { None };
            let is_scanned = has_scan() && quick.is_none();
            let scanned = if is_scanned { Scanned::of(trees, conditions, packed) } else { None };
            Few { levels, quick, scanned }
        };
        #[cfg(not(target_arch = "x86_64"))]
        let few = Few { levels, scanned: std::marker::PhantomData };
        if !few.stands_alone() {
            packed();
        }
        few
    }

    /// The packed layout.
    pub(crate) fn packed<R: Real>(&self, trees: &Trees<X, Y>) -> Option<&Packed> {
        let make = |conditions: &Conditions<X>| Packed::of(trees, conditions);
        self.packed.get_or_init(|| self.lay::<R, _>(trees, make)).as_ref()
    }

    /// Leaves filled up.
    pub(crate) fn filled(&self, trees: &Trees<X, Y>) -> Option<&Filled<Y>> {
        self.filled.get_or_init(|| Filled::of(trees)).as_ref()
    }

    /// The same, where the layout for a few rows has them, or would have them.
    pub(crate) fn shared(&self, trees: &Trees<X, Y>) -> Option<&Filled<Y>> {
        if has_scan() { self.filled(trees) } else { None }
    }

    /// Whether so few rows go down the nodes this time.
    pub(crate) fn still_walks(&self, rows: usize) -> bool {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.few.get().is_none() && self.walked.0.fetch_add(rows.min(WALKED), Ordering::Relaxed) < WALKED
    }

    /// Bytes of the layouts that were made.
    pub(crate) fn memory_bytes(&self) -> usize {
        let Layouts { conditions, narrow, sliced, few, packed, filled, .. } = self;
        let few = few.get().map_or(0, |few| {
            #[cfg(target_arch = "x86_64")]
            let scanned = few.scanned.as_ref().map_or(0, Scanned::memory_bytes)
                + few.quick.as_ref().map_or(0, QuickScorer::memory_bytes)
                + self.narrow_values.get().map_or(0, Values::memory_bytes)
                + self.abreast.get().and_then(Option::as_ref).map_or(0, Abreast::memory_bytes);
            #[cfg(not(target_arch = "x86_64"))]
            let scanned = 0;
            few.levels.as_ref().map_or(0, Levels::memory_bytes) + scanned
        });
        conditions.get().map_or(0, Conditions::memory_bytes)
            + narrow.get().map_or(0, Conditions::memory_bytes)
            + sliced.get().and_then(Option::as_ref).map_or(0, Sliced::memory_bytes)
            + packed.get().and_then(Option::as_ref).map_or(0, Packed::memory_bytes)
            + filled.get().and_then(Option::as_ref).map_or(0, Filled::memory_bytes)
            + few
    }
}

/// Whether two types are one.
fn is_of<R: Real, X: Real>() -> bool {
    TypeId::of::<R>() == TypeId::of::<X>()
}

/// Whether the processor has the instructions for scanning.
fn has_scan() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = crate::processor::has_scan();
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has
}
