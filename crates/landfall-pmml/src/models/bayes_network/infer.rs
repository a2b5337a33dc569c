//! Inference by looking at each case of what is unknown and has a say. Unknown numbers that are normal around what is linear in
//! each other are not looked at: what a case says of them has a closed form.

use super::distribution::{Distribution, Grid, Known};
use super::linear::{Joint, Next};
use super::{Case, Kind, Network, Node, Parent};
use crate::run::Cx;
use crate::value::Value;
use landfall_model::Problem;

/// Cases of one row, at most.
const CASES_MAX: u64 = 20_000_000;

/// What is believed of a node that is predicted, not divided by the total yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Belief {
    /// By state.
    pub(super) shares: Vec<f64>,
    pub(super) total: f64,
    /// Sums over cases of the distance from the first case's mean, and of its square with the variance.
    first: f64,
    second: f64,
    shift: Option<f64>,
}

impl Belief {
    /// The state with the largest share, the first of equal ones.
    pub(super) fn best(&self) -> Option<usize> {
        let mut best = None;
        for (state, share) in self.shares.iter().enumerate() {
            if *share > 0.0 && best.is_none_or(|best: usize| *share > self.shares[best]) {
                best = Some(state);
            }
        }
        best
    }

    pub(super) fn mean(&self) -> f64 {
        self.shift.unwrap_or_default() + self.first / self.total
    }

    pub(super) fn deviation(&self) -> f64 {
        let away = self.first / self.total;
        (self.second / self.total - away * away).max(0.0).sqrt()
    }
}

/// A case while it is being looked at.
struct Look<'n> {
    network: &'n Network,
    /// Nodes that are looked at together, each after its parents.
    order: Vec<usize>,
    observed: Vec<Value>,
    /// The state of each discrete node, the distribution of each continuous one that nothing depends on.
    states: Vec<usize>,
    open: Vec<Option<Known>>,
    /// The number of each other continuous node.
    numbers: Vec<f64>,
    /// Whether a node that has a say depends on it.
    has_children: Vec<bool>,
    /// Whether its number is unknown, and of those that have a closed form.
    is_closed: Vec<bool>,
    /// Points that stand for an unknown number.
    grid: Grid,
    cases: u64,
    /// Of all cases of the nodes that are looked at, and the places of the targets among these.
    total: f64,
    asked: Vec<usize>,
    beliefs: Vec<Belief>,
}

/// Beliefs by target; `None` where what is known cannot be, by the network.
pub(super) fn infer(network: &Network, cx: &mut Cx<'_>) -> Result<Option<Vec<Belief>>, Problem> {
    let count = network.nodes.len();
    let mut observed = vec![Value::Missing; count];
    for (place, node) in observed.iter_mut().zip(&network.nodes) {
        if let Some(slot) = node.observed {
            *place = cx.get(slot)?;
        }
    }
    let says = with_say(network, &observed);
    let mut has_children = vec![false; count];
    for at in (0..count).filter(|at| says[*at]) {
        network.nodes[at].parents.iter().for_each(|parent| has_children[*parent] = true);
    }
    let is_closed = closed(network, &says, &observed);
    let hidden = |at: &usize| {
        let continuous = matches!(network.nodes[*at].kind, Kind::Continuous { .. });
        says[*at] && continuous && observed[*at].is_missing() && has_children[*at] && !is_closed[*at]
    };
    let counted = |part: Vec<usize>| (part.iter().filter(|at| hidden(at)).count(), part);
    let parts: Vec<_> = parts(network, &says, &observed).into_iter().map(counted).collect();
    let states = |(target, _): &(usize, Option<usize>)| match &network.nodes[*target].kind {
        Kind::Discrete { states, .. } => Belief { shares: vec![0.0; states.len()], ..Belief::default() },
        Kind::Continuous { .. } => Belief::default(),
    };
    let mut look = Look {
        network,
        order: Vec::new(),
        observed,
        states: vec![0; count],
        open: vec![None; count],
        numbers: vec![0.0; count],
        has_children,
        is_closed,
        grid: Grid::of(0),
        cases: 0,
        total: 0.0,
        asked: Vec::new(),
        beliefs: network.targets.iter().map(states).collect(),
    };
    if !look.know(cx) {
        return Ok(None);
    }
    for (hidden, order) in parts {
        let targets = network.targets.iter().enumerate();
        look.asked = targets.filter(|(_, (at, _))| order.contains(at)).map(|(place, _)| place).collect();
        (look.order, look.grid, look.total) = (order, Grid::of(hidden), 0.0);
        look.at(cx, 0, 1.0, &Joint::default())?;
        let can_be = look.total > 0.0;
        if !can_be {
            return Ok(None);
        }
    }
    Ok(Some(look.beliefs))
}

/// Whether each node has a say: what is unknown and leads to nothing known or asked has none.
fn with_say(network: &Network, observed: &[Value]) -> Vec<bool> {
    let mut says = vec![false; observed.len()];
    for at in (0..observed.len()).rev() {
        says[at] |= !observed[at].is_missing() || network.targets.iter().any(|(target, _)| *target == at);
        if says[at] {
            network.nodes[at].parents.iter().for_each(|parent| says[*parent] = true);
        }
    }
    says
}

/// Whether the number of each node is unknown and has a closed form: what depends on it is normal around what is linear in it.
fn closed(network: &Network, says: &[bool], observed: &[Value]) -> Vec<bool> {
    let nodes = || network.nodes.iter().enumerate().filter(|(at, _)| says[*at]);
    let mut closed = vec![false; says.len()];
    nodes().for_each(|(at, node)| closed[at] = node.is_linear && observed[at].is_missing());
    for (_, node) in nodes().filter(|(_, node)| !node.is_linear) {
        node.parents.iter().for_each(|parent| closed[*parent] = false);
    }
    closed
}

/// Nodes that have a say, in parts that have nothing to do with each other once all is known that is observed: unknown nodes
/// with their children and their children's other parents, each node after its parents.
fn parts(network: &Network, says: &[bool], observed: &[Value]) -> Vec<Vec<usize>> {
    let unknown = |at: &usize| observed[*at].is_missing();
    let mut part: Vec<usize> = (0..says.len()).collect();
    let with_say = || (0..says.len()).filter(|at| says[*at]);
    for at in with_say() {
        let parents = network.nodes[at].parents.iter().copied().filter(unknown);
        let joined: Vec<usize> = parents.chain(Some(at).filter(unknown)).map(|node| part[node]).collect();
        let Some(least) = joined.iter().copied().min() else { continue };
        if joined.iter().any(|other| *other != least) {
            part.iter_mut().filter(|own| joined.contains(own)).for_each(|own| *own = least);
        }
        part[at] = least;
    }
    let mut all: Vec<Vec<usize>> = vec![Vec::new(); says.len()];
    with_say().for_each(|at| all[part[at]].push(at));
    all.retain(|part| !part.is_empty());
    all
}

impl Look<'_> {
    /// Puts what is observed where parents are asked; whether all of it can be.
    fn know(&mut self, cx: &mut Cx<'_>) -> bool {
        for (at, node) in self.network.nodes.iter().enumerate() {
            let value = self.observed[at];
            if value.is_missing() {
                continue;
            }
            match &node.kind {
                Kind::Discrete { states, .. } => {
                    let Some(state) = states.iter().position(|state| state.value == value) else {
                        return false;
                    };
                    self.states[at] = state;
                }
                Kind::Continuous { .. } => self.numbers[at] = value.num().unwrap_or_default(),
            }
            cx.set(node.slot, value);
        }
        true
    }

    /// Looks at all cases from the node at this place of the order on; `joint` is what is known of numbers of nodes before it
    /// that have a closed form.
    fn at(&mut self, cx: &mut Cx<'_>, place: usize, weight: f64, joint: &Joint) -> Result<(), Problem> {
        self.cases += 1;
        if self.cases > CASES_MAX {
            let what = "too many unknown nodes for an exact answer of the Bayesian network";
            return Err(Problem::invalid(what));
        }
        let Some(at) = self.order.get(place).copied() else {
            self.count(weight, joint);
            return Ok(());
        };
        let network = self.network;
        let node = &network.nodes[at];
        node.derive(cx)?;
        let value = self.observed[at];
        match &node.kind {
            Kind::Discrete { states, cases } => {
                let Some(shares) = self.case(cx, cases)? else { return Ok(()) };
                for (state, (known, share)) in states.iter().zip(shares).enumerate() {
                    if *share > 0.0 && (value.is_missing() || value == known.value) {
                        self.states[at] = state;
                        cx.set(node.slot, known.value);
                        self.at(cx, place + 1, weight * share, joint)?;
                    }
                }
                Ok(())
            }
            Kind::Continuous { cases } => {
                let Some(distribution) = self.case(cx, cases)? else { return Ok(()) };
                if self.is_closed[at] || node.parents.iter().any(|parent| joint.holds(*parent)) {
                    let Some(next) = self.next(cx, node, distribution, joint)? else { return Ok(()) };
                    return self.normal(cx, place, weight, next, joint);
                }
                let Some(known) = distribution.known(cx)? else { return Ok(()) };
                if value.is_missing() && !self.has_children[at] {
                    self.open[at] = Some(known);
                    return self.at(cx, place + 1, weight, joint);
                }
                self.number(cx, place, weight, &known, |_| joint.clone())
            }
        }
    }

    /// A number of a normal distribution that depends on others with a closed form, or has one itself.
    fn normal(
        &mut self,
        cx: &mut Cx<'_>,
        place: usize,
        weight: f64,
        next: Next,
        joint: &Joint,
    ) -> Result<(), Problem> {
        let at = self.order[place];
        if self.is_closed[at] {
            return self.at(cx, place + 1, weight, &joint.with(at, next));
        }
        let Some(known) = Known::normal(next.mean, next.variance) else { return Ok(()) };
        self.number(cx, place, weight, &known, |x| joint.given(&next, x))
    }

    /// The distribution of a node by those that it depends on: its mean is evaluated where all of them are 0, and where one of
    /// them is 1.
    fn next(
        &self,
        cx: &mut Cx<'_>,
        node: &Node,
        distribution: &Distribution,
        joint: &Joint,
    ) -> Result<Option<Next>, Problem> {
        let parents: Vec<usize> = node.parents.iter().copied().filter(|at| joint.holds(*at)).collect();
        let slot = |at: usize| self.network.nodes[at].slot;
        parents.iter().for_each(|at| cx.set(slot(*at), Value::Num(0.0)));
        node.derive(cx)?;
        let Some(at_zero) = distribution.known(cx)? else { return Ok(None) };
        let mut slopes = Vec::with_capacity(parents.len());
        for at in parents {
            cx.set(slot(at), Value::Num(1.0));
            node.derive(cx)?;
            let Some(at_one) = distribution.known(cx)? else { return Ok(None) };
            slopes.push((at, at_one.mean() - at_zero.mean()));
            cx.set(slot(at), Value::Num(0.0));
        }
        Ok(Some(joint.next(at_zero.mean(), at_zero.variance(), &slopes)))
    }

    /// A number of this distribution: what is known of others once it is `x` is `given(x)`.
    fn number(
        &mut self,
        cx: &mut Cx<'_>,
        place: usize,
        weight: f64,
        known: &Known,
        given: impl Fn(f64) -> Joint,
    ) -> Result<(), Problem> {
        let at = self.order[place];
        let node = &self.network.nodes[at];
        if let Some(x) = self.observed[at].num() {
            self.numbers[at] = x;
            cx.set(node.slot, Value::Num(x));
            return self.at(cx, place + 1, weight * known.density(x), &given(x));
        }
        for (x, share) in known.points(self.grid, &node.cuts) {
            cx.set(node.slot, Value::Num(x));
            self.open[at] = None;
            self.numbers[at] = x;
            self.at(cx, place + 1, weight * share, &given(x))?;
        }
        Ok(())
    }

    /// The case whose parents have the values that they have now.
    fn case<'c, T>(&self, cx: &mut Cx<'_>, cases: &'c [Case<T>]) -> Result<Option<&'c T>, Problem> {
        for case in cases {
            if self.holds(cx, &case.parents)? {
                return Ok(Some(&case.then));
            }
        }
        Ok(None)
    }

    fn holds(&self, cx: &mut Cx<'_>, parents: &[(Parent, Value)]) -> Result<bool, Problem> {
        for (parent, value) in parents {
            let now = match parent {
                Parent::Field(slot) => cx.get(*slot)?,
                Parent::Node(at) => match &self.network.nodes[*at].kind {
                    Kind::Discrete { states, .. } => {
                        states.get(self.states[*at]).map_or(Value::Missing, |state| state.value)
                    }
                    Kind::Continuous { .. } => self.observed[*at],
                },
            };
            if now != *value {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds the case to what is believed of the targets.
    fn count(&mut self, weight: f64, joint: &Joint) {
        self.total += weight;
        let network = self.network;
        for place in &self.asked {
            let ((target, _), belief) = (&network.targets[*place], &mut self.beliefs[*place]);
            belief.total += weight;
            match &network.nodes[*target].kind {
                Kind::Discrete { .. } => belief.shares[self.states[*target]] += weight,
                Kind::Continuous { .. } => {
                    let (mean, variance) = match (joint.of(*target), &self.open[*target]) {
                        (Some(known), _) => known,
                        (None, Some(known)) => (known.mean(), known.variance()),
                        (None, None) => (self.numbers[*target], 0.0),
                    };
                    let away = mean - *belief.shift.get_or_insert(mean);
                    belief.first += weight * away;
                    belief.second += weight * (variance + away * away);
                }
            }
        }
    }
}
