//! AVX-512: the questions of full trees ([`crate::full`]), eight answers to one in registers.

use crate::ladder::BITS;
use crate::mask::Mask;
use std::arch::x86_64::*;

/// As [`crate::full::planes`].
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn planes(asked: &[u16], answers: &[Mask], planes: &mut [Mask; BITS]) {
    match asked.len() {
        1 => by_levels::<1>(asked, answers, planes),
        3 => by_levels::<2>(asked, answers, planes),
        7 => by_levels::<3>(asked, answers, planes),
        15 => by_levels::<4>(asked, answers, planes),
        31 => by_levels::<5>(asked, answers, planes),
        63 => by_levels::<6>(asked, answers, planes),
        127 => by_levels::<7>(asked, answers, planes),
        255 => by_levels::<8>(asked, answers, planes),
        _ => crate::full::planes(asked, answers, planes),
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn by_levels<const LEVELS: usize>(asked: &[u16], answers: &[Mask], into: &mut [Mask; BITS]) {
    assert!(asked.len() == (1 << LEVELS) - 1);
    // The root's first.
    let mut planes = [_mm512_setzero_si512(); LEVELS];
    for level in 0..LEVELS {
        let asked = &asked[(1 << level) - 1..][..1 << level];
        planes[level] = match level {
            0 => load(answers, asked[0]),
            1 => pair(answers, [asked[0], asked[1]], planes[0]),
            2 => {
                let [a, b, c, d] = [asked[0], asked[1], asked[2], asked[3]];
                let [left, right] = [[a, b], [c, d]].map(|asked| pair(answers, asked, planes[1]));
                choose(planes[0], left, right)
            }
            _ => {
                let (eights, _) = asked.as_chunks::<8>();
                let mut chosen = [_mm512_setzero_si512(); 16];
                for i in 0..eights.len() {
                    chosen[i] =
                        eight(answers, eights[i], [planes[level - 1], planes[level - 2], planes[level - 3]]);
                }
                let mut width = eights.len();
                for above in (0..level - 3).rev() {
                    width /= 2;
                    for i in 0..width {
                        chosen[i] = choose(planes[above], chosen[2 * i], chosen[2 * i + 1]);
                    }
                }
                chosen[0]
            }
        };
    }
    for level in 0..LEVELS {
        // SAFETY: a mask has 64 bytes.
        unsafe { _mm512_storeu_si512(into[LEVELS - 1 - level].0.as_mut_ptr().cast(), planes[level]) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(answers: &[Mask], asked: u16) -> __m512i {
    // SAFETY: a mask has 64 bytes.
    unsafe { _mm512_loadu_si512(answers[usize::from(asked)].0.as_ptr().cast()) }
}

/// Bits of `right` where `by` has one, else of `left`.
#[inline]
#[target_feature(enable = "avx512f")]
fn choose(by: __m512i, left: __m512i, right: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0xca>(by, right, left)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pair(answers: &[Mask], [left, right]: [u16; 2], by: __m512i) -> __m512i {
    choose(by, load(answers, left), load(answers, right))
}

/// One of eight, by the planes above from the nearest on.
#[inline]
#[target_feature(enable = "avx512f")]
fn eight(answers: &[Mask], asked: [u16; 8], [near, middle, far]: [__m512i; 3]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = asked;
    let left = choose(middle, pair(answers, [a, b], near), pair(answers, [c, d], near));
    let right = choose(middle, pair(answers, [e, f], near), pair(answers, [g, h], near));
    choose(far, left, right)
}
