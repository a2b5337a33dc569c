//! PMML: the shared cases, and small documents with answers calculated by hand.

mod bad_input;
mod cases;
mod compare;
mod conformance;
mod csv;
mod files;
mod table;
