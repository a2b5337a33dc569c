//! AVX-512 with VBMI: a row's ranks, looked up 64 at a time.

use crate::line::Line;
use crate::scanned::{AT_ONCE, SLOTS};
use std::arch::x86_64::*;

/// A row's ranks in registers.
#[derive(Clone, Copy)]
pub(super) struct Ranks([__m512i; 2]);

impl Ranks {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of(ranks: &[u8; SLOTS]) -> Self {
        // SAFETY: there are 128 bytes.
        Ranks(unsafe {
            [_mm512_loadu_si512(ranks.as_ptr().cast()), _mm512_loadu_si512(ranks.as_ptr().add(64).cast())]
        })
    }

    /// The ranks by slot.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn bytes(self) -> Line<[u8; SLOTS]> {
        let mut ranks = Line([0; SLOTS]);
        // SAFETY: there are 128 bytes.
        unsafe {
            _mm512_storeu_si512(ranks.0.as_mut_ptr().cast(), self.0[0]);
            _mm512_storeu_si512(ranks.0.as_mut_ptr().add(64).cast(), self.0[1]);
        }
        ranks
    }

    /// Of no row.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn none() -> Self {
        Ranks([_mm512_setzero_si512(); 2])
    }

    /// The ranks of 64 slots.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    pub(super) fn at(self, slots: __m512i) -> __m512i {
        _mm512_permutex2var_epi8(self.0[0], slots, self.0[1])
    }

    /// Of 64 slots, which ranks are above others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn above(self, slots: &[u8; AT_ONCE], others: &[u8; AT_ONCE]) -> u64 {
        // SAFETY: there are 64 bytes each.
        let (slots, others) = unsafe {
            (_mm512_loadu_si512(slots.as_ptr().cast()), _mm512_loadu_si512(others.as_ptr().cast()))
        };
        _mm512_cmpgt_epu8_mask(self.at(slots), others)
    }
}
