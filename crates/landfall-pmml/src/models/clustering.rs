//! `<ClusteringModel>`: the nearest of some centres.

use super::measure::{self, Measure, Part};
use super::{Body, Header};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx, Ranked};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["modelClass", "numberOfClusters"];

#[derive(Debug)]
struct Clustering {
    measure: Measure,
    fields: Vec<(Slot, Part)>,
    clusters: Vec<Cluster>,
    /// What a missing value of each field would weigh.
    missing_weights: Vec<f64>,
}

#[derive(Debug)]
struct Cluster {
    id: Value,
    name: Value,
    centre: Vec<f64>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    if element.need(&b.xml, "modelClass")? != "centerBased" {
        return Err(element.value(&b.xml, "modelClass"));
    }
    let declared = element.count(&b.xml, "numberOfClusters")?;
    let (mut measure, mut fields, mut clusters) = (None, Vec::new(), Vec::new());
    let mut weights = None;
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "ComparisonMeasure" => measure = Some(Measure::read(b, &child)?),
            "ClusteringField" => {
                child.only(
                    &b.xml,
                    &["field", "isCenterField", "fieldWeight", "similarityScale", "compareFunction"],
                )?;
                let part = Part {
                    compare: measure::compare(b, &child)?,
                    weight: child.number(&b.xml, "fieldWeight")?.unwrap_or(1.0),
                    scale: child.number(&b.xml, "similarityScale")?.unwrap_or(1.0),
                };
                let slot = b.resolve(header.scope, child.need(&b.xml, "field")?, child.place)?;
                if child.flag(&b.xml, "isCenterField", true)? {
                    fields.push((slot, part));
                }
                b.xml.leaf(&child)?;
            }
            "MissingValueWeights" => weights = numbers_within(b, &child)?,
            "Cluster" => {
                let cluster = cluster(b, &child, clusters.len())?;
                clusters.push(cluster);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let count = fields.len();
    let weights = weights.unwrap_or_else(|| vec![1.0; count]);
    let fits = |cluster: &Cluster| cluster.centre.len() == count;
    if clusters.is_empty() || !clusters.iter().all(fits) || weights.len() != count {
        return Err(b
            .xml
            .malformed(element.place, "each cluster needs one number for each clustering field"));
    }
    if declared.is_some_and(|declared| declared != clusters.len()) {
        return Err(element.value(&b.xml, "numberOfClusters"));
    }
    let measure = measure.ok_or_else(|| b.xml.malformed(element.place, "<ComparisonMeasure> is missing"))?;
    Ok(Box::new(Clustering { measure, fields, clusters, missing_weights: weights }))
}

fn numbers_within<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Option<Vec<f64>>, Problem> {
    element.only(&b.xml, &[])?;
    let mut numbers = None;
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Array" => numbers = Some(array::numbers(&mut b.xml, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(numbers)
}

fn cluster<'a>(b: &mut Build<'a>, element: &Element<'a>, place: usize) -> Result<Cluster, Problem> {
    element.only(&b.xml, &["id", "name", "size"])?;
    let mut centre = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Array" => centre = array::numbers(&mut b.xml, &child)?,
            // Where a map of clusters would put it, and how its training rows lay.
            "KohonenMap" | "Covariances" | "Partition" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let number = (place + 1).to_string();
    let mut text = |text: &str| Value::Text(b.symbols.intern(text));
    let id = text(element.get("id").unwrap_or(&number));
    let name = element.get("name").map_or(id, text);
    Ok(Cluster { id, name, centre })
}

impl Body for Clustering {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut x = Vec::with_capacity(self.fields.len());
        for (slot, _) in &self.fields {
            x.push(cx.number(*slot)?);
        }
        if x.iter().all(Option::is_none) {
            return Ok(());
        }
        let parts: Vec<Part> = self.fields.iter().map(|(_, part)| *part).collect();
        let all: f64 = self.missing_weights.iter().sum();
        let present: f64 =
            self.missing_weights.iter().zip(&x).filter(|(_, x)| x.is_some()).map(|(w, _)| w).sum();
        let adjust = if present == all { 1.0 } else { all / present };
        answer.nearest_first = self.measure.distance;
        let mut best: Option<(usize, f64)> = None;
        for (at, cluster) in self.clusters.iter().enumerate() {
            let affinity = self.measure.between(&parts, &x, &cluster.centre, adjust);
            answer.ranked.push(Ranked { entity: cluster.id, name: cluster.name, affinity });
            let nearer = |other: f64| if self.measure.distance { affinity < other } else { affinity > other };
            if best.is_none_or(|(_, other)| nearer(other)) {
                best = Some((at, affinity));
            }
        }
        if let Some((at, _)) = best {
            (answer.value, answer.entity) = (self.clusters[at].id, self.clusters[at].id);
            answer.display = self.clusters[at].name;
        }
        Ok(())
    }
}
