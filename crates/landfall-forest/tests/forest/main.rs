//! Forests against plain evaluators written from the definitions.
#![expect(clippy::unwrap_used, reason = "tests")]

mod contributions;
mod evaluation;
mod grown;
mod layouts;
mod refused;
