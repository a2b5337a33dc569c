//! What AVX2 and AVX-512 do better than the compiler in [`crate::blocks`] and [`crate::few`]. What is unsafe is to call
//! functions compiled for an instruction set, and to load and store registers, and is argued for here.
#![expect(
    unsafe_code,
    reason = "functions of an instruction set may be called only where the processor has it"
)]

mod avx2;
mod avx2_rank;
mod avx512;
mod avx512_full;
mod avx512_rank;
mod avx512_scan;
mod avx512_values;
mod avx512_ways;

pub(crate) use avx2::{avx2, avx2_row, has_avx2};
pub(crate) use avx512::{avx512, avx512_row, has_avx512};
pub(crate) use avx512_scan::{has_scan, scan, scan_levels};
