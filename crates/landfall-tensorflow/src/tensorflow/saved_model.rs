//! What a SavedModel declares: meta graphs with tags, signatures, assets, and what runs when it is opened.
//!
//! Format: `saved_model.proto`, `meta_graph.proto` and `saver.proto` of `tensorflow/core/protobuf`.

use super::graph::GraphDef;
use super::{constant, shape};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{Dim, Problem, Tensor};
use std::collections::BTreeMap;

/// Lists of operations that TensorFlow 1 runs when the model is opened.
const OPENING: [&str; 2] = ["saved_model_main_op", "legacy_init_op"];

/// A SavedModel.
pub(super) struct SavedModel<'a> {
    pub(super) meta_graphs: Vec<MetaGraph<'a>>,
}

/// One graph with what belongs to it.
#[derive(Default)]
pub(super) struct MetaGraph<'a> {
    pub(super) tags: Vec<&'a str>,
    /// The TensorFlow that wrote it.
    pub(super) version: &'a str,
    pub(super) signatures: BTreeMap<&'a str, SignatureDef<'a>>,
    /// File names under `assets/`.
    pub(super) assets: Vec<&'a str>,
    /// Operations that run when the model is opened, beside `__saved_model_init_op`.
    opening: Vec<&'a str>,
    graph: Vec<Fields<'a>>,
}

/// One signature.
#[derive(Default)]
pub(super) struct SignatureDef<'a> {
    /// The message itself.
    pub(super) message: &'a [u8],
    pub(super) inputs: BTreeMap<&'a str, TensorInfo<'a>>,
    pub(super) outputs: BTreeMap<&'a str, TensorInfo<'a>>,
    pub(super) method: &'a str,
    /// What inputs are that a call leaves out.
    pub(super) defaults: BTreeMap<&'a str, Tensor>,
}

/// A tensor of a signature.
#[derive(Default, Clone)]
pub(super) struct TensorInfo<'a> {
    /// Empty for one that is made of several tensors.
    pub(super) name: &'a str,
    /// The number of its element type.
    pub(super) dtype: i64,
    /// `None` for an unknown rank.
    pub(super) dims: Option<Vec<Dim>>,
}

impl<'a> SavedModel<'a> {
    /// Reads `saved_model.pb`; `file` is for messages.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub(super) fn read(file: &'a str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let (mut meta_graphs, mut fields) = (Vec::new(), Fields::new(file, bytes));
        while let Some((field, value)) = fields.next()? {
            if field == 2 {
                meta_graphs.push(meta_graph(value)?);
            }
        }
        Ok(SavedModel { meta_graphs })
    }

    /// The meta graph with exactly these tags.
    pub(super) fn tagged(&self, tags: &[&str]) -> Option<&MetaGraph<'a>> {
        let same = |graph: &&MetaGraph<'a>| {
            graph.tags.iter().all(|tag| tags.contains(tag)) && tags.iter().all(|tag| graph.tags.contains(tag))
        };
        self.meta_graphs.iter().find(same)
    }
}

impl<'a> MetaGraph<'a> {
    /// Its graph.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub(super) fn graph(&self) -> Result<GraphDef<'a>, Problem> {
        let mut graph = GraphDef::default();
        self.graph.iter().try_for_each(|part| graph.add(part.clone()))?;
        Ok(graph)
    }

    /// Operations that run when the model is opened, the one that restores variables among them.
    pub(super) fn opening(&self) -> impl Iterator<Item = &str> {
        self.opening.iter().copied()
    }

    /// What a run can ask for, and what runs when the model is opened: names of tensors and operations.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        let outputs = self.signatures.values().flat_map(|signature| signature.outputs.values());
        outputs.map(|tensor| tensor.name).chain(self.opening.iter().copied())
    }
}

fn meta_graph<'a>(value: Value<'a>) -> Result<MetaGraph<'a>, Problem> {
    let mut graph = MetaGraph::default();
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => about(value, &mut graph)?,
            2 => graph.graph.push(value.message()?),
            3 => each(value, 3, |value| {
                graph.opening.push(value.text()?);
                Ok(())
            })?,
            4 => {
                if let Some((key, value)) = entry(value)?
                    && OPENING.contains(&key)
                {
                    opening(value, &mut graph)?;
                }
            }
            5 => {
                if let Some((key, value)) = entry(value)? {
                    graph.signatures.insert(key, signature(value)?);
                }
            }
            6 => each(value, 2, |value| {
                graph.assets.push(value.text()?);
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(graph)
}

fn about<'a>(value: Value<'a>, graph: &mut MetaGraph<'a>) -> Result<(), Problem> {
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            4 => graph.tags.push(value.text()?),
            5 => graph.version = value.text()?,
            _ => {}
        }
    }
    Ok(())
}

/// `CollectionDef.node_list.value`.
fn opening<'a>(value: Value<'a>, graph: &mut MetaGraph<'a>) -> Result<(), Problem> {
    each(value, 1, |list| {
        each(list, 1, |name| {
            graph.opening.push(name.text()?);
            Ok(())
        })
    })
}

/// Every value of one field of a message.
fn each<'a>(
    value: Value<'a>,
    wanted: u32,
    mut with: impl FnMut(Value<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        if field == wanted {
            with(value)?;
        }
    }
    Ok(())
}

/// Key and value of a map's entry; `None` where the value is left out, which is then an empty message.
fn entry<'a>(value: Value<'a>) -> Result<Option<(&'a str, Value<'a>)>, Problem> {
    let (mut key, mut held) = ("", None);
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => key = value.text()?,
            2 => held = Some(value),
            _ => {}
        }
    }
    Ok(held.map(|held| (key, held)))
}

fn signature<'a>(value: Value<'a>) -> Result<SignatureDef<'a>, Problem> {
    let mut signature = SignatureDef { message: value.clone().bytes()?, ..SignatureDef::default() };
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 | 2 => {
                let into = if field == 1 { &mut signature.inputs } else { &mut signature.outputs };
                if let Some((key, value)) = entry(value)? {
                    into.insert(key, tensor(value)?);
                }
            }
            3 => signature.method = value.text()?,
            4 => {
                if let Some((key, value)) = entry(value)?
                    && let Some(tensor) = constant::tensor(value)?
                {
                    signature.defaults.insert(key, tensor);
                }
            }
            _ => {}
        }
    }
    Ok(signature)
}

fn tensor<'a>(value: Value<'a>) -> Result<TensorInfo<'a>, Problem> {
    let mut info = TensorInfo::default();
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => info.name = value.text()?,
            2 => info.dtype = value.signed()?,
            3 => info.dims = shape::shape(value)?,
            _ => {}
        }
    }
    Ok(info)
}
