//! Full trees of a block of rows: on each level, the answers of the nodes that rows come to are chosen by the answers of the
//! levels above, and are the next bit of the leaves' numbers.

use crate::ladder::BITS;
use crate::mask::Mask;

/// The bits of the leaves' numbers, the lowest first, of a tree whose questions are asked level by level.
#[inline(always)]
pub(crate) fn planes(asked: &[u16], answers: &[Mask], planes: &mut [Mask; BITS]) {
    let levels = (asked.len() + 1).ilog2() as usize;
    let mut chosen = [Mask::NONE; 1 << (BITS - 1)];
    for level in 0..levels {
        let asked = &asked[(1 << level) - 1..][..1 << level];
        // The plane of the level right above chooses first: of two neighbours.
        let mut width = asked.len();
        if level == 0 {
            chosen[0] = answers[usize::from(asked[0])];
        } else {
            let by = &planes[levels - level];
            for (to, pair) in chosen.iter_mut().zip(asked.as_chunks::<2>().0) {
                let [left, right] = pair.map(|asked| &answers[usize::from(asked)]);
                *to = choose(by, left, right);
            }
            width /= 2;
        }
        for above in (0..level.saturating_sub(1)).rev() {
            width /= 2;
            let by = &planes[levels - 1 - above];
            for i in 0..width {
                chosen[i] = choose(by, &chosen[2 * i], &chosen[2 * i + 1]);
            }
        }
        planes[levels - 1 - level] = chosen[0];
    }
}

#[inline(always)]
fn choose(by: &Mask, left: &Mask, right: &Mask) -> Mask {
    let mut chosen = Mask::NONE;
    for word in 0..chosen.0.len() {
        chosen.0[word] = (by.0[word] & right.0[word]) | (!by.0[word] & left.0[word]);
    }
    chosen
}
