//! How property tests run: with a fixed seed, so that what fails here fails everywhere, and again.

use proptest::test_runner::{Config, RngSeed};

/// So many cases, always the same ones.
pub(crate) fn seeded(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(0x1A4D_FA11), ..Config::default() }
}
