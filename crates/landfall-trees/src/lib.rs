//! Tree models.
