//! What AVX2 and AVX-512 do better than the compiler in [`crate::blocks`] and [`crate::few`]. What is unsafe is to call
//! functions compiled for an instruction set, and to load and store registers, and is argued for here.
#![expect(
    unsafe_code,
    reason = "functions of an instruction set may be called only where the processor has it"
)]

/// Calls `halve` as compiled for the number of bits that ranks among a part's thresholds have, and for its comparison. Halving asks
/// for a power of two of blocks: `halve` takes those that a part lacks for blocks of NaN, which are not kept. The function
/// around it answers `false` where there is none, and `true` else.
macro_rules! by_size {
    ($part:expr, $blocks:expr, $values:expr, $width:expr, $planes:expr) => {{
        match ($blocks.len().next_power_of_two(), $part.at_most) {
            (2, false) => halve::<5, _CMP_GE_OQ>($blocks, $values, $width, $planes),
            (2, true) => halve::<5, _CMP_GT_OQ>($blocks, $values, $width, $planes),
            (4, false) => halve::<6, _CMP_GE_OQ>($blocks, $values, $width, $planes),
            (4, true) => halve::<6, _CMP_GT_OQ>($blocks, $values, $width, $planes),
            (8, false) => halve::<7, _CMP_GE_OQ>($blocks, $values, $width, $planes),
            (8, true) => halve::<7, _CMP_GT_OQ>($blocks, $values, $width, $planes),
            (16, false) => halve::<8, _CMP_GE_OQ>($blocks, $values, $width, $planes),
            (16, true) => halve::<8, _CMP_GT_OQ>($blocks, $values, $width, $planes),
            _ => return false,
        }
        true
    }};
}

mod avx2;
mod avx2_abreast;
mod avx2_leaves;
mod avx2_quick;
mod avx2_rank;
mod avx512;
mod avx512_abreast;
mod avx512_bits;
mod avx512_f64;
mod avx512_full;
mod avx512_narrow;
mod avx512_quick;
mod avx512_rank;
mod avx512_ranks;
mod avx512_scan;
mod avx512_square;
mod avx512_values;
mod avx512_ways;

pub(crate) use avx2::{avx2, avx2_row};
pub(crate) use avx2_abreast::avx2_abreast;
pub(crate) use avx2_quick::avx2_quick;
pub(crate) use avx512::{avx512, avx512_row};
pub(crate) use avx512_abreast::{abreast, abreast_alone};
pub(crate) use avx512_narrow::narrowed;
pub(crate) use avx512_quick::quick;
pub(crate) use avx512_scan::{scan, scan_levels};
