//! Compiled decision trees: one form for every source format, and what evaluates it.
//!
//! A reader makes a [`TreeSpec`] of each tree and hands it to the [`Builder`], which checks it and lays it out; the
//! [`Forest`] then adds up leaves ([`Forest::add_margins`]) in the trees' order and in the library's own float type,
//! names leaves, and says what each feature contributed. It knows no file format and no transform of the sums.
//!
//! ```
//! use landfall_forest::{Builder, NodeKind, NodeSpec, Rows, Side, Split, Test, TreeSpec};
//!
//! let split = Split { feature: 0, test: Test::Less(0.5), missing: Side::Right, zero_is_missing: false, left: 1, right: 2 };
//! let node = |kind| NodeSpec { kind, cover: 1.0 };
//! let mut builder = Builder::<f32, f32>::new(1, 1);
//! builder.add(&TreeSpec {
//!     nodes: vec![
//!         node(NodeKind::Split(split)),
//!         node(NodeKind::Leaf { leaf: 0, id: 1 }),
//!         node(NodeKind::Leaf { leaf: 1, id: 2 }),
//!     ],
//!     values: vec![-1.0, 1.0],
//!     width: 1,
//!     first_output: 0,
//!     linear: Vec::new(),
//! })?;
//! let forest = builder.finish();
//! let mut sums = [10.0, 10.0];
//! forest.add_margins(Rows::new(&[0.0, f32::NAN], 2, 1), 0..1, &mut sums);
//! assert_eq!(sums, [9.0, 11.0]);
//! # Ok::<(), landfall_model::Problem>(())
//! ```
#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod abreast;
mod blocks;
mod builder;
mod by_columns;
mod categories;
mod changes;
mod column;
mod conditions;
mod covers;
mod few;
mod filled;
mod forest;
mod full;
mod kernel;
mod ladder;
mod lanes;
mod layout;
mod layouts;
mod levels;
mod line;
mod mask;
mod node;
mod oblivious;
mod packed;
mod plain;
#[cfg(target_arch = "x86_64")]
mod processor;
#[cfg(target_arch = "x86_64")]
mod quick;
mod real;
mod rows;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod scanned;
mod shap;
mod sliced;
mod slicing;
mod thresholds;
mod tree;
mod trees;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use builder::{Builder, Room};
pub use forest::Forest;
pub use kernel::{Instructions, Kernel};
pub use oblivious::{Level, ObliviousSpec};
pub use real::{Numbers, NumbersMut, Real, narrowed};
pub use rows::Rows;
pub use shap::ShapSpace;
pub use tree::{Leaves, LinearLeaf, NodeKind, NodeSpec, Side, Split, Test, TreeNodes, TreeSpec};
pub use trees::NegativeFractions;
