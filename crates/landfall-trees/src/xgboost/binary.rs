//! The binary form that XGBoost wrote before 3.0, from 0.90 on: C structures as they lay in memory, little-endian.
//!
//! Layout: `LearnerModelParamLegacy`, `GBTreeModelParam`, `TreeParam`, `RegTree::Node`, `RTreeNodeStat` and
//! `GBLinearModelParam` of the library's sources.

use super::learner::{Booster, Learner, Source, Trees};
use super::tree::RawTree;
use landfall_model::Problem;
use landfall_model::reader::Reader;

/// What may stand in front.
const MAGIC: &[u8] = b"binf";
/// Bytes of `LearnerModelParamLegacy`.
const LEARNER_BYTES: usize = 136;
/// Bytes of `GBTreeModelParam`.
const GBTREE_BYTES: usize = 160;
/// Bytes of `TreeParam`.
const TREE_BYTES: usize = 148;
/// Bytes of `RegTree::Node`, and of `RTreeNodeStat` behind all nodes.
const NODE_BYTES: usize = 20;
const STAT_BYTES: usize = 16;
/// Bytes of `GBLinearModelParam`.
const GBLINEAR_BYTES: usize = 136;
/// Longest name of an objective or booster.
const MAX_NAME: usize = 100;

/// Whether a file's first bytes are this form's: a name like an objective's stands where one has to.
pub(crate) fn looks_like_binary(head: &[u8]) -> bool {
    let mut reader = Reader::new("", head.strip_prefix(MAGIC).unwrap_or(head));
    let mut objective = || {
        reader.take(LEARNER_BYTES)?;
        name(&mut reader)
    };
    let mark = |byte: u8| byte.is_ascii_lowercase() || b":_".contains(&byte);
    objective().is_ok_and(|name| name.len() > 3 && name.bytes().all(mark) && name.contains(':'))
}

/// Reads a model.
///
/// # Errors
/// Malformed, with the offset.
pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Learner<'static>, Problem> {
    let mut reader = Reader::new(file, bytes);
    if bytes.starts_with(MAGIC) {
        reader.take(MAGIC.len())?;
    }
    let mut head = reader.part(LEARNER_BYTES)?;
    let base_score = f32_of(&mut head)?;
    let num_feature = u32_of(&mut head)? as usize;
    let num_class = count(&mut head, "num_class")?;
    let has_attributes = i32_of(&mut head)? != 0;
    let has_metrics = i32_of(&mut head)? != 0;
    let (major, minor) = (u32_of(&mut head)?, u32_of(&mut head)?);
    let num_target = u32_of(&mut head)? as usize;
    let objective = name(&mut reader)?.to_owned();
    let booster_name = name(&mut reader)?.to_owned();
    let booster = match booster_name.as_str() {
        "gbtree" => Booster::Trees(trees(&mut reader, &booster_name, major)?),
        "dart" => {
            let mut trees = trees(&mut reader, &booster_name, major)?;
            // Without a tree there are no weights, not even their count.
            let weights = if trees.source.len() == 0 { Vec::new() } else { floats(&mut reader)? };
            trees.weights = Some(weights);
            Booster::Trees(trees)
        }
        "gblinear" => {
            reader.take(GBLINEAR_BYTES)?;
            Booster::Linear(floats(&mut reader)?)
        }
        _ => return Err(reader.malformed(format!("unknown booster {booster_name:?}"))),
    };
    let best_iteration =
        rest(&mut reader, has_attributes, has_metrics, major == 0 && objective == "count:poisson")?;
    reader.finish()?;
    Ok(Learner {
        version: [major, minor, 0],
        objective,
        base_scores: vec![base_score],
        base_is_margin: major == 0,
        base_is_placeholder: false,
        base_is_bounded: false,
        num_class,
        num_target,
        num_feature,
        booster,
        feature_names: Vec::new(),
        categories: Vec::new(),
        best_iteration,
    })
}

fn trees(reader: &mut Reader<'_>, name: &str, major: u32) -> Result<Trees<'static>, Problem> {
    let mut head = reader.part(GBTREE_BYTES)?;
    let count = count(&mut head, "num_trees")?;
    let parallel = i32_of(&mut head)?;
    let mut trees = Vec::new();
    for number in 0..count {
        trees.push(tree(reader).map_err(|problem| problem.at(format!("tree {number}")))?);
    }
    let mut groups = Vec::new();
    for _ in 0..count {
        groups.push(self::count(reader, "tree_info")?);
    }
    // Before 1.0 the field meant another thing; trees of one round stand together by group.
    let parallel = if major > 0 {
        usize::try_from(parallel).unwrap_or(0)
    } else if groups.iter().any(|&group| group > 0) {
        groups.iter().take_while(|&&group| group == groups[0]).count()
    } else {
        1
    };
    let (name, rounds, weights) = (name.to_owned(), Vec::new(), None);
    let (source, parallel, later_weights) = (Source::Read(trees), parallel.max(1), Vec::new());
    Ok(Trees { name, source, groups, rounds, parallel, weights, later_weights })
}

fn tree(reader: &mut Reader<'_>) -> Result<RawTree, Problem> {
    let mut head = reader.part(TREE_BYTES)?;
    i32_of(&mut head)?;
    let count = count(&mut head, "num_nodes")?;
    let [_, _, _, width] = [i32_of(&mut head)?, i32_of(&mut head)?, i32_of(&mut head)?, i32_of(&mut head)?];
    if width > 1 {
        return Err(Problem::unsupported(
            "a vector of values in each leaf, in the binary form,",
            "save as .json or .ubj",
        ));
    }
    let lengths = [NODE_BYTES, STAT_BYTES].map(|bytes| count.saturating_mul(bytes));
    let (mut nodes, mut stats) = (reader.part(lengths[0])?, reader.part(lengths[1])?);
    let mut tree = RawTree::default();
    for _ in 0..count {
        i32_of(&mut nodes)?;
        tree.left.push(i32_of(&mut nodes)?);
        tree.right.push(i32_of(&mut nodes)?);
        let feature = u32_of(&mut nodes)?;
        tree.features.push(feature & 0x7fff_ffff);
        tree.default_left.push(feature >> 31 == 1);
        tree.conditions.push(f32_of(&mut nodes)?);
        let [gain, hessian, _] = [f32_of(&mut stats)?, f32_of(&mut stats)?, f32_of(&mut stats)?];
        tree.hessians.push(hessian);
        tree.gains.push(gain);
        i32_of(&mut stats)?;
    }
    Ok(tree)
}

/// What stands behind the booster: attributes, before 1.0 a parameter of count:poisson, names of metrics.
fn rest(
    reader: &mut Reader<'_>,
    has_attributes: bool,
    has_metrics: bool,
    has_parameter: bool,
) -> Result<Option<String>, Problem> {
    let mut best_iteration = None;
    if has_attributes {
        for _ in 0..u64_of(reader)? {
            let (key, value) = (string(reader)?, string(reader)?);
            if key == b"best_iteration" {
                best_iteration = Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    if has_parameter {
        string(reader)?;
    }
    if has_metrics {
        for _ in 0..u64_of(reader)? {
            string(reader)?;
        }
    }
    Ok(best_iteration)
}

fn floats(reader: &mut Reader<'_>) -> Result<Vec<f32>, Problem> {
    let count = usize::try_from(u64_of(reader)?).unwrap_or(usize::MAX);
    let bytes = reader.take(count.saturating_mul(4))?;
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Problem> {
    let length = u64_of(reader)?;
    reader.take(usize::try_from(length).unwrap_or(usize::MAX))
}

fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Problem> {
    let bytes = string(reader)?;
    let name = std::str::from_utf8(bytes).ok().filter(|name| name.len() <= MAX_NAME);
    name.ok_or_else(|| reader.malformed("a name that is none"))
}

fn count(reader: &mut Reader<'_>, what: &str) -> Result<usize, Problem> {
    let count = i32_of(reader)?;
    usize::try_from(count).map_err(|_| reader.malformed(format!("{what} is {count}")))
}

fn i32_of(reader: &mut Reader<'_>) -> Result<i32, Problem> {
    reader.array().map(i32::from_le_bytes)
}

fn u32_of(reader: &mut Reader<'_>) -> Result<u32, Problem> {
    reader.array().map(u32::from_le_bytes)
}

fn u64_of(reader: &mut Reader<'_>) -> Result<u64, Problem> {
    reader.array().map(u64::from_le_bytes)
}

fn f32_of(reader: &mut Reader<'_>) -> Result<f32, Problem> {
    reader.array().map(f32::from_le_bytes)
}
