//! Who reads whose output within one graph, and whether any node waits for itself.

use std::collections::{HashMap, HashSet};

/// The nodes of a graph with what each reads and gives.
#[derive(Default)]
pub(super) struct Flow<'a> {
    /// For messages: the node's name, or its first output's.
    names: Vec<&'a str>,
    reads: Vec<Vec<&'a str>>,
    /// Which node gives a value.
    givers: HashMap<&'a str, usize>,
    /// Values that are there without a node: inputs and initializers.
    given: HashSet<&'a str>,
    /// Values that the graph's outputs name.
    asked: Vec<&'a str>,
}

impl<'a> Flow<'a> {
    pub(super) fn node(&mut self, name: &'a str, reads: Vec<&'a str>, gives: Vec<&'a str>) {
        let index = self.names.len();
        self.names.push(name);
        self.reads.push(reads);
        // An empty name is an output that nobody wants.
        self.givers.extend(gives.into_iter().filter(|name| !name.is_empty()).map(|name| (name, index)));
    }

    pub(super) fn given(&mut self, name: &'a str) {
        self.given.insert(name);
    }

    pub(super) fn read(&mut self, name: &'a str) {
        self.asked.push(name);
    }

    /// Names that are read here and come from outside.
    pub(super) fn captured(&self) -> Vec<&'a str> {
        let inner = self.reads.iter().flatten().chain(&self.asked).copied();
        let mut outside: Vec<_> = inner
            .filter(|name| !name.is_empty() && !self.given.contains(name) && !self.givers.contains_key(name))
            .collect();
        outside.sort_unstable();
        outside.dedup();
        outside
    }

    /// A node that depends on its own output, if any: nodes are taken off as soon as all that they read is there; what
    /// remains in the end waits for itself. Takes steps in proportion to the names, whatever the order of nodes.
    pub(super) fn cycle(&self) -> Option<&'a str> {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.names.len()];
        let mut waits = vec![0usize; self.names.len()];
        for (node, reads) in self.reads.iter().enumerate() {
            for giver in reads.iter().filter_map(|name| self.givers.get(name)) {
                readers[*giver].push(node);
                waits[node] += 1;
            }
        }
        let mut ready: Vec<usize> = (0..waits.len()).filter(|&node| waits[node] == 0).collect();
        let mut done = 0;
        while let Some(node) = ready.pop() {
            done += 1;
            for &reader in &readers[node] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    ready.push(reader);
                }
            }
        }
        if done == waits.len() {
            None
        } else {
            waits.iter().position(|&n| n > 0).map(|node| self.names[node])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_may_stand_in_any_order_but_not_in_a_ring() {
        let mut flow = Flow::default();
        flow.given("x");
        flow.node("last", vec!["b", "outer"], vec!["c"]);
        flow.node("first", vec!["x", ""], vec!["a"]);
        flow.node("second", vec!["a", "a"], vec!["b", ""]);
        assert_eq!(flow.cycle(), None);
        assert_eq!(flow.captured(), ["outer"]);
        flow.node("ring", vec!["d", "c"], vec!["e"]);
        flow.node("ring2", vec!["e"], vec!["d"]);
        assert_eq!(flow.cycle(), Some("ring"));
    }

    #[test]
    fn a_node_that_reads_its_own_output_is_a_ring() {
        let mut flow = Flow::default();
        flow.node("self", vec!["y"], vec!["y"]);
        assert_eq!(flow.cycle(), Some("self"));
    }
}
