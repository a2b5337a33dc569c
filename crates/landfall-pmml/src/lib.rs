//! PMML.
