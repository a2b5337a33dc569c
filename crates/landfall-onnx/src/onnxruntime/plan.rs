//! What every run of a model needs, made once.

use super::session::Session;
use crate::interface::{Interface, OutputForm};
use landfall_model::{DType, OutputSpec, Problem};
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What every run needs, made once.
pub(super) struct Plan {
    pub(super) session: Arc<Session>,
    /// Names of inputs by slot, as the C API takes them.
    pub(super) inputs: Vec<CString>,
    /// Outputs by place.
    pub(super) outputs: Vec<OutputPlan>,
    /// Whether outputs had the shapes that are declared, as far as runs have shown.
    pub(super) is_as_declared: AtomicBool,
}

/// How one output is asked for.
pub(super) struct OutputPlan {
    /// What the library calls it; of a part of a sequence, the sequence.
    pub(super) name: CString,
    pub(super) dtype: DType,
    pub(super) form: OutputForm,
    /// Lengths of all axes but rows, where all of them are declared: then room can be made before a run. None for an
    /// output that is an input as it came: the library leaves such room empty.
    pub(super) row_shape: Option<Vec<usize>>,
    pub(super) classes: Vec<String>,
}

impl Plan {
    pub(super) fn of(session: Arc<Session>, interface: &Interface) -> Result<Self, Problem> {
        let signature = &interface.signature;
        let c_name = |name: &str| {
            CString::new(name).map_err(|_| Problem::invalid(format!("the name {name:?} holds a NUL")))
        };
        let inputs = signature.inputs().iter().map(|input| c_name(&input.name)).collect::<Result<_, _>>()?;
        let mut outputs = Vec::new();
        for (spec, form) in signature.outputs().iter().zip(&interface.forms) {
            outputs.push(OutputPlan {
                name: c_name(match form {
                    OutputForm::Item(item) => &item.sequence,
                    OutputForm::Tensor | OutputForm::Maps => &spec.name,
                })?,
                dtype: spec.dtype,
                form: form.clone(),
                row_shape: row_shape(spec)
                    .filter(|_| *form == OutputForm::Tensor && signature.slot(&spec.name).is_none()),
                classes: spec.class_names.clone().unwrap_or_default(),
            });
        }
        Ok(Plan { session, inputs, outputs, is_as_declared: AtomicBool::new(true) })
    }
}

/// All axes but the first, where they are known and the elements have a size.
fn row_shape(spec: &OutputSpec) -> Option<Vec<usize>> {
    spec.dtype.size()?;
    let rest = spec.dims.as_ref()?.split_first()?.1;
    let lengths = rest.iter().map(|dim| usize::try_from(dim.as_signed()).ok());
    lengths.collect()
}
