//! `<AnomalyDetectionModel>`: a score from how a model within answers.

use super::{Body, Header, Model};
use crate::read::{Element, array};
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["algorithmType", "sampleDataSize"];

#[derive(Debug)]
struct Anomaly {
    inner: Model,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The inner prediction is the score.
    Direct,
    /// 2 to the power of what the mean path length is to that of this many rows, negated.
    Forest { sample: f64 },
    /// The distance to the nearest cluster, in parts of that cluster's mean distance.
    ClusterDistance(Vec<f64>),
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let (mut inner, mut distances) = (None, None);
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "MeanClusterDistances" => {
                child.only(&b.xml, &[])?;
                while let Some(values) = b.xml.child(&child)? {
                    b.xml.named(&values, &child, "Array")?;
                    distances = Some(array::numbers(&mut b.xml, &values)?);
                }
            }
            name if super::is_model(name) && inner.is_none() => {
                inner = Some(super::read(b, &child, header.scope, Some(header))?);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let inner =
        inner.ok_or_else(|| b.xml.malformed(element.place, "<AnomalyDetectionModel> has no model"))?;
    let kind = match (element.need(&b.xml, "algorithmType")?, distances) {
        ("clusterMeanDist", Some(distances)) => Kind::ClusterDistance(distances),
        ("clusterMeanDist", None) => {
            return Err(b
                .xml
                .malformed(element.place, "algorithmType=\"clusterMeanDist\" needs <MeanClusterDistances>"));
        }
        ("iforest", _) => Kind::Forest { sample: sample_size(b, element, &inner)? },
        ("ocsvm" | "other", _) => Kind::Direct,
        _ => return Err(element.value(&b.xml, "algorithmType")),
    };
    Ok(Box::new(Anomaly { inner, kind }))
}

/// How many rows each tree of a forest has seen: as the document says, or as its trees do at their roots.
fn sample_size<'a>(b: &Build<'a>, element: &Element<'a>, forest: &Model) -> Result<f64, Problem> {
    if let Some(size) = element.number(&b.xml, "sampleDataSize")?.or_else(|| forest.body.rows_grown_from()) {
        return Ok(size);
    }
    let what = "an isolation forest without sampleDataSize, whose trees do not say at their roots of how many rows they are";
    let instead = "give sampleDataSize, or the recordCount of each root: by it depths become scores";
    Err(b.xml.refused(element.place, what, instead))
}

/// The mean depth at which one of so many rows stands alone in a random tree.
fn mean_depth(rows: f64) -> f64 {
    /// Euler's constant with the digits that the specification writes.
    const EULER: f64 = 0.577_215_66;
    match rows {
        _ if rows > 2.0 => 2.0 * ((rows - 1.0).ln() + EULER) - 2.0 * (rows - 1.0) / rows,
        2.0 => 1.0,
        _ => 0.0,
    }
}

impl Body for Anomaly {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let list = answer.list;
        self.inner.run(cx, answer)?;
        let value = match &self.kind {
            Kind::Direct => answer.value.num(),
            Kind::Forest { sample } => {
                answer.value.num().map(|depth| 2f64.powf(-depth / mean_depth(*sample)))
            }
            Kind::ClusterDistance(distances) => {
                let place = answer.ranked.iter().position(|ranked| ranked.entity == answer.entity);
                place.and_then(|place| Some(answer.ranked[place].affinity / distances.get(place)?))
            }
        };
        answer.clear();
        (answer.list, answer.value) = (list, Value::of(value));
        Ok(())
    }

    fn inner(&self) -> Vec<&Model> {
        vec![&self.inner]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn mean_depths_of_small_samples() {
        assert_eq!(super::mean_depth(1.0), 0.0);
        assert_eq!(super::mean_depth(2.0), 1.0);
        assert!((super::mean_depth(256.0) - 10.244_770_910_3).abs() < 1e-9);
    }
}
