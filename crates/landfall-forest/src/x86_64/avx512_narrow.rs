//! AVX-512: a row of float64 as float32, where that holds it.

use crate::line::Line;
use crate::processor::HasScan;
use std::arch::x86_64::*;

/// Numbers that are written together.
const TOGETHER: usize = 16;

/// As [`crate::narrowed`], of one row; what lies behind it is zero.
#[inline]
pub(crate) fn narrowed<const MOST: usize>(_: HasScan, row: &[f64], into: &mut Line<[f32; MOST]>) -> bool {
    const { assert!(MOST.is_multiple_of(TOGETHER)) };
    assert!(row.len() <= MOST);
    // SAFETY: a `HasScan` is made only where the processor has what the function is compiled for.
    unsafe { narrow(row, into) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn narrow<const MOST: usize>(row: &[f64], into: &mut Line<[f32; MOST]>) -> bool {
    for from in (0..row.len()).step_by(TOGETHER) {
        let count = (row.len() - from).min(TOGETHER);
        let mask = ((1u32 << count) - 1) as u16;
        // SAFETY: the masks leave numbers that there are; there is room for each sixteen, which begin with a cache line.
        unsafe {
            let numbers = row.as_ptr().add(from);
            let low = _mm512_maskz_loadu_pd(mask as u8, numbers);
            let high = _mm512_maskz_loadu_pd((mask >> 8) as u8, numbers.wrapping_add(TOGETHER / 2));
            let [first, second] = [_mm512_cvtpd_ps(low), _mm512_cvtpd_ps(high)];
            // Equal, or no number.
            let held = _mm512_cmp_pd_mask::<_CMP_EQ_UQ>(low, _mm512_cvtps_pd(first))
                & _mm512_cmp_pd_mask::<_CMP_EQ_UQ>(high, _mm512_cvtps_pd(second));
            if held != u8::MAX {
                return false;
            }
            // As one register, without a mask: it is read so at once.
            let both = _mm512_insertf32x8::<1>(_mm512_castps256_ps512(first), second);
            _mm512_store_ps(into.0.as_mut_ptr().add(from), both);
        }
    }
    true
}
