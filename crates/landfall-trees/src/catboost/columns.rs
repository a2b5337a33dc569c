//! What trees look at beyond the numbers of a row: whether a category has a value, and statistics of the target by
//! category. Each is a column of its own behind the features, so that every split is a border of a column.

use super::hash;
use super::raw::{
    CategoryFeature, Counts, Ctr, CtrBase, CtrKind, CtrTable, FloatFeature, Projection, RawModel,
};
use crate::document::wrong;
use crate::features::Derive;
use landfall_model::Problem;
use std::collections::HashMap;

/// What a split asks: whether a column is above a border.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) column: u32,
    pub(crate) border: f32,
    pub(crate) nan_is_above: bool,
}

impl Question {
    fn of_float(feature: &FloatFeature, border: f32) -> Self {
        Question { column: feature.flat as u32, border, nan_is_above: feature.nan_as > border }
    }
}

/// Columns behind the features.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Features, and so the place of the first column behind them.
    features: usize,
    /// Whether a category (by its slot) has a value.
    one_hots: Vec<(usize, u32)>,
    projections: Vec<BoundProjection>,
    statistics: Vec<Statistic>,
    /// Categories of a row.
    categories: usize,
    /// By column, the features included: which player it belongs to.
    players: Vec<u32>,
    /// The features of each player beyond the features themselves.
    combinations: Vec<Vec<u32>>,
}

/// What a key is made of, by places in a row.
#[derive(Debug, Default)]
struct BoundProjection {
    categories: Vec<usize>,
    floats: Vec<Question>,
    one_hots: Vec<(usize, u32)>,
}

/// A column of statistics.
#[derive(Debug)]
struct Statistic {
    projection: usize,
    lookup: Lookup,
    /// By the key's place; the last one is for keys that are not known.
    values: Vec<f32>,
}

/// Places by key: open addressing, linear probing, at most half full.
#[derive(Clone, Debug, Default)]
struct Lookup {
    slots: Vec<Option<(u64, u32)>>,
}

impl Lookup {
    fn new(keys: &[(u64, u32)]) -> Self {
        let mut lookup = Lookup { slots: vec![None; (2 * keys.len()).next_power_of_two()] };
        for &(key, place) in keys {
            let slot = lookup.slot(key);
            // Of a key that comes twice the first one is found.
            lookup.slots[slot].get_or_insert((key, place));
        }
        lookup
    }

    fn slot(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.slots[slot].is_some_and(|(other, _)| other != key) {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn get(&self, key: u64) -> Option<usize> {
        self.slots[self.slot(key)].map(|(_, place)| place as usize)
    }
}

/// Where features lie in a row.
struct Places<'m> {
    floats: HashMap<usize, &'m FloatFeature>,
    /// Slots among the categories of a row, by the categories' own numbers.
    categories: HashMap<usize, usize>,
}

impl Places<'_> {
    fn category(&self, index: usize) -> Result<usize, Problem> {
        self.categories.get(&index).copied().ok_or_else(|| wrong(format!("category {index} is not there")))
    }

    fn float(&self, index: usize, border: f32) -> Result<Question, Problem> {
        let feature = self.floats.get(&index).ok_or_else(|| wrong(format!("number {index} is not there")))?;
        Ok(Question::of_float(feature, border))
    }

    fn bind(&self, projection: &Projection) -> Result<BoundProjection, Problem> {
        let one_hot = |&(index, value): &(usize, u32)| Ok((self.category(index)?, value));
        let float = |&(index, border): &(usize, u32)| self.float(index, f32::from_bits(border));
        Ok(BoundProjection {
            categories: projection
                .categories
                .iter()
                .map(|&index| self.category(index))
                .collect::<Result<_, _>>()?,
            floats: projection.floats.iter().map(float).collect::<Result<_, Problem>>()?,
            one_hots: projection.one_hots.iter().map(one_hot).collect::<Result<_, Problem>>()?,
        })
    }
}

impl Columns {
    /// The columns of a model of `features` features, and what each of its splits asks.
    ///
    /// # Errors
    /// Invalid argument, naming what is not there.
    pub(crate) fn new(model: &RawModel<'_>, features: usize) -> Result<(Self, Vec<Question>), Problem> {
        let slots = model.categories.iter().zip(0..);
        let places = Places {
            floats: model.floats.iter().map(|feature| (feature.index, feature)).collect(),
            categories: slots.map(|(category, slot)| (category.index, slot)).collect(),
        };
        let mut columns = Columns {
            features,
            one_hots: Vec::new(),
            projections: Vec::new(),
            statistics: Vec::new(),
            categories: model.categories.len(),
            players: (0..features as u32).collect(),
            combinations: Vec::new(),
        };
        let mut questions = Vec::new();
        for feature in &model.floats {
            questions.extend(feature.borders.iter().map(|&border| Question::of_float(feature, border)));
        }
        for one_hot in &model.one_hots {
            let slot = places.category(one_hot.category)?;
            for &value in &one_hot.values {
                columns.one_hots.push((slot, value));
                let column = columns.add_player(&[slot], &model.categories);
                questions.push(Question { column, border: 0.5, nan_is_above: false });
            }
        }
        columns.add_statistics(model, &places, &mut questions)?;
        Ok((columns, questions))
    }

    fn add_statistics(
        &mut self,
        model: &RawModel<'_>,
        places: &Places<'_>,
        questions: &mut Vec<Question>,
    ) -> Result<(), Problem> {
        let tables: HashMap<&CtrBase, &CtrTable> =
            model.tables.iter().map(|table| (&table.base, table)).collect();
        let mut known: HashMap<&Projection, usize> = HashMap::new();
        // A table that many statistics shared could make any amount of memory of a small file.
        let mut left = 64 * 1024 + 64 * model.tables.iter().map(|table| table.keys.len()).sum::<usize>();
        for (number, ctr) in model.ctrs.iter().enumerate() {
            let here = |problem: Problem| problem.at(format!("statistic {number}"));
            let table = tables.get(&ctr.base).ok_or_else(|| here(wrong("its table is not there")))?;
            left = left
                .checked_sub(table.keys.len())
                .ok_or_else(|| here(wrong("tables are shared too often")))?;
            let bound = places.bind(&ctr.base.projection).map_err(here)?;
            let cats = bound.categories.clone();
            let projection = *known.entry(&ctr.base.projection).or_insert_with(|| {
                self.projections.push(bound);
                self.projections.len() - 1
            });
            let values = values(ctr, table).map_err(here)?;
            let places_of = table.keys.iter().zip(0..).map(|(&(key, _), place)| (key, place));
            let lookup = Lookup::new(&places_of.collect::<Vec<_>>());
            self.statistics.push(Statistic { projection, lookup, values });
            let column = self.add_player(&cats, &model.categories);
            let question = |&border: &f32| Question { column, border, nan_is_above: false };
            questions.extend(ctr.borders.iter().map(question));
        }
        Ok(())
    }

    /// Adds a column of the player that some categories make up; gives its place.
    fn add_player(&mut self, slots: &[usize], categories: &[CategoryFeature]) -> u32 {
        let mut features: Vec<u32> = slots.iter().map(|&slot| categories[slot].flat as u32).collect();
        features.sort_unstable();
        features.dedup();
        let player = match features[..] {
            [feature] => feature,
            _ => {
                let known = self.combinations.iter().position(|combination| *combination == features);
                let place = known.unwrap_or_else(|| {
                    self.combinations.push(features);
                    self.combinations.len() - 1
                });
                (self.features + place) as u32
            }
        };
        self.players.push(player);
        (self.players.len() - 1) as u32
    }

    /// By column: its player; and how many players there are.
    pub(crate) fn players(&self) -> (Vec<u32>, usize) {
        (self.players.clone(), self.features + self.combinations.len())
    }
}

/// The statistic of each key, and of one that is not known.
fn values(ctr: &Ctr, table: &CtrTable) -> Result<Vec<f32>, Problem> {
    let value = |good: f32, total: f32| {
        let ratio = (good + ctr.prior_numerator) / (total + ctr.prior_denominator);
        (ratio + ctr.shift) * ctr.scale
    };
    let counter = matches!(ctr.base.kind, CtrKind::Counter | CtrKind::FeatureFreq);
    let one = |&(_, place): &(u64, u32)| -> Result<f32, Problem> {
        let beyond = || wrong(format!("a key leads to place {place}, which is not there"));
        let place = place as usize;
        match &table.counts {
            Counts::Means(means) => {
                means.get(place).map(|&(sum, count)| value(sum, count as f32)).ok_or_else(beyond)
            }
            Counts::Classes { counts, classes } => {
                let start = place.checked_mul(*classes).ok_or_else(beyond)?;
                let counts = counts.get(start..start.saturating_add(*classes)).ok_or_else(beyond)?;
                let (good, total) = if counter {
                    (counts.first().copied().unwrap_or(0), table.denominator)
                } else {
                    (good(ctr, counts)?, counts.iter().fold(0i32, |sum, &count| sum.wrapping_add(count)))
                };
                Ok(value(good as f32, total as f32))
            }
        }
    };
    let mut values = table.keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    values.push(value(0.0, if counter { table.denominator as f32 } else { 0.0 }));
    Ok(values)
}

/// The rows that count, of the rows by class.
fn good(ctr: &Ctr, counts: &[i32]) -> Result<i32, Problem> {
    let add = |counts: &[i32]| counts.iter().fold(0i32, |sum, &count| sum.wrapping_add(count));
    let found = match ctr.base.kind {
        CtrKind::Buckets => counts.get(ctr.target_border).copied(),
        // Of two classes the second one counts, whatever the border.
        _ if counts.len() == 2 => Some(counts[1]),
        _ => counts.get(ctr.target_border + 1..).map(add),
    };
    found.ok_or_else(|| wrong(format!("border {} of {} classes", ctr.target_border, counts.len())))
}

impl Derive<f32> for Columns {
    fn columns(&self) -> usize {
        self.players.len() - self.features
    }

    fn categories(&self) -> usize {
        self.categories
    }

    fn category(&self, text: &[u8]) -> u32 {
        hash::category(text)
    }

    fn fill(&self, row: &mut [f32], categories: &[u32]) {
        let (numbers, derived) = row.split_at_mut(self.features);
        let is = |&(slot, value): &(usize, u32)| categories[slot] == value;
        for (column, one_hot) in derived.iter_mut().zip(&self.one_hots) {
            *column = if is(one_hot) { 1.0 } else { 0.0 };
        }
        let mut last = None;
        for (column, statistic) in derived[self.one_hots.len()..].iter_mut().zip(&self.statistics) {
            let key = match last {
                Some((projection, key)) if projection == statistic.projection => key,
                _ => self.projections[statistic.projection].key(numbers, categories, is),
            };
            last = Some((statistic.projection, key));
            let place = statistic.lookup.get(key).unwrap_or(statistic.values.len() - 1);
            *column = statistic.values[place];
        }
    }

    fn share(&self, players: &[f64], features: &mut [f64]) {
        let (own, combined) = players.split_at(self.features);
        features.copy_from_slice(own);
        for (value, combination) in combined.iter().zip(&self.combinations) {
            for &feature in combination {
                features[feature as usize] += value / combination.len() as f64;
            }
        }
    }

    fn players(&self) -> usize {
        self.features + self.combinations.len()
    }

    fn memory_bytes(&self) -> usize {
        let statistic = |statistic: &Statistic| {
            statistic.values.len() * size_of::<f32>()
                + statistic.lookup.slots.len() * size_of::<Option<(u64, u32)>>()
        };
        self.statistics.iter().map(statistic).sum::<usize>() + self.players.len() * size_of::<u32>()
    }
}

impl BoundProjection {
    /// The key of a row: categories, then answers.
    fn key(&self, numbers: &[f32], categories: &[u32], is: impl Fn(&(usize, u32)) -> bool) -> u64 {
        let mut key = 0;
        for &slot in &self.categories {
            key = hash::mix(key, hash::element(categories[slot]));
        }
        for question in &self.floats {
            let x = numbers[question.column as usize];
            let above = if x.is_nan() { question.nan_is_above } else { x > question.border };
            key = hash::mix(key, u64::from(above));
        }
        for one_hot in &self.one_hots {
            key = hash::mix(key, u64::from(is(one_hot)));
        }
        key
    }
}
