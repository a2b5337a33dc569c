//! A tree as a reader gives it to the builder: nodes by their numbers in the file, nothing checked yet.

/// One tree, as a file has it.
#[derive(Clone, Debug)]
pub struct TreeSpec<X, Y> {
    /// The nodes; the first one is the root. Nodes that the root does not lead to are left out.
    pub nodes: Vec<NodeSpec<X>>,
    /// The leaves' values: `width` of them for each leaf.
    pub values: Vec<Y>,
    /// Values of one leaf.
    pub width: usize,
    /// The output that a leaf's first value is added to; its further values go to the outputs that follow.
    pub first_output: usize,
    /// Linear functions of leaves; empty, or one for each leaf in the order of `values`.
    pub linear: Vec<LinearLeaf<Y>>,
}

/// A tree's nodes in a form of a reader's own, by their numbers in the file, nothing checked yet; the first one is the root.
pub trait TreeNodes<X> {
    /// How many there are.
    fn count(&self) -> usize;

    /// What a node does.
    fn kind(&self, number: usize) -> NodeKind<X, &[u32]>;

    /// What all of them do, in turn.
    fn kinds(&self) -> impl Iterator<Item = NodeKind<X, &[u32]>> {
        (0..self.count()).map(|number| self.kind(number))
    }

    /// How much of the training data came through a node.
    fn cover(&self, number: usize) -> f64;

    /// The same of all nodes, where a reader has it at hand as float32.
    fn narrow_covers(&self) -> Option<&[f32]> {
        None
    }
}

/// A tree's leaves, as [`TreeSpec`] has them.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields of `TreeSpec` say it")]
pub struct Leaves<'a, Y> {
    pub values: &'a [Y],
    pub width: usize,
    pub first_output: usize,
    pub linear: &'a [LinearLeaf<Y>],
}

impl<X: Copy> TreeNodes<X> for [NodeSpec<X>] {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn kind(&self, number: usize) -> NodeKind<X, &[u32]> {
        match &self[number].kind {
            NodeKind::Leaf { leaf, id } => NodeKind::Leaf { leaf: *leaf, id: *id },
            NodeKind::Split(Split { feature, test, missing, zero_is_missing, left, right }) => {
                let (feature, missing, zero_is_missing) = (*feature, *missing, *zero_is_missing);
                let (left, right) = (*left, *right);
                let test = test.as_slices();
                NodeKind::Split(Split { feature, test, missing, zero_is_missing, left, right })
            }
        }
    }

    #[inline]
    fn cover(&self, number: usize) -> f64 {
        self[number].cover
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeSpec<X> {
    /// What it does.
    pub kind: NodeKind<X>,
    /// How much of the training data came through it; what contributions are weighted with.
    pub cover: f64,
}

/// What a node does; `C` is what lists of categories come in.
#[derive(Clone, Copy, Debug)]
pub enum NodeKind<X, C = Vec<u32>> {
    /// It asks.
    Split(Split<X, C>),
    /// It answers: with the values `leaf * width ..` of the tree; `id` is how its library calls the leaf.
    Leaf {
        /// Which of the tree's leaves.
        leaf: u32,
        /// Its number in the `leaf` output.
        id: u32,
    },
}

/// A question about one feature.
#[derive(Clone, Copy, Debug)]
pub struct Split<X, C = Vec<u32>> {
    /// The feature.
    pub feature: u32,
    /// The question; where it is answered yes, the row goes left.
    pub test: Test<X, C>,
    /// Where a row without the feature goes.
    pub missing: Side,
    /// Whether zero counts as missing at this node.
    pub zero_is_missing: bool,
    /// The node on the left.
    pub left: u32,
    /// The node on the right.
    pub right: u32,
}

/// What is asked about a feature's value x.
#[derive(Clone, Copy, Debug)]
pub enum Test<X, C = Vec<u32>> {
    /// x < threshold.
    Less(X),
    /// x <= threshold.
    AtMost(X),
    /// x = value.
    Equal(X),
    /// The whole part of x is one of these categories.
    Among(C),
}

impl<X: Copy, C: AsRef<[u32]>> Test<X, C> {
    /// The same, with lists of categories where they are.
    #[inline]
    pub(crate) fn as_slices(&self) -> Test<X, &[u32]> {
        match self {
            Test::Less(threshold) => Test::Less(*threshold),
            Test::AtMost(threshold) => Test::AtMost(*threshold),
            Test::Equal(value) => Test::Equal(*value),
            Test::Among(categories) => Test::Among(categories.as_ref()),
        }
    }
}

/// One of a split's two ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Side {
    Left,
    Right,
}

impl Side {
    /// Left if so, else right.
    pub fn left_if(left: bool) -> Self {
        if left { Side::Left } else { Side::Right }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        Side::left_if(self == Side::Right)
    }
}

/// A leaf that answers with a linear function; where one of its features is missing, with its plain value.
#[derive(Clone, Debug, Default)]
pub struct LinearLeaf<Y> {
    /// What the products are added to.
    pub constant: Y,
    /// Features and their factors, in the order of addition.
    pub terms: Vec<(u32, Y)>,
}
