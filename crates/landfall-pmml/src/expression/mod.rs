//! Expressions: read as the document has them, then resolved to slots and evaluated over one row.

mod compile;
mod document;
mod evaluate;
mod fields;
mod ordinal;
mod rows;
mod tables;
mod text_index;

pub(crate) use compile::{Typed, derived_slot, resolve, resolve_derived};
pub(crate) use document::{
    Derived, Functions, Kind as DocumentKind, Node as DocumentNode, read_derived, read_expression,
    read_function,
};
pub(crate) use evaluate::{evaluate, of_one};
pub(crate) use fields::{of_numbers, referred};
pub(crate) use text_index::TextIndex;

use crate::functions::{Applied, Function};
use crate::resolve::{Interval, Slot};
use crate::value::{DataType, Value};
use std::sync::Arc;

/// A resolved expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Constant(Value),
    Field {
        slot: Slot,
        if_missing: Value,
    },
    /// A parameter of the function whose body this is.
    Parameter(usize),
    NormContinuous {
        of: Box<Expr>,
        points: Vec<(f64, f64)>,
        outliers: NormOutliers,
        if_missing: Value,
    },
    NormDiscrete {
        of: Box<Expr>,
        value: Value,
        if_missing: Value,
        thermometer: Option<Vec<Value>>,
    },
    Discretize {
        of: Box<Expr>,
        bins: Vec<(Interval, Value)>,
        default: Value,
        if_missing: Value,
    },
    MapValues(Box<tables::MapValues>),
    TextIndex {
        text: Box<Expr>,
        text_type: DataType,
        term: Box<Expr>,
        term_type: DataType,
        index: Arc<TextIndex>,
    },
    /// The place of a value among others, from 0; one that is not among them is invalid.
    Rank {
        of: Box<Expr>,
        order: Arc<[Value]>,
    },
    /// Another value in place of a missing one.
    Present {
        of: Box<Expr>,
        if_missing: Value,
    },
    Lag(Box<rows::Lag>),
    Aggregate(Box<rows::Aggregate>),
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
        treatment: ApplyTreatment,
    },
    Apply(Box<Apply>),
    /// A function of the document, by its index.
    Call {
        function: usize,
        arguments: Vec<Expr>,
        treatment: ApplyTreatment,
    },
    Cast {
        of: Box<Expr>,
        from: DataType,
        to: DataType,
    },
}

/// A built-in function and its arguments.
#[derive(Debug)]
pub(crate) struct Apply {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) applied: Applied,
    pub(crate) treatment: ApplyTreatment,
}

/// What `<Apply>` says of missing and invalid values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ApplyTreatment {
    /// The result when an argument is missing.
    pub(crate) if_missing: Value,
    /// The result when the result is missing.
    pub(crate) default: Value,
    pub(crate) invalid: InvalidResult,
}

/// What becomes of a result that is invalid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum InvalidResult {
    Fail,
    AsIs,
    AsMissing,
}

/// What becomes of values beyond the first and last point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NormOutliers {
    /// The first or last line is followed further.
    Follow,
    Missing,
    /// They are the first or last point.
    Clamp,
}

/// What is taken of earlier rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LagKind {
    /// The value so many rows ago.
    Value,
    Sum,
    Average,
    Min,
    Max,
    Product,
    Median,
    StdDev,
}

/// What is taken of the rows of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AggregateKind {
    Count,
    Sum,
    Average,
    Min,
    Max,
    /// All values, as a list.
    Multiset,
}
