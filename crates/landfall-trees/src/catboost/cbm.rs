//! `.cbm`: the letters CBM1, the size of a FlatBuffer and the buffer, then parts that it names: the tables of statistics.
//!
//! Format: `model.fbs`, `features.fbs` and `ctr_data.fbs` of the library's sources.

use super::flatbuffer::{FlatBuffer, Table};
use super::info::Info;
use super::raw::{
    CategoryFeature, Counts, Ctr, CtrBase, CtrKind, CtrTable, FloatFeature, OneHot, Projection, RawModel,
    RawNode, RawTree, Shape, refused_features,
};
use crate::document::wrong;
use landfall_model::Problem;
use landfall_model::reader::Reader;
use std::borrow::Cow;

/// What a file begins with.
pub(crate) const MAGIC: &[u8] = b"CBM1";

/// The only part that is read: tables of statistics.
const CTR_PART: &[u8] = b"static_provider_v1";

/// Reads a model.
///
/// # Errors
/// Malformed with the offset, invalid argument naming tree or feature, unimplemented for text and embeddings.
pub(crate) fn read<'a>(file: &'a str, bytes: &'a [u8]) -> Result<RawModel<'a>, Problem> {
    let mut reader = Reader::new(file, bytes);
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(reader.malformed("the file does not begin with CBM1"));
    }
    let size = size(&mut reader)?;
    let buffer = FlatBuffer::new(reader.part(size)?);
    // The reader's own problems name the file and the offset, those of what it read do not.
    let here = |problem: Problem| problem.at(file);
    let (mut model, parts) = core(&buffer).map_err(here)?;
    for _ in 0..parts {
        let tables = u32::from_le_bytes(reader.array()?);
        for number in 0..tables {
            let size = self::size(&mut reader)?;
            let buffer = FlatBuffer::new(reader.part(size)?);
            let table = buffer.root().and_then(|table| ctr_table(&table));
            let table = table.map_err(|problem| here(problem.at(format!("table of statistics {number}"))));
            model.tables.push(table?);
        }
    }
    reader.finish()?;
    Ok(model)
}

/// The model but for its tables of statistics, and how many lists of those follow.
fn core<'a>(buffer: &FlatBuffer<'a>) -> Result<(RawModel<'a>, usize), Problem> {
    let core = buffer.root()?;
    let trees = core.table(1)?.ok_or_else(|| wrong("the file holds no trees"))?;
    let mut model = features(&trees)?;
    for pair in core.tables(2)? {
        let key = String::from_utf8_lossy(pair.text(0)?).into_owned();
        model.info.take_text(&key, pair.text(1)?)?;
    }
    read_trees(&trees, &mut model)?;
    let parts = core.texts(3)?;
    if let Some(part) = parts.iter().find(|part| **part != CTR_PART) {
        let what = format!("the model's part {:?}", String::from_utf8_lossy(part));
        return Err(Problem::unsupported(what, "a model of numbers and categories"));
    }
    Ok((model, parts.len()))
}

/// A size: 32 bits, or all of them set and then 64.
fn size(reader: &mut Reader<'_>) -> Result<usize, Problem> {
    match u32::from_le_bytes(reader.array()?) {
        u32::MAX => {
            let size = u64::from_le_bytes(reader.array()?);
            usize::try_from(size).map_err(|_| reader.malformed(format!("a size of {size} bytes")))
        }
        size => Ok(size as usize),
    }
}

/// A number that counts from 0 on.
fn place(number: i32, what: &str) -> Result<usize, Problem> {
    usize::try_from(number).map_err(|_| wrong(format!("{what} is {number}")))
}

fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn features<'a>(trees: &Table<'_, 'a>) -> Result<RawModel<'a>, Problem> {
    for (slot, kind) in [(12, "text features"), (18, "embedding features"), (13, "estimated features")] {
        if !trees.elements(slot, 4)?.is_empty() {
            // Where features are no longer what is expected, they are refused without their names.
            let names =
                trees.tables(slot).and_then(|all| all.iter().map(|one| one.text(2).map(name)).collect());
            return Err(refused_features(kind, names.unwrap_or_default()));
        }
    }
    let dimension = place(trees.i32(0, 0)?, "the number of sums")?;
    let bias = trees.f64s(16)?;
    let bias = if bias.is_empty() { vec![trees.f64(15, 0.0)?] } else { bias };
    Ok(RawModel {
        dimension,
        floats: each(trees, 5, "number", float_feature)?,
        categories: each(trees, 4, "category", |table| {
            Ok(CategoryFeature {
                index: place(table.i32(0, -1)?, "index")?,
                flat: place(table.i32(1, -1)?, "index among all features")?,
                name: name(table.text(2)?),
            })
        })?,
        one_hots: each(trees, 6, "one-hot feature", |table| {
            let values = table.u32s(1)?;
            Ok(OneHot { category: place(table.i32(0, -1)?, "index")?, values })
        })?,
        ctrs: each(trees, 7, "statistic", ctr)?,
        tables: Vec::new(),
        trees: Vec::new(),
        levels: Vec::new(),
        values: trees.f64s_in_place(8)?,
        weights: trees.f64s_in_place(9)?,
        scale: trees.f64(14, 1.0)?,
        bias,
        info: Info::default(),
    })
}

/// The tables of a list, each read.
fn each<T>(
    trees: &Table<'_, '_>,
    slot: usize,
    what: &str,
    read: impl Fn(&Table<'_, '_>) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let tables = trees.tables(slot)?;
    let one =
        |(number, table)| read(table).map_err(|problem: Problem| problem.at(format!("{what} {number}")));
    tables.iter().enumerate().map(one).collect()
}

fn float_feature(table: &Table<'_, '_>) -> Result<FloatFeature, Problem> {
    Ok(FloatFeature {
        index: place(table.i32(1, -1)?, "index")?,
        flat: place(table.i32(2, -1)?, "index among all features")?,
        borders: table.f32s(3)?,
        nan_as: match table.byte(5, 0)? {
            1 => f32::NEG_INFINITY,
            2 => f32::INFINITY,
            _ => f32::NAN,
        },
        name: name(table.text(4)?),
    })
}

fn ctr(table: &Table<'_, '_>) -> Result<Ctr, Problem> {
    let ctr = table.table(0)?.ok_or_else(|| wrong("no statistic"))?;
    let base = ctr.table(0)?.ok_or_else(|| wrong("no projection"))?;
    Ok(Ctr {
        base: ctr_base(&base)?,
        target_border: place(ctr.i32(1, 0)?, "border of the target")?,
        prior_numerator: ctr.f32(2, 0.0)?,
        prior_denominator: ctr.f32(3, 1.0)?,
        shift: ctr.f32(4, 0.0)?,
        scale: ctr.f32(5, 1.0)?,
        borders: table.f32s(1)?,
    })
}

fn ctr_base(table: &Table<'_, '_>) -> Result<CtrBase, Problem> {
    let combination = table.table(0)?.ok_or_else(|| wrong("no combination of features"))?;
    let kind = table.byte(1, 0)?;
    let kind =
        CtrKind::ALL.get(usize::from(kind)).ok_or_else(|| wrong(format!("kind of statistic {kind}")))?.1;
    let categories = combination.i32s(0)?.into_iter().map(|index| place(index, "category"));
    // Pairs of an index and four bytes.
    let pairs = |slot: usize| -> Result<Vec<(usize, u32)>, Problem> {
        let numbers = combination.elements(slot, 8)?.chunks_exact(8).map(|pair| {
            let half = |at: usize| {
                let mut array = [0; 4];
                array.copy_from_slice(&pair[at..at + 4]);
                u32::from_le_bytes(array)
            };
            Ok((place(half(0).cast_signed(), "index")?, half(4)))
        });
        numbers.collect()
    };
    let projection = Projection {
        categories: categories.collect::<Result<_, _>>()?,
        floats: pairs(1)?,
        one_hots: pairs(2)?,
    };
    Ok(CtrBase { projection, kind, classifier: table.i32(2, 0)? })
}

fn ctr_table(table: &Table<'_, '_>) -> Result<CtrTable, Problem> {
    let base = ctr_base(&table.table(0)?.ok_or_else(|| wrong("no projection"))?)?;
    let bucket = |bytes: &[u8]| {
        let (mut key, mut place) = ([0; 8], [0; 4]);
        key.copy_from_slice(&bytes[..8]);
        place.copy_from_slice(&bytes[8..]);
        (u64::from_le_bytes(key), u32::from_le_bytes(place))
    };
    let buckets = table.elements(1, 1)?.chunks_exact(12).map(bucket);
    let keys = buckets.filter(|(key, _)| *key != u64::MAX).collect();
    let blob = table.elements(2, 1)?;
    let denominator = table.i32(3, 0)?;
    let words = |bytes: &[u8]| {
        let mut array = [0; 4];
        array.copy_from_slice(bytes);
        u32::from_le_bytes(array)
    };
    let counts = match base.kind {
        CtrKind::BinarizedTargetMeanValue | CtrKind::FloatTargetMeanValue => {
            let mean = |bytes: &[u8]| (f32::from_bits(words(&bytes[..4])), words(&bytes[4..]).cast_signed());
            Counts::Means(blob.chunks_exact(8).map(mean).collect())
        }
        CtrKind::Counter | CtrKind::FeatureFreq => Counts::Classes {
            counts: blob.chunks_exact(4).map(|bytes| words(bytes).cast_signed()).collect(),
            classes: 1,
        },
        CtrKind::Borders | CtrKind::Buckets => Counts::Classes {
            counts: blob.chunks_exact(4).map(|bytes| words(bytes).cast_signed()).collect(),
            classes: place(table.i32(4, 0)?, "the number of classes")?,
        },
    };
    Ok(CtrTable { base, keys, counts, denominator })
}

/// The lists that all trees share.
struct Lists {
    splits: Vec<u32>,
    steps: Vec<[u16; 2]>,
    leaves: Vec<u32>,
    /// Leaves that there are values for, and of how many each.
    valued: usize,
    dimension: usize,
}

fn read_trees(table: &Table<'_, '_>, model: &mut RawModel<'_>) -> Result<(), Problem> {
    let (dimension, values) = (model.dimension, model.values.len());
    if dimension == 0 || !values.is_multiple_of(dimension) {
        return Err(wrong(format!("{values} values of leaves for {dimension} sums")));
    }
    let valued = values / dimension;
    if model.weights.len() != valued {
        model.weights = Cow::Borrowed(&[]);
    }
    let step =
        |bytes: &[u8]| [u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]])];
    let lists = Lists {
        splits: table.u32s(1)?,
        steps: table.elements(10, 4)?.chunks_exact(4).map(step).collect(),
        leaves: table.u32s(11)?,
        valued,
        dimension,
    };
    let sizes = table.i32s(2)?;
    let is_nested = !lists.steps.is_empty();
    if is_nested && (lists.steps.len() != lists.splits.len() || lists.leaves.len() != lists.splits.len()) {
        let (splits, steps) = (lists.splits.len(), lists.steps.len());
        return Err(wrong(format!("{splits} splits, {steps} steps, {} leaves of nodes", lists.leaves.len())));
    }
    let (mut first, mut first_leaf) = (0usize, 0usize);
    for (number, &size) in sizes.iter().enumerate() {
        let here = |problem: Problem| problem.at(format!("tree {number}"));
        let size = place(size, "the tree's size").map_err(here)?;
        let end = first.checked_add(size).filter(|&end| end <= lists.splits.len());
        let end = end.ok_or_else(|| here(wrong(format!("{size} splits, {first} of all are before it"))))?;
        let tree =
            if is_nested { lists.nested(first, end) } else { lists.oblivious(first, end, &mut first_leaf) };
        model.trees.push(tree.map_err(here)?);
        first = end;
    }
    if first != lists.splits.len() {
        return Err(wrong(format!("{} splits, the trees have {first}", lists.splits.len())));
    }
    if !is_nested {
        model.levels = lists.splits;
    }
    Ok(())
}

impl Lists {
    /// A tree of the leaves from one on.
    fn with_leaves(&self, shape: Shape, first: usize, count: usize) -> Result<RawTree, Problem> {
        let end = first.checked_add(count).filter(|&end| end <= self.valued);
        let end = end.ok_or_else(|| wrong(format!("{count} leaves, {first} of all are before it")))?;
        Ok(RawTree { shape, leaves: first..end })
    }

    fn oblivious(&self, first: usize, end: usize, first_leaf: &mut usize) -> Result<RawTree, Problem> {
        let leaves = 1usize.checked_shl((end - first) as u32);
        let leaves = leaves.ok_or_else(|| wrong(format!("{} levels", end - first)))?;
        let tree = self.with_leaves(Shape::Oblivious(first..end), *first_leaf, leaves)?;
        *first_leaf += leaves;
        Ok(tree)
    }

    fn nested(&self, first: usize, end: usize) -> Result<RawTree, Problem> {
        // Numbers of leaves are those of their values in the list of all trees.
        let leaf = |node: usize| match self.leaves[node] {
            u32::MAX => Err(wrong(format!("node {}: no leaf", node - first))),
            value => Ok(value as usize / self.dimension),
        };
        let is_leaf = |node: usize| self.steps[node].contains(&0);
        let leaves = (first..end).filter(|&node| is_leaf(node)).map(leaf).collect::<Result<Vec<_>, _>>()?;
        let first_leaf = leaves.iter().copied().min().ok_or_else(|| wrong("no leaves"))?;
        let last_leaf = leaves.iter().copied().max().unwrap_or(first_leaf);
        if last_leaf - first_leaf >= leaves.len() {
            return Err(wrong(format!("leaves {first_leaf} to {last_leaf} of {} nodes", leaves.len())));
        }
        let mut nodes = Vec::with_capacity(end - first);
        let mut further = Vec::new();
        for node in first..end {
            let [left, right] = self.steps[node].map(u32::from);
            let own = if is_leaf(node) { (leaf(node)? - first_leaf) as u32 } else { 0 };
            if left == 0 && right == 0 {
                nodes.push(RawNode::Leaf(own));
                continue;
            }
            let here = (node - first) as u32;
            let mut child = |step: u32| {
                if step == 0 {
                    further.push(RawNode::Leaf(own));
                    (end - first + further.len() - 1) as u32
                } else {
                    here + step
                }
            };
            let (left, right) = (child(left), child(right));
            nodes.push(RawNode::Split { split: self.splits[node] as usize, left, right });
        }
        nodes.append(&mut further);
        self.with_leaves(Shape::Nested(nodes), first_leaf, last_leaf - first_leaf + 1)
    }
}
