//! `<ComparisonMeasure>`: how far two rows are from each other, or how alike; for clusters and for neighbours.

use super::Math;
use crate::read::{Element, Matrix};
use crate::resolve::Build;
use landfall_model::Problem;

/// How fields are compared, and how that is put together.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    kind: Kind,
    compare: Compare,
    /// Whether less is nearer.
    pub(crate) distance: bool,
    math: Math,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Euclidean,
    SquaredEuclidean,
    Chebychev,
    CityBlock,
    Minkowski(f64),
    SimpleMatching,
    Jaccard,
    Tanimoto,
    Binary { numerator: [f64; 4], denominator: [f64; 4] },
}

/// What is added up of weighted differences.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Sum {
    Differences,
    /// Their squares; the distance may be the root.
    Squares {
        rooted: bool,
    },
}

/// How two values of one field are compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Compare {
    AbsDiff,
    GaussSim,
    Delta,
    Equal,
    /// By the field's own matrix.
    Table,
}

/// One field's part in the measure.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) compare: Option<Compare>,
    pub(crate) weight: f64,
    pub(crate) scale: f64,
    /// How alike two values are, by their places among the field's values.
    pub(crate) table: Option<Matrix>,
    /// Where values begin anew, for a cyclic field: what lies between a value and the same one a round later.
    pub(crate) round: Option<f64>,
}

impl Default for Part {
    fn default() -> Self {
        Part { compare: None, weight: 1.0, scale: 1.0, table: None, round: None }
    }
}

impl Part {
    /// How two values compare.
    fn compared(&self, compare: Compare, x: f64, y: f64, math: Math) -> f64 {
        let (x, y) = (math.round(x), math.round(y));
        math.round(self.exactly(compare, x, y))
    }

    /// The same, not rounded.
    fn exactly(&self, compare: Compare, x: f64, y: f64) -> f64 {
        let compare = self.compare.unwrap_or(compare);
        if let (Compare::Table, Some(table)) = (compare, &self.table) {
            let place =
                |value: f64, limit: usize| Some(value as usize).filter(|at| value >= 0.0 && *at < limit);
            return match (place(x, table.rows), place(y, table.columns)) {
                (Some(row), Some(column)) => table.get(row, column),
                _ => 0.0,
            };
        }
        match self.round {
            Some(round) => {
                let away = (x - y).abs() % round;
                compare.of(away.min(round - away), 0.0, self.scale)
            }
            None => compare.of(x, y, self.scale),
        }
    }
}

/// The attribute `compareFunction`.
pub(crate) fn compare<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Option<Compare>, Problem> {
    Ok(Some(match element.get("compareFunction") {
        None => return Ok(None),
        Some("absDiff") => Compare::AbsDiff,
        Some("gaussSim") => Compare::GaussSim,
        Some("delta") => Compare::Delta,
        Some("equal") => Compare::Equal,
        Some("table") => Compare::Table,
        Some(_) => return Err(element.value(&b.xml, "compareFunction")),
    }))
}

impl Measure {
    /// Reads a `<ComparisonMeasure>`.
    pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>, math: Math) -> Result<Self, Problem> {
        element.only(&b.xml, &["kind", "compareFunction", "minimum", "maximum"])?;
        let distance = match element.need(&b.xml, "kind")? {
            "distance" => true,
            "similarity" => false,
            _ => return Err(element.value(&b.xml, "kind")),
        };
        let compare = compare(b, element)?.unwrap_or(Compare::AbsDiff);
        let mut kind = None;
        while let Some(child) = b.xml.child(element)? {
            let name = child.name.to_string();
            child.only(
                &b.xml,
                match name.as_str() {
                    "minkowski" => &["p-parameter"],
                    "binarySimilarity" => BINARY,
                    _ => &[],
                },
            )?;
            let parameters = |prefix: &str| -> Result<[f64; 4], Problem> {
                let mut all = [0.0; 4];
                for (place, cell) in all.iter_mut().zip(["00", "01", "10", "11"]) {
                    let name = format!("{prefix}{cell}-parameter");
                    *place = math.number(&b.xml, &child, &name)?.unwrap_or(0.0);
                }
                Ok(all)
            };
            kind = Some(match name.as_str() {
                "euclidean" => Kind::Euclidean,
                "squaredEuclidean" => Kind::SquaredEuclidean,
                "chebychev" => Kind::Chebychev,
                "cityBlock" => Kind::CityBlock,
                "minkowski" => Kind::Minkowski(child.need_number(&b.xml, "p-parameter")?),
                "simpleMatching" => Kind::SimpleMatching,
                "jaccard" => Kind::Jaccard,
                "tanimoto" => Kind::Tanimoto,
                "binarySimilarity" => {
                    Kind::Binary { numerator: parameters("c")?, denominator: parameters("d")? }
                }
                _ => return Err(b.xml.unknown(&child, element)),
            });
            b.xml.leaf(&child)?;
        }
        let kind =
            kind.ok_or_else(|| b.xml.malformed(element.place, "<ComparisonMeasure> names no measure"))?;
        Ok(Measure { kind, compare, distance, math })
    }

    /// That each field which is compared by a table has one.
    pub(crate) fn has_tables<'p>(&self, parts: impl IntoIterator<Item = &'p Part>) -> bool {
        let by_table = |part: &&Part| part.compare.unwrap_or(self.compare) == Compare::Table;
        !parts.into_iter().any(|part| by_table(&part) && part.table.is_none())
    }

    /// Whether of two values of a field only counts that they are the same.
    pub(crate) fn asks_equality(&self, part: &Part) -> bool {
        matches!(part.compare.unwrap_or(self.compare), Compare::Equal | Compare::Delta)
    }

    /// The weights of fields that are compared by their differences alone, put together field by field; `None` for others, and
    /// where each step is rounded.
    pub(crate) fn weights_of_differences(&self, parts: &[Part]) -> Option<Vec<f64>> {
        let plain =
            |part: &Part| part.compare.unwrap_or(self.compare) == Compare::AbsDiff && part.round.is_none();
        (self.sum().is_some() && parts.iter().all(plain) && !self.math.float)
            .then(|| parts.iter().map(|part| part.weight).collect())
    }

    /// How differences are put together; `None` where they are not added up.
    pub(crate) fn sum(&self) -> Option<Sum> {
        match self.kind {
            Kind::CityBlock => Some(Sum::Differences),
            Kind::SquaredEuclidean => Some(Sum::Squares { rooted: false }),
            Kind::Euclidean => Some(Sum::Squares { rooted: true }),
            _ => None,
        }
    }

    /// What one weighted difference adds to a distance.
    #[inline(always)]
    pub(crate) fn step(&self, weight: f64, difference: f64) -> f64 {
        match self.kind {
            Kind::CityBlock => weight * difference,
            _ => weight * (difference * difference),
        }
    }

    /// A distance of what has been added up.
    #[inline(always)]
    pub(crate) fn root(&self, sum: f64) -> f64 {
        match self.kind {
            Kind::Euclidean => sum.sqrt(),
            _ => sum,
        }
    }

    /// Of two rows, `None` where a value is missing; `adjust` makes up for what the missing ones would add.
    pub(crate) fn between(&self, parts: &[Part], x: &[Option<f64>], y: &[f64], adjust: f64) -> f64 {
        if matches!(self.kind, Kind::SimpleMatching | Kind::Jaccard | Kind::Tanimoto | Kind::Binary { .. }) {
            return self.binary(x, y);
        }
        let compared = parts.iter().zip(x).zip(y).filter_map(|((part, x), y)| {
            Some((part.weight, part.compared(self.compare, (*x)?, *y, self.math)))
        });
        self.joined(compared, adjust)
    }

    /// Of a row and a distribution of rows: for each field its values with their shares.
    pub(crate) fn among(&self, parts: &[Part], x: &[Option<f64>], y: &[Vec<(f64, f64)>], adjust: f64) -> f64 {
        let compared = parts.iter().zip(x).zip(y).filter_map(|((part, x), shares)| {
            let x = (*x)?;
            let compared = |y: f64| part.compared(self.compare, x, y, self.math);
            let mean: f64 = shares.iter().map(|(y, share)| share * compared(*y)).sum();
            Some((part.weight, self.math.round(mean)))
        });
        self.joined(compared, adjust)
    }

    fn joined(&self, compared: impl Iterator<Item = (f64, f64)>, adjust: f64) -> f64 {
        let round = |number: f64| self.math.round(number);
        let times = |w: f64, c: f64| round(w * c);
        let added = |terms: &mut dyn Iterator<Item = f64>| {
            let sum = terms.fold(-0.0, |sum, term| round(sum + term));
            round(sum * round(adjust))
        };
        match self.kind {
            Kind::Chebychev => {
                let most = compared.map(|(w, c)| times(w, c)).fold(f64::NEG_INFINITY, f64::max);
                round(most * round(adjust))
            }
            Kind::CityBlock => added(&mut compared.map(|(w, c)| times(w, c))),
            Kind::Minkowski(p) => {
                let sum = added(&mut compared.map(|(w, c)| times(w, round(c.powf(p)))));
                round(sum.powf(round(1.0 / p)))
            }
            Kind::SquaredEuclidean => added(&mut compared.map(|(w, c)| times(w, round(c * c)))),
            _ => round(added(&mut compared.map(|(w, c)| times(w, round(c * c)))).sqrt()),
        }
    }

    /// Of rows of zeros and ones, by how often both, one or none is one.
    fn binary(&self, x: &[Option<f64>], y: &[f64]) -> f64 {
        self.math.round(self.alike(x, y))
    }

    /// The same, not rounded.
    fn alike(&self, x: &[Option<f64>], y: &[f64]) -> f64 {
        let (mut a11, mut a10, mut a01, mut a00) = (0.0, 0.0, 0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            match (x.map(|x| x != 0.0), *y != 0.0) {
                (Some(true), true) => a11 += 1.0,
                (Some(true), false) => a10 += 1.0,
                (Some(false), true) => a01 += 1.0,
                (Some(false), false) => a00 += 1.0,
                (None, _) => {}
            }
        }
        match self.kind {
            Kind::SimpleMatching => (a11 + a00) / (a11 + a10 + a01 + a00),
            // Two rows of nothing but zeros do not differ.
            Kind::Jaccard if a11 + a10 + a01 == 0.0 => 1.0,
            Kind::Jaccard => a11 / (a11 + a10 + a01),
            Kind::Tanimoto => (a11 + a00) / (a11 + 2.0 * (a10 + a01) + a00),
            Kind::Binary { numerator: [c00, c01, c10, c11], denominator: [d00, d01, d10, d11] } => {
                (c11 * a11 + c10 * a10 + c01 * a01 + c00 * a00)
                    / (d11 * a11 + d10 * a10 + d01 * a01 + d00 * a00)
            }
            _ => f64::NAN,
        }
    }
}

const BINARY: &[&str] = &[
    "c00-parameter",
    "c01-parameter",
    "c10-parameter",
    "c11-parameter",
    "d00-parameter",
    "d01-parameter",
    "d10-parameter",
    "d11-parameter",
];

impl Compare {
    fn of(self, x: f64, y: f64, scale: f64) -> f64 {
        match self {
            Compare::AbsDiff => (x - y).abs(),
            Compare::GaussSim => (-std::f64::consts::LN_2 * (x - y) * (x - y) / (scale * scale)).exp(),
            Compare::Delta => f64::from(u8::from(x != y)),
            Compare::Equal | Compare::Table => f64::from(u8::from(x == y)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(kind: Kind) -> f64 {
        let part = |weight| Part { weight, ..Part::default() };
        let measure =
            Measure { kind, compare: Compare::AbsDiff, distance: true, math: Math { float: false } };
        measure.between(&[part(1.0), part(2.0)], &[Some(3.0), Some(0.0)], &[0.0, 4.0], 1.0)
    }

    #[test]
    fn distances_have_their_formulas() {
        assert_eq!(measure(Kind::Euclidean), 41f64.sqrt());
        assert_eq!(measure(Kind::SquaredEuclidean), 41.0);
        assert_eq!(measure(Kind::CityBlock), 11.0);
        assert_eq!(measure(Kind::Chebychev), 8.0);
        assert!((measure(Kind::Minkowski(3.0)) - 155f64.cbrt()).abs() < 1e-12);
    }

    #[test]
    fn zeros_and_ones_are_counted() {
        let between = |kind| {
            let measure =
                Measure { kind, compare: Compare::AbsDiff, distance: false, math: Math { float: false } };
            measure.between(&[], &[Some(1.0), Some(1.0), Some(0.0), Some(0.0)], &[1.0, 0.0, 1.0, 0.0], 1.0)
        };
        assert_eq!(between(Kind::SimpleMatching), 0.5);
        assert_eq!(between(Kind::Jaccard), 1.0 / 3.0);
        assert_eq!(between(Kind::Tanimoto), 2.0 / 6.0);
        let (numerator, denominator) = ([0.0, 0.0, 1.0, 1.0], [1.0; 4]);
        assert_eq!(between(Kind::Binary { numerator, denominator }), 0.5);
    }
}
