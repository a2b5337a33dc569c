//! Distributions of continuous nodes, whose parameters are expressions over their parents.

use crate::expression::{self, DocumentNode, Expr};
use crate::read::Element;
use crate::resolve::{Build, ScopeId};
use crate::run::Cx;
use landfall_model::Problem;
use std::f64::consts::TAU;

/// The shape of a distribution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Mean, variance.
    Normal,
    /// Mean and variance of the logarithm.
    Lognormal,
    /// Mean, lower, upper.
    Triangular,
    /// Lower, upper.
    Uniform,
}

/// As the document has it.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) shape: Shape,
    pub(super) parameters: Vec<DocumentNode>,
}

/// Resolved.
#[derive(Debug)]
pub(super) struct Distribution {
    shape: Shape,
    parameters: Vec<Expr>,
}

/// With the parameters of one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    shape: Shape,
    a: f64,
    b: f64,
    c: f64,
}

/// How an unknown number is looked at: by so many points, so many deviations to either side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) count: usize,
    pub(super) reach: f64,
}

impl Grid {
    /// For each of so many unknown numbers.
    pub(super) fn of(unknown: usize) -> Self {
        match unknown {
            // So far that what is known may be next to impossible by what was expected.
            0 | 1 => Grid { count: 9_000, reach: 20.0 },
            // Beyond lies less than a double can tell, of what is not known to be unlikely.
            2 => Grid { count: 600, reach: 9.0 },
            3 => Grid { count: 100, reach: 9.0 },
            // Points less than half a deviation apart sum what is normal to the last digit.
            4 => Grid { count: 40, reach: 8.0 },
            _ => Grid { count: 24, reach: 7.5 },
        }
    }
}

/// Reads a `<ContinuousDistribution>`.
pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Document, Problem> {
    element.only(&b.xml, &[])?;
    let mut found = None;
    while let Some(child) = b.xml.child(element)? {
        let (shape, names): (Shape, &[&str]) = match child.name.as_ref() {
            "NormalDistributionForBN" => (Shape::Normal, &["Mean", "Variance"]),
            "LognormalDistributionForBN" => (Shape::Lognormal, &["Mean", "Variance"]),
            "TriangularDistributionForBN" => (Shape::Triangular, &["Mean", "Lower", "Upper"]),
            "UniformDistributionForBN" => (Shape::Uniform, &["Lower", "Upper"]),
            _ => return Err(b.xml.unknown(&child, element)),
        };
        child.only(&b.xml, &[])?;
        let mut parts: Vec<Option<DocumentNode>> = names.iter().map(|_| None).collect();
        while let Some(part) = b.xml.child(&child)? {
            let Some(at) = names.iter().position(|name| *name == part.name) else {
                return Err(b.xml.unknown(&part, &child));
            };
            part.only(&b.xml, &[])?;
            while let Some(inner) = b.xml.child(&part)? {
                parts[at] = Some(expression::read_expression(b, &inner, &part)?);
            }
        }
        let Some(parameters) = parts.into_iter().collect() else {
            let what = format!("<{}> needs {}", child.name, names.join(", "));
            return Err(b.xml.malformed(child.place, what));
        };
        found = Some(Document { shape, parameters });
    }
    found.ok_or_else(|| b.xml.malformed(element.place, "<ContinuousDistribution> is empty"))
}

/// Resolves one in the scope of its node.
pub(super) fn resolve<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    document: &Document,
) -> Result<Distribution, Problem> {
    let mut parameters = Vec::with_capacity(document.parameters.len());
    for parameter in &document.parameters {
        parameters.push(expression::resolve(b, scope, parameter)?.expr);
    }
    Ok(Distribution { shape: document.shape, parameters })
}

impl Distribution {
    /// With the values that its parents have now; `None` when a parameter is missing or makes no distribution.
    pub(super) fn known(&self, cx: &mut Cx<'_>) -> Result<Option<Known>, Problem> {
        let mut numbers = [0.0; 3];
        for (place, parameter) in numbers.iter_mut().zip(&self.parameters) {
            match expression::evaluate(parameter, cx)?.num() {
                Some(number) => *place = number,
                None => return Ok(None),
            }
        }
        let [a, b, c] = numbers;
        let known = match self.shape {
            Shape::Triangular => Known { shape: self.shape, a: b, b: c, c: 3.0 * a - b - c },
            shape => Known { shape, a, b, c },
        };
        Ok(Some(known).filter(Known::is_proper))
    }
}

impl Known {
    /// A normal one.
    pub(super) fn normal(mean: f64, variance: f64) -> Option<Self> {
        Some(Known { shape: Shape::Normal, a: mean, b: variance, c: 0.0 }).filter(Known::is_proper)
    }

    fn is_proper(&self) -> bool {
        match self.shape {
            // Without a variance it is the mean itself: how a node is made of others.
            Shape::Normal | Shape::Lognormal => self.b >= 0.0,
            Shape::Uniform => self.a < self.b,
            Shape::Triangular => self.a < self.b && (self.a..=self.b).contains(&self.c),
        }
    }

    pub(super) fn density(&self, x: f64) -> f64 {
        let Known { a, b, c, .. } = *self;
        if let Some(only) = self.only() {
            return f64::from(u8::from(x == only));
        }
        let normal = |x: f64| (-(x - a) * (x - a) / (2.0 * b)).exp() / (TAU * b).sqrt();
        match self.shape {
            Shape::Normal => normal(x),
            Shape::Lognormal if x > 0.0 => normal(x.ln()) / x,
            Shape::Lognormal => 0.0,
            Shape::Uniform => f64::from(u8::from((a..=b).contains(&x))) / (b - a),
            Shape::Triangular if x < a || x > b => 0.0,
            Shape::Triangular if x < c => 2.0 * (x - a) / ((b - a) * (c - a)),
            Shape::Triangular if x > c => 2.0 * (b - x) / ((b - a) * (b - c)),
            Shape::Triangular => 2.0 / (b - a),
        }
    }

    /// The one value of a distribution without a variance.
    fn only(&self) -> Option<f64> {
        match self.shape {
            Shape::Normal if self.b == 0.0 => Some(self.a),
            Shape::Lognormal if self.b == 0.0 => Some(self.a.exp()),
            _ => None,
        }
    }

    pub(super) fn mean(&self) -> f64 {
        let Known { a, b, c, .. } = *self;
        match self.shape {
            Shape::Normal => a,
            Shape::Lognormal => (a + b / 2.0).exp(),
            Shape::Uniform => (a + b) / 2.0,
            Shape::Triangular => (a + b + c) / 3.0,
        }
    }

    pub(super) fn variance(&self) -> f64 {
        let Known { a, b, c, .. } = *self;
        match self.shape {
            Shape::Normal => b,
            Shape::Lognormal => b.exp_m1() * (2.0 * a + b).exp(),
            Shape::Uniform => (b - a) * (b - a) / 12.0,
            Shape::Triangular => (a * a + b * b + c * c - a * b - a * c - b * c) / 18.0,
        }
    }

    /// Values and their shares: points whose sums stand for integrals, of what may change at `cuts`.
    pub(super) fn points(&self, Grid { count, reach }: Grid, cuts: &[f64]) -> Vec<(f64, f64)> {
        let Known { a, b, c, .. } = *self;
        if let Some(only) = self.only() {
            return vec![(only, 1.0)];
        }
        let (low, high) = match self.shape {
            Shape::Normal | Shape::Lognormal => (a - reach * b.sqrt(), a + reach * b.sqrt()),
            Shape::Uniform | Shape::Triangular => (a, b),
        };
        let mut ends: Vec<f64> = match self.shape {
            // What is looked at is the logarithm.
            Shape::Lognormal => cuts.iter().filter(|cut| **cut > 0.0).map(|cut| cut.ln()).collect(),
            Shape::Triangular => cuts.iter().copied().chain([c]).collect(),
            Shape::Normal | Shape::Uniform => cuts.to_vec(),
        };
        ends.retain(|end| (low..high).contains(end));
        ends.sort_by(f64::total_cmp);
        let is_smooth = ends.is_empty() && matches!(self.shape, Shape::Normal | Shape::Lognormal);
        let rule = if is_smooth { MIDDLE } else { GAUSS };
        let mut points = Vec::with_capacity(count + rule.len() * (ends.len() + 1));
        let mut start = low;
        for end in ends.into_iter().chain([high]) {
            let steps = (count as f64 * (end - start) / (high - low) / rule.len() as f64).ceil();
            let half = (end - start) / (2.0 * steps.max(1.0));
            for step in 0..steps as usize {
                let middle = start + (2 * step + 1) as f64 * half;
                points.extend(rule.iter().map(|(at, weight)| self.point(middle + at * half, weight * half)));
            }
            start = end;
        }
        points
    }

    /// A value, and the share of a step of this width around it; of a lognormal one by its logarithm.
    fn point(&self, at: f64, width: f64) -> (f64, f64) {
        let Known { a, b, .. } = *self;
        match self.shape {
            Shape::Lognormal => {
                (at.exp(), (-(at - a) * (at - a) / (2.0 * b)).exp() / (TAU * b).sqrt() * width)
            }
            _ => (at, self.density(at) * width),
        }
    }
}

/// Points of a step from -1 to 1, with their weights.
type Rule = [(f64, f64)];

/// The middle alone: exact enough for what is smooth and comes to nothing at both ends.
const MIDDLE: &Rule = &[(0.0, 2.0)];

/// Gauss's rule of eight points, for what ends abruptly.
const GAUSS: &Rule = &[
    (-0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
    (-0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (-0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (-0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn known(shape: Shape, a: f64, b: f64, c: f64) -> Known {
        Known { shape, a, b, c }
    }

    #[test]
    fn points_stand_for_integrals() {
        for known in [
            known(Shape::Normal, 3.0, 4.0, 0.0),
            known(Shape::Lognormal, 0.5, 0.25, 0.0),
            known(Shape::Uniform, -1.0, 3.0, 0.0),
            known(Shape::Triangular, 0.0, 4.0, 1.0),
        ] {
            for cuts in [&[][..], &[2.5, -40.0, 0.75]] {
                let points = known.points(Grid { count: 1000, reach: 9.0 }, cuts);
                let sum = |of: &dyn Fn(f64) -> f64| points.iter().map(|(x, w)| of(*x) * w).sum::<f64>();
                assert!((sum(&|_| 1.0) - 1.0).abs() < 1e-12, "{known:?} {cuts:?}");
                assert!((sum(&|x| x) - known.mean()).abs() < 1e-11, "{known:?} {cuts:?}");
                let variance = sum(&|x| x * x) - known.mean() * known.mean();
                assert!((variance - known.variance()).abs() < 1e-10, "{known:?} {cuts:?}");
            }
        }
    }

    #[test]
    fn what_changes_at_a_cut_is_summed_exactly() {
        // A quarter of the triangle lies below its mode at 1.
        let triangle = known(Shape::Triangular, 0.0, 4.0, 1.0);
        let grid = Grid { count: 100, reach: 9.0 };
        let below: f64 = triangle.points(grid, &[1.0]).iter().filter(|(x, _)| *x < 1.0).map(|(_, w)| w).sum();
        assert!((below - 0.25).abs() < 1e-13, "{below}");
    }
}
