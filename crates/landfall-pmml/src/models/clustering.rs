//! `<ClusteringModel>`: the nearest of some clusters, each a centre or a distribution of values.

use super::columns::{Centres, nearest};
use super::measure::{self, Measure, Part};
use super::{Body, Header};
use crate::blocks::{Answers, BlockCx, BlockId};
use crate::expression;
use crate::read::{Element, Matrix, Place, array};
use crate::resolve::{Build, DataField, Interval, Slot};
use crate::run::{Answer, Cx, Ranked};
use crate::value::{DataType, Value};
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["modelClass", "numberOfClusters"];

/// Attributes of `<NumericInfo>`; of a field without intervals the mean counts.
const NUMERIC_INFO: &[&str] =
    &["minimum", "maximum", "mean", "standardDeviation", "median", "interQuartileRange"];

#[derive(Debug)]
struct Clustering {
    measure: Measure,
    slots: Vec<Slot>,
    parts: Vec<Part>,
    /// The values of each field that is no number, in their order.
    orders: Vec<Option<Vec<Value>>>,
    clusters: Vec<Cluster>,
    /// What a missing value of each field would weigh.
    missing_weights: Vec<f64>,
    block: Option<BlockId>,
}

#[derive(Debug)]
struct Cluster {
    id: Value,
    name: Value,
    centre: Vec<f64>,
    /// By field, values with their shares: of a cluster that has no centre.
    shares: Vec<Vec<(f64, f64)>>,
}

/// A `<Cluster>` as the document has it.
struct Document {
    id: Value,
    name: Value,
    centre: Vec<String>,
    partition: Vec<FieldStats>,
}

/// `<PartitionFieldStats>`: how often each value of a field is there.
struct FieldStats {
    field: String,
    frequencies: Vec<f64>,
    intervals: Vec<Interval>,
    mean: Option<f64>,
}

struct Field {
    name: String,
    slot: Slot,
    part: Part,
    order: Option<Vec<Value>>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let centred = match element.need(&b.xml, "modelClass")? {
        "centerBased" => true,
        "distributionBased" => false,
        _ => return Err(element.value(&b.xml, "modelClass")),
    };
    let (mut measure, mut fields, mut documents) = (None, Vec::new(), Vec::new());
    let (mut weights, mut centre_fields) = (None, Vec::new());
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "ComparisonMeasure" => measure = Some(Measure::read(b, &child, header.math)?),
            "ClusteringField" => fields.extend(clustering_field(b, &child, header, centred)?),
            // Fields that older documents define here: what the centres of clusters are made of.
            "CenterFields" => {
                child.only(&b.xml, &[])?;
                while let Some(field) = b.xml.child(&child)? {
                    b.xml.named(&field, &child, "DerivedField")?;
                    let mut derived = expression::read_derived(b, &field)?;
                    if derived.name.is_empty() {
                        // They need no name: one that no field has.
                        derived.name = format!("\0{}", centre_fields.len());
                    }
                    centre_fields.push((derived.name.clone(), field.place));
                    b.defer(header.scope, derived)?;
                }
            }
            "MissingValueWeights" => weights = numbers_within(b, &child)?,
            "Cluster" => {
                let document = cluster(b, &child, documents.len())?;
                documents.push(document);
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if !centre_fields.is_empty() {
        fields = of_centres(b, header, centre_fields, fields)?;
    }
    let count = fields.len();
    let weights = weights.unwrap_or_else(|| vec![1.0; count]);
    let mut clusters = Vec::with_capacity(documents.len());
    for document in documents {
        clusters.push(document.resolve(b, &fields, centred, element)?);
    }
    if clusters.is_empty() || weights.len() != count {
        return Err(b
            .xml
            .malformed(element.place, "each cluster needs one number for each clustering field"));
    }
    element.counted(&b.xml, "numberOfClusters", clusters.len(), "clusters")?;
    let measure = measure.ok_or_else(|| b.xml.malformed(element.place, "<ComparisonMeasure> is missing"))?;
    if !measure.has_tables(fields.iter().map(|field| &field.part)) {
        let what = "compareFunction=\"table\" of a <ClusteringField> without <Comparisons>";
        return Err(b.xml.malformed(element.place, what));
    }
    round_centres(b, &measure, &fields, &mut clusters);
    let slots = fields.iter().map(|field| field.slot).collect();
    let (parts, orders) = fields.into_iter().map(|field| (field.part, field.order)).unzip();
    let mut model =
        Clustering { measure, slots, parts, orders, clusters, missing_weights: weights, block: None };
    let columns = model.columns();
    model.block = b.block(|| columns);
    Ok(Box::new(model))
}

/// Makes what is only compared for equality the numbers that fields in single precision can hold.
fn round_centres(b: &Build<'_>, measure: &Measure, fields: &[Field], clusters: &mut [Cluster]) {
    for (place, field) in fields.iter().enumerate().filter(|(_, field)| measure.asks_equality(&field.part)) {
        let dtype = b.slots[field.slot as usize].dtype;
        let centres = clusters.iter_mut().filter_map(|cluster| cluster.centre.get_mut(place));
        centres.for_each(|number| *number = dtype.rounded(*number));
    }
}

/// A field that clusters have a part for; `None` for one that only describes them.
fn clustering_field<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
    centred: bool,
) -> Result<Option<Field>, Problem> {
    element.only(&b.xml, &["field", "isCenterField", "fieldWeight", "similarityScale", "compareFunction"])?;
    let name = element.need(&b.xml, "field")?.to_owned();
    let slot = b.resolve(header.scope, &name, element.place)?;
    let data = b.slots[slot as usize].field.map(|field| b.dictionary[field].clone());
    let mut part = Part {
        compare: measure::compare(b, element)?,
        weight: header.math.number(&b.xml, element, "fieldWeight")?.unwrap_or(1.0),
        scale: header.math.number(&b.xml, element, "similarityScale")?.unwrap_or(1.0),
        table: None,
        round: data.as_deref().and_then(DataField::round),
    };
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Comparisons" {
            return Err(b.xml.unknown(&child, element));
        }
        part.table = Some(Matrix::within(&mut b.xml, &child)?);
    }
    let dtype = b.slots[slot as usize].dtype;
    let number = (dtype.is_number() || dtype == DataType::Boolean) && part.table.is_none();
    let order = Some(data.map(|data| data.valid.clone()).unwrap_or_default()).filter(|_| !number);
    let is_centre = element.flag(&b.xml, "isCenterField", true)?;
    // Clusters without a centre are compared in all fields.
    Ok(Some(Field { name, slot, part, order }).filter(|_| is_centre || !centred))
}

/// The fields that centres are made of, each compared as the clustering field of its name asks.
fn of_centres<'a>(
    b: &mut Build<'a>,
    header: &Header,
    centre_fields: Vec<(String, Place)>,
    mut fields: Vec<Field>,
) -> Result<Vec<Field>, Problem> {
    let mut all = Vec::with_capacity(centre_fields.len());
    for (name, place) in centre_fields {
        all.push(match fields.iter().position(|field| field.name == name) {
            Some(at) => fields.swap_remove(at),
            None => {
                let slot = b.resolve(header.scope, &name, place)?;
                Field { name, slot, part: Part::default(), order: None }
            }
        });
    }
    Ok(all)
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

fn cluster<'a>(b: &mut Build<'a>, element: &Element<'a>, place: usize) -> Result<Document, Problem> {
    element.only(&b.xml, &["id", "name", "size"])?;
    let (mut centre, mut partition) = (Vec::new(), Vec::new());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Array" => centre = array::texts(&mut b.xml, &child)?,
            "Partition" => {
                child.only(&b.xml, &["name", "size"])?;
                while let Some(stats) = b.xml.child(&child)? {
                    partition.push(field_stats(b, &stats, &child)?);
                }
            }
            // Where a map of clusters would put it, and how its training rows lay.
            "KohonenMap" | "Covariances" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let number = (place + 1).to_string();
    let mut text = |text: &str| Value::Text(b.symbols.intern(text));
    let id = text(element.get("id").unwrap_or(&number));
    let name = element.get("name").map_or(id, text);
    Ok(Document { id, name, centre, partition })
}

fn field_stats<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    parent: &Element<'a>,
) -> Result<FieldStats, Problem> {
    if element.name != "PartitionFieldStats" {
        return Err(b.xml.unknown(element, parent));
    }
    // Whether the counts are weighted ones changes none of their shares.
    element.only(&b.xml, &["field", "weighted"])?;
    let field = element.need(&b.xml, "field")?.to_owned();
    let mut stats = FieldStats { field, frequencies: Vec::new(), intervals: Vec::new(), mean: None };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Array" if stats.frequencies.is_empty() => {
                stats.frequencies = array::numbers(&mut b.xml, &child)?;
            }
            "NumericInfo" => {
                child.only(&b.xml, NUMERIC_INFO)?;
                stats.mean = child.number(&b.xml, "mean")?;
                while let Some(quantile) = b.xml.child(&child)? {
                    b.xml.named(&quantile, &child, "Quantile")?;
                    b.xml.skip(&quantile)?;
                }
            }
            "ContStats" => stats.of_intervals(b, &child)?,
            // Totals, and sums of the values of each.
            "Counts" | "Array" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(stats)
}

impl Document {
    fn resolve<'a>(
        self,
        b: &mut Build<'a>,
        fields: &[Field],
        centred: bool,
        element: &Element<'a>,
    ) -> Result<Cluster, Problem> {
        let (mut centre, mut shares) = (Vec::new(), Vec::new());
        let wrong = |b: &Build<'a>, what: String| b.xml.malformed(element.place, what);
        if centred {
            if self.centre.len() != fields.len() {
                return Err(wrong(b, "each cluster needs one number for each clustering field".to_owned()));
            }
            for (field, text) in fields.iter().zip(&self.centre) {
                let number = crate::value::number(text);
                let value = match &field.order {
                    Some(order) if number.is_none() => {
                        let dtype = b.slots[field.slot as usize].dtype;
                        let value = b.constant(text, dtype, element.place)?;
                        order.iter().position(|other| *other == value).map(|place| place as f64)
                    }
                    _ => number,
                };
                let what =
                    || format!("{text:?} is no value of field {:?} in the centre of a cluster", field.name);
                centre.push(value.ok_or_else(|| wrong(b, what()))?);
            }
        } else {
            for field in fields {
                let stats = self.partition.iter().find(|stats| stats.field == field.name);
                let of_field = stats.map(|stats| stats.shares(field)).unwrap_or_default();
                if of_field.is_empty() {
                    let what = format!("a cluster says nothing of how field {:?} is distributed", field.name);
                    return Err(wrong(b, what));
                }
                shares.push(of_field);
            }
        }
        Ok(Cluster { id: self.id, name: self.name, centre, shares })
    }
}

impl FieldStats {
    /// `<ContStats>`: intervals, how often a number lay in each, and sums of the numbers.
    fn of_intervals<'a>(&mut self, b: &mut Build<'a>, element: &Element<'a>) -> Result<(), Problem> {
        element.only(&b.xml, &["totalValuesSum", "totalSquaresSum"])?;
        while let Some(part) = b.xml.child(element)? {
            match part.name.as_ref() {
                "Interval" => self.intervals.push(Interval::read(&mut b.xml, &part, DataType::Double)?),
                "Array" if self.frequencies.is_empty() => {
                    self.frequencies = array::numbers(&mut b.xml, &part)?;
                }
                "Array" => b.xml.skip(&part)?,
                _ => return Err(b.xml.unknown(&part, element)),
            }
        }
        Ok(())
    }

    /// Values, or middles of intervals, with their shares; a number without intervals is its mean.
    fn shares(&self, field: &Field) -> Vec<(f64, f64)> {
        let total: f64 = self.frequencies.iter().sum();
        let middles = self.intervals.iter().map(Interval::middle);
        let values: Option<Vec<f64>> = match &field.order {
            Some(order) => Some((0..order.len()).map(|place| place as f64).collect()),
            None => middles.collect(),
        };
        match values {
            Some(values) if !values.is_empty() && values.len() == self.frequencies.len() && total > 0.0 => {
                values.into_iter().zip(self.frequencies.iter().map(|n| n / total)).collect()
            }
            _ if field.order.is_none() => self.mean.map(|mean| (mean, 1.0)).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

impl Clustering {
    /// The same over columns, where centres of numbers are compared by their differences.
    fn columns(&self) -> Option<Centres> {
        let numbers = !self.slots.is_empty() && self.orders.iter().all(Option::is_none);
        let centred = self.clusters.iter().all(|cluster| cluster.shares.is_empty());
        let centres = self.clusters.iter().flat_map(|cluster| cluster.centre.iter().copied()).collect();
        let weights = self.measure.weights_of_differences(&self.parts).filter(|_| numbers && centred)?;
        Some(Centres::new(&self.slots, weights, centres, self.measure.clone()))
    }

    fn answer(&self, at: usize, answer: &mut Answer) {
        (answer.value, answer.entity) = (self.clusters[at].id, self.clusters[at].id);
        answer.display = self.clusters[at].name;
    }
}

impl Body for Clustering {
    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        let mut places = std::mem::take(&mut cx.w.places);
        nearest(&ready.values, rows, self.measure.distance, &mut places, &mut answers.nearest);
        // What is no number is nearer or farther than nothing.
        for (covered, row) in cx.w.covered.iter_mut().zip(0..rows) {
            *covered &= !ready.values[row..].iter().step_by(rows).any(|affinity| affinity.is_nan());
        }
        for cells in [&mut answers.value, &mut answers.entity] {
            let ids = cells.values(rows).iter_mut().zip(&places);
            ids.for_each(|(id, place)| *id = self.clusters[*place as usize].id);
        }
        answers.affinities.clear();
        answers.affinities.extend_from_slice(&ready.values);
        answers.entities.extend(self.clusters.iter().map(|cluster| [cluster.id, cluster.name]));
        cx.w.places = places;
        cx.give_back(self.block, ready);
        true
    }

    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let mut x = Vec::with_capacity(self.slots.len());
        for (slot, order) in self.slots.iter().zip(&self.orders) {
            let value = cx.get(*slot)?;
            x.push(match order {
                Some(order) if !value.is_missing() => {
                    // A value that is not among them is like none of them.
                    Some(order.iter().position(|other| *other == value).map_or(-1.0, |place| place as f64))
                }
                _ => value.num(),
            });
        }
        if x.iter().all(Option::is_none) {
            return Ok(());
        }
        let all: f64 = self.missing_weights.iter().sum();
        let present: f64 =
            self.missing_weights.iter().zip(&x).filter(|(_, x)| x.is_some()).map(|(w, _)| w).sum();
        let adjust = if present == all { 1.0 } else { all / present };
        answer.nearest_first = self.measure.distance;
        let mut best: Option<(usize, f64)> = None;
        for (at, cluster) in self.clusters.iter().enumerate() {
            let affinity = match cluster.shares.is_empty() {
                true => self.measure.between(&self.parts, &x, &cluster.centre, adjust),
                false => self.measure.among(&self.parts, &x, &cluster.shares, adjust),
            };
            answer.ranked.push(Ranked { entity: cluster.id, name: cluster.name, affinity });
            // Nothing compares with it: it is neither near nor far.
            if affinity.is_nan() {
                continue;
            }
            let nearer = |other: f64| if self.measure.distance { affinity < other } else { affinity > other };
            if best.is_none_or(|(_, other)| nearer(other)) {
                best = Some((at, affinity));
            }
        }
        if let Some((at, _)) = best {
            self.answer(at, answer);
        }
        Ok(())
    }
}
