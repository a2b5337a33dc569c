//! Models written here.
