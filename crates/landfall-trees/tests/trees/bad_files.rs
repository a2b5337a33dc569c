//! Files that are broken.
