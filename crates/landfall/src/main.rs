//! Landfall: a model file becomes an endpoint, and scores tables.
fn main() {}
