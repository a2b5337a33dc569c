//! Nodes of `TreeEnsemble` (`ai.onnx.ml` 5): nodes and leaves by place, roots listed.

use super::super::super::Refusal;
use super::{
    Asks, Mode, Node, Nodes, Split, broken, feature, missing_is_yes, of_tensor, same_length, target,
};
use crate::lowered::constant;
use crate::node::Attributes;
use landfall_model::Tensor;
use std::collections::HashMap;

impl Nodes {
    /// Of `TreeEnsemble`.
    pub(in crate::lowered::ensemble) fn by_place(
        attributes: &Attributes<'_>,
        targets: usize,
    ) -> Result<Self, Refusal> {
        let flat = Flat::read(attributes, targets)?;
        let mut nodes = Nodes { trees: Vec::new(), weights: flat.weights.clone() };
        let mut asked = 0;
        for (number, &root) in attributes.integers("tree_roots")?.iter().enumerate() {
            let tree = flat.tree(root).map_err(|what| what.at(format!("tree {number}")))?;
            asked += tree.iter().filter(|node| matches!(node, Node::Split(_))).count().max(1);
            // A short list of roots may not make many trees of a few nodes.
            if asked > flat.features.len() {
                return Err(Refusal::not("trees that share nodes"));
            }
            nodes.trees.push(tree);
        }
        Ok(nodes)
    }
}

/// The attributes of `TreeEnsemble`.
struct Flat {
    features: Vec<i64>,
    asks: Vec<Asks>,
    tracks: Vec<i64>,
    yes: Vec<i64>,
    yes_is_leaf: Vec<i64>,
    no: Vec<i64>,
    no_is_leaf: Vec<i64>,
    weights: Vec<(u32, f64)>,
}

impl Flat {
    fn read(attributes: &Attributes<'_>, targets: usize) -> Result<Self, Refusal> {
        let list = |name: &str| attributes.integers(name);
        let number = |name: &str| {
            constant::of(attributes, name)?.map_or(Ok(Vec::new()), |tensor| of_tensor(name, &tensor))
        };
        let modes = constant::of(attributes, "nodes_modes")?;
        let modes = modes.as_ref().map_or(Ok(&[][..]), Tensor::values::<u8>)?;
        let splits = number("nodes_splits")?;
        let (ids, weights) = (list("leaf_targetids")?, number("leaf_weights")?);
        same_length(&[("leaf_targetids", ids.len()), ("leaf_weights", weights.len())])?;
        let flat = Flat {
            features: list("nodes_featureids")?,
            asks: asks(modes, &splits, &number("membership_values")?)?,
            tracks: missing_is_yes(attributes)?,
            yes: list("nodes_truenodeids")?,
            yes_is_leaf: list("nodes_trueleafs")?,
            no: list("nodes_falsenodeids")?,
            no_is_leaf: list("nodes_falseleafs")?,
            weights: ids
                .iter()
                .zip(weights)
                .map(|(&id, weight)| Ok((target(id, targets)?, weight)))
                .collect::<Result<_, Refusal>>()?,
        };
        same_length(&[
            ("nodes_featureids", flat.features.len()),
            ("nodes_modes", flat.asks.len()),
            ("nodes_splits", splits.len()),
            ("nodes_truenodeids", flat.yes.len()),
            ("nodes_trueleafs", flat.yes_is_leaf.len()),
            ("nodes_falsenodeids", flat.no.len()),
            ("nodes_falseleafs", flat.no_is_leaf.len()),
        ])?;
        Ok(flat)
    }

    /// The nodes that a root leads to; each leaf's place becomes a node of its own wherever it is led to.
    fn tree(&self, root: i64) -> Result<Vec<Node>, Refusal> {
        let root = self.place(root, self.features.len(), "node")?;
        let is_leaf =
            self.yes_is_leaf[root] != 0 && self.no_is_leaf[root] != 0 && self.yes[root] == self.no[root];
        if is_leaf {
            return Ok(vec![self.leaf(self.yes[root])?]);
        }
        let mut nodes = vec![];
        let mut seen = HashMap::from([(root, 0usize)]);
        let mut order = vec![root];
        let mut leaves: Vec<(usize, i64)> = Vec::new();
        let mut at = 0;
        let mut count = 1;
        while let Some(&place) = order.get(at) {
            at += 1;
            let mut child = |id: i64, is_leaf: i64| {
                if is_leaf != 0 {
                    leaves.push((count, id));
                    count += 1;
                    return Ok(count - 1);
                }
                let child = self.place(id, self.features.len(), "node")?;
                Ok::<usize, Refusal>(*seen.entry(child).or_insert_with(|| {
                    order.push(child);
                    count += 1;
                    count - 1
                }))
            };
            let yes = child(self.yes[place], self.yes_is_leaf[place])?;
            let no = child(self.no[place], self.no_is_leaf[place])?;
            let split = Split {
                feature: feature(self.features[place])?,
                asks: self.asks[place].clone(),
                missing_is_yes: self.tracks.get(place) == Some(&1),
                yes,
                no,
            };
            nodes.push((seen[&place], Node::Split(split)));
        }
        for (number, id) in leaves {
            nodes.push((number, self.leaf(id)?));
        }
        nodes.sort_unstable_by_key(|(number, _)| *number);
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }

    fn leaf(&self, id: i64) -> Result<Node, Refusal> {
        let place = self.place(id, self.weights.len(), "leaf")?;
        Ok(Node::Leaf(place..place + 1))
    }

    fn place(&self, id: i64, count: usize, what: &str) -> Result<usize, Refusal> {
        let place = usize::try_from(id).ok().filter(|&place| place < count);
        place.ok_or_else(|| broken(format!("{what} {id} of {count}")))
    }
}

/// What each node of a `TreeEnsemble` asks; sets are listed one after the other, with NaN between them.
fn asks(modes: &[u8], splits: &[f64], members: &[f64]) -> Result<Vec<Asks>, Refusal> {
    let mut sets = members.split(|member| member.is_nan());
    let ask = |(&mode, &value): (&u8, &f64)| {
        let compare = |mode| Ok(Asks::Compare(mode, value));
        match mode {
            0 => compare(Mode::AtMost),
            1 => compare(Mode::Less),
            2 => compare(Mode::AtLeast),
            3 => compare(Mode::Greater),
            4 => compare(Mode::Equal),
            5 => compare(Mode::NotEqual),
            6 => match sets.next() {
                Some(set) if !set.is_empty() => Ok(if is_compared_whole(set) {
                    Asks::WholeOf(set.to_vec())
                } else {
                    Asks::OneOf(set.to_vec())
                }),
                _ => Err(broken("fewer sets in membership_values than nodes that ask for one")),
            },
            other => Err(broken(format!("a node of mode {other}"))),
        }
    };
    same_length(&[("nodes_modes", modes.len()), ("nodes_splits", splits.len())])?;
    modes.iter().zip(splits).map(ask).collect()
}

/// Members up to which, and values up to which, ONNX Runtime compares x with each; beyond, it looks for the whole part of
/// x. The format asks for equality; inputs for categories are whole numbers, on which both agree.
const LISTED: (usize, f64) = (30, 30.0);

fn is_compared_whole(set: &[f64]) -> bool {
    set.len() > LISTED.0 || set.iter().any(|member| !(0.0..=LISTED.1).contains(member))
}
