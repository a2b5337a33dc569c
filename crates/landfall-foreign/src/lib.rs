//! Find and open shared libraries, and say what was tried.
