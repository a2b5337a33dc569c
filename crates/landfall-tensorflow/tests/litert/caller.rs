//! Calls of the files that `fixtures/make.py` makes.

use crate::cases::{engine, opened};
use landfall_model::{Call, Engine, Input, Model, Options, Outputs, Problem, Shape, Tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litert/fixtures").join(name)
}

/// A file's model; `None`, said in a line, where the library is not here.
pub(crate) fn loaded(name: &str) -> Option<Arc<dyn Model>> {
    Some(engine()?.load(&opened(&fixture(name)), &Options::new()).unwrap())
}

/// Why a file is not loaded; `None`, said in a line, where the library is not here.
pub(crate) fn refused(name: &str) -> Option<Problem> {
    let loaded = engine()?.load(&opened(&fixture(name)), &Options::new());
    Some(loaded.map(|_| ()).unwrap_err())
}

/// A tensor of strings.
pub(crate) fn texts(shape: &[usize], values: &[&str]) -> Tensor {
    Tensor::from_strings(Shape::new(shape), values.iter().collect()).unwrap()
}

/// Calls signatures on one workspace.
pub(crate) struct Caller<'a> {
    model: &'a dyn Model,
    instance: Box<dyn landfall_model::Instance>,
}

impl<'a> Caller<'a> {
    pub(crate) fn of(model: &'a dyn Model) -> Self {
        Caller { model, instance: model.instance().unwrap() }
    }

    /// Inputs and outputs by name.
    pub(crate) fn ask(
        &mut self,
        name: &str,
        inputs: &[(&str, Tensor)],
    ) -> Result<Vec<(String, Tensor)>, Problem> {
        let signature = self.model.signatures().iter().find(|signature| signature.name() == name).unwrap();
        let given = signature.inputs().iter().map(|spec| {
            inputs.iter().find(|(name, _)| *name == spec.name).map(|(_, tensor)| Input::Dense(tensor.clone()))
        });
        let call = Call::checked(signature.clone(), given, signature.default_outputs().clone())?;
        let mut outputs = Outputs::new();
        self.instance.run(&call, &mut outputs)?;
        Ok(outputs
            .iter()
            .map(|(place, tensor)| (signature.outputs()[place].name.clone(), tensor.clone()))
            .collect())
    }

    /// The strings of one output.
    pub(crate) fn words(&mut self, name: &str, inputs: &[(&str, Tensor)], output: &str) -> Vec<String> {
        let answers = self.ask(name, inputs).unwrap();
        let (_, tensor) = answers.iter().find(|(name, _)| name == output).unwrap();
        tensor.strings().unwrap().iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    }
}
