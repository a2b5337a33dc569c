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

/// One node.
#[derive(Clone, Debug)]
pub struct NodeSpec<X> {
    /// What it does.
    pub kind: NodeKind<X>,
    /// How much of the training data came through it; what contributions are weighted with.
    pub cover: f64,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum NodeKind<X> {
    /// It asks.
    Split(Split<X>),
    /// It answers: with the values `leaf * width ..` of the tree; `id` is how its library calls the leaf.
    Leaf {
        /// Which of the tree's leaves.
        leaf: u32,
        /// Its number in the `leaf` output.
        id: u32,
    },
}

/// A question about one feature.
#[derive(Clone, Debug)]
pub struct Split<X> {
    /// The feature.
    pub feature: u32,
    /// The question; where it is answered yes, the row goes left.
    pub test: Test<X>,
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
#[derive(Clone, Debug)]
pub enum Test<X> {
    /// x < threshold.
    Less(X),
    /// x <= threshold.
    AtMost(X),
    /// x = value.
    Equal(X),
    /// The whole part of x is one of these categories.
    Among(Vec<u32>),
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
