//! What a node asks, in a dozen bytes.

use crate::Real;

/// One node; the two children of a split lie side by side. Of an oblivious tree, the question of a level.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node<X> {
    /// Of a question about categories: the number of their set.
    pub(crate) threshold: X,
    /// Of a split: the left child. Of a leaf: its number within its tree, from left to right.
    pub(crate) next: u32,
    pub(crate) rule: Rule,
}

impl<X: Real> Node<X> {
    pub(crate) const LEAF: Node<X> = Node { threshold: X::ZERO, next: 0, rule: Rule(Rule::LEAF) };

    #[inline]
    pub(crate) fn feature(&self) -> usize {
        (self.rule.0 >> Rule::FEATURE_SHIFT) as usize
    }

    /// The nodes below this one, which lies at `at`; below a leaf it is repeated, so that whatever is asked leads to it.
    pub(crate) fn below(&self, at: u32) -> [u32; 2] {
        if self.rule.is_leaf() { [at; 2] } else { [self.next, self.next + 1] }
    }

    /// The set of categories that is asked for.
    #[inline]
    pub(crate) fn set(&self) -> usize {
        self.threshold.wide() as usize
    }
}

/// What a node asks: a test, flags, and the feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(u32);

impl Rule {
    pub(crate) const LESS: u32 = 0;
    pub(crate) const AT_MOST: u32 = 1;
    pub(crate) const EQUAL: u32 = 2;
    pub(crate) const AMONG: u32 = 3;
    const TEST: u32 = 3;
    const LEAF: u32 = 4;
    const MISSING_LEFT: u32 = 8;
    const ZERO_IS_MISSING: u32 = 16;
    const FEATURE_SHIFT: u32 = 5;
    /// Features that may be asked for.
    pub(crate) const MAX_FEATURES: u32 = 1 << (32 - Rule::FEATURE_SHIFT);
    /// Sets that a forest may have: a float32 holds their numbers.
    pub(crate) const MAX_SETS: usize = 1 << 24;

    pub(crate) fn split(test: u32, missing_left: bool, zero_is_missing: bool, feature: u32) -> Self {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        Rule(
            test | flag(missing_left, Rule::MISSING_LEFT)
                | flag(zero_is_missing, Rule::ZERO_IS_MISSING)
                | feature << Rule::FEATURE_SHIFT,
        )
    }

    #[inline]
    pub(crate) fn is_leaf(self) -> bool {
        self.0 & Rule::LEAF != 0
    }

    #[inline]
    pub(crate) fn test(self) -> u32 {
        self.0 & Rule::TEST
    }

    #[inline]
    pub(crate) fn missing_left(self) -> bool {
        self.0 & Rule::MISSING_LEFT != 0
    }

    #[inline]
    pub(crate) fn zero_is_missing(self) -> bool {
        self.0 & Rule::ZERO_IS_MISSING != 0
    }

    /// Of what kinds nodes can be, as bits of one number: leaves, splits on `<` and on `<=` to which zero is a value, and
    /// others.
    pub(crate) const LEAVES: u32 = 1 << Rule::LEAF;
    pub(crate) const LESS_ALONE: u32 = 1 << Rule::LESS;
    pub(crate) const AT_MOST_ALONE: u32 = 1 << Rule::AT_MOST;

    /// A node's kind.
    #[inline]
    pub(crate) fn kind(self) -> u32 {
        1 << (self.0 & (Rule::TEST | Rule::LEAF | Rule::ZERO_IS_MISSING))
    }

    /// All that is asked but the threshold.
    pub(crate) fn question(self) -> u32 {
        self.0
    }
}

/// Which splits a forest has: what lets a kernel leave out questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SplitKinds {
    /// x < threshold alone, and zero is a value.
    Less,
    /// x <= threshold alone, and zero is a value.
    AtMost,
    /// All kinds.
    Mixed,
}
