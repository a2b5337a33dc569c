//! What a file of CatBoost's tells, whichever form it has.

use super::info::Info;
use landfall_model::Problem;
use std::borrow::Cow;
use std::ops::Range;

/// A model as its file has it.
#[derive(Debug, Default)]
pub(crate) struct RawModel<'a> {
    /// Sums of a row.
    pub(crate) dimension: usize,
    pub(crate) floats: Vec<FloatFeature>,
    pub(crate) categories: Vec<CategoryFeature>,
    pub(crate) one_hots: Vec<OneHot>,
    pub(crate) ctrs: Vec<Ctr>,
    pub(crate) tables: Vec<CtrTable>,
    pub(crate) trees: Vec<RawTree>,
    /// Splits of all oblivious trees, level by level.
    pub(crate) levels: Vec<u32>,
    /// `dimension` values of each leaf of all trees, where they stand in the file if that can be.
    pub(crate) values: Cow<'a, [f64]>,
    /// Weight of the training data by leaf; empty where the file does not tell it of all trees.
    pub(crate) weights: Cow<'a, [f64]>,
    pub(crate) scale: f64,
    /// One for each sum.
    pub(crate) bias: Vec<f64>,
    pub(crate) info: Info,
}

/// A number among the features.
#[derive(Debug)]
pub(crate) struct FloatFeature {
    /// Its number among the numbers, and among all features.
    pub(crate) index: usize,
    pub(crate) flat: usize,
    pub(crate) borders: Vec<f32>,
    /// What NaN is compared as: an infinity, or NaN itself, which is above no border.
    pub(crate) nan_as: f32,
    pub(crate) name: String,
}

/// A category among the features.
#[derive(Debug)]
pub(crate) struct CategoryFeature {
    /// Its number among the categories, and among all features.
    pub(crate) index: usize,
    pub(crate) flat: usize,
    pub(crate) name: String,
}

/// The values of a category that splits ask for.
#[derive(Debug)]
pub(crate) struct OneHot {
    /// The category's number among the categories.
    pub(crate) category: usize,
    /// Hashes.
    pub(crate) values: Vec<u32>,
}

/// What statistics of the target are kept by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Projection {
    /// Categories by their numbers among the categories.
    pub(crate) categories: Vec<usize>,
    /// Numbers by their numbers among the numbers, each with the bits of a border.
    pub(crate) floats: Vec<(usize, u32)>,
    /// Categories, each with the hash of a value.
    pub(crate) one_hots: Vec<(usize, u32)>,
}

/// Kinds of statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CtrKind {
    Borders,
    Buckets,
    BinarizedTargetMeanValue,
    FloatTargetMeanValue,
    Counter,
    FeatureFreq,
}

impl CtrKind {
    /// By place in the format's list, and by name.
    pub(crate) const ALL: [(&'static str, CtrKind); 6] = [
        ("Borders", CtrKind::Borders),
        ("Buckets", CtrKind::Buckets),
        ("BinarizedTargetMeanValue", CtrKind::BinarizedTargetMeanValue),
        ("FloatTargetMeanValue", CtrKind::FloatTargetMeanValue),
        ("Counter", CtrKind::Counter),
        ("FeatureFreq", CtrKind::FeatureFreq),
    ];
}

/// Which table of statistics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CtrBase {
    pub(crate) projection: Projection,
    pub(crate) kind: CtrKind,
    /// Which classifier of targets; files that several models were merged into have more than one.
    pub(crate) classifier: i32,
}

/// A feature computed from a table.
#[derive(Debug)]
pub(crate) struct Ctr {
    pub(crate) base: CtrBase,
    pub(crate) target_border: usize,
    pub(crate) prior_numerator: f32,
    pub(crate) prior_denominator: f32,
    pub(crate) shift: f32,
    pub(crate) scale: f32,
    pub(crate) borders: Vec<f32>,
}

/// Statistics by key.
#[derive(Debug)]
pub(crate) struct CtrTable {
    pub(crate) base: CtrBase,
    /// Keys, each with its place in the counts.
    pub(crate) keys: Vec<(u64, u32)>,
    pub(crate) counts: Counts,
    pub(crate) denominator: i32,
}

/// What is known by place.
#[derive(Debug)]
pub(crate) enum Counts {
    /// Rows by class: `classes` of them at each place. Counters have one.
    Classes { counts: Vec<i32>, classes: usize },
    /// Sums of the target, and rows.
    Means(Vec<(f32, i32)>),
}

impl Counts {
    /// Classes that rows are counted by; `None` of means.
    pub(crate) fn classes(&self) -> Option<usize> {
        match self {
            Counts::Classes { classes, .. } => Some(*classes),
            Counts::Means(_) => None,
        }
    }
}

/// One tree; splits are numbers among all borders of numbers, then all values of categories, then all borders of
/// statistics.
#[derive(Debug)]
pub(crate) struct RawTree {
    pub(crate) shape: Shape,
    /// Its leaves among those of all trees.
    pub(crate) leaves: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// The split of each level, by its place among those of all trees; a leaf's number has the answer to split i in bit i.
    Oblivious(Range<usize>),
    /// The first node is the root.
    Nested(Vec<RawNode>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum RawNode {
    Split { split: usize, left: u32, right: u32 },
    Leaf(u32),
}

/// What is said of a model with features that are not read.
pub(crate) fn refused_features(kind: &str, names: Vec<String>) -> Problem {
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    Problem::unsupported(format!("a model with CatBoost's {kind}{names}"), "numbers and categories are read")
}
