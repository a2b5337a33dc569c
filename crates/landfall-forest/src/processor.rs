//! What the processor has of the instruction sets that kernels are compiled for on x86-64, and tokens of it.

use std::sync::LazyLock;

/// Whether it has what kernels for AVX2 are compiled for.
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
}

/// Whether it has what kernels for AVX-512 are compiled for.
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("popcnt")
        && has_avx2()
}

/// Whether it has what those are compiled for that scan: AVX-512 with VBMI.
pub(crate) fn has_scan() -> bool {
    // Asked for each row: a dozen questions would be a tenth of what a row of a small model takes.
    static HAS: LazyLock<bool> = LazyLock::new(|| is_x86_feature_detected!("avx512vbmi") && has_avx512());
    *HAS
}

/// That the processor has AVX2 ([`has_avx2`]): there is none where it has not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HasAvx2(());

impl HasAvx2 {
    /// On a processor that has it.
    pub(crate) fn here() -> Option<HasAvx2> {
        has_avx2().then_some(HasAvx2(()))
    }
}

/// That the processor can scan ([`has_scan`]): there is none where it cannot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HasScan(());

impl HasScan {
    /// On a processor that can.
    pub(crate) fn here() -> Option<HasScan> {
        has_scan().then_some(HasScan(()))
    }
}
