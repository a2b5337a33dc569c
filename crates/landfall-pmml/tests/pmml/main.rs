//! PMML: the shared cases, and small documents with answers calculated by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bad_input;
mod baselines;
mod blocks;
mod cases;
mod columns;
mod compare;
mod conformance;
mod coverage;
mod csv;
mod expressions;
mod files;
mod found;
mod functions;
mod left_out;
mod located;
mod markup;
mod models;
mod rare;
mod readings;
mod regressors;
mod replaced;
mod rules;
mod schema;
mod segments;
mod series;
mod several;
mod single;
mod table;
mod texts;
mod unread;
mod versions;
mod ways;
mod writers;
