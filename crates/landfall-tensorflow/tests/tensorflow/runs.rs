//! Calls in turns and from several threads, shapes as they are sent, answers that outlive their model.

use crate::cases::{Case, engine};
use crate::compared::near;
use crate::folder::Folder;
use landfall_model::{
    Call, Engine, Input, InputSpec, Instance, Model, Options, OutputSpec, Outputs, Problem, RowRule, Tensor,
};
use std::sync::Arc;
use std::time::Duration;

fn loaded(name: &str) -> Option<(Case, Arc<dyn Model>)> {
    let (case, engine) = (Case::named(name)?, engine()?);
    let model = engine.load(&Folder::open(&case.model()), &Options::new()).unwrap();
    Some((case, model))
}

fn run(model: &dyn Model, instance: &mut dyn Instance, inputs: &[Tensor]) -> Result<Outputs, Problem> {
    let signature = model.signatures()[0].clone();
    let inputs = inputs.iter().map(|tensor| Some(Input::Dense(tensor.clone())));
    let call = Call::checked(signature.clone(), inputs, signature.default_outputs().clone())?;
    let mut outputs = Outputs::new();
    instance.run(&call, &mut outputs).map(|()| outputs)
}

fn rows(case: &Case, model: &dyn Model) -> Vec<Tensor> {
    let inputs = model.signatures()[0].inputs().iter();
    case.arrays("rows.npz", inputs.map(|i| InputSpec::new(&i.name, i.dtype, None)).collect()).unwrap()
}

#[test]
fn shapes_are_the_librarys_to_judge() {
    let Some((_, model)) = loaded("vector_half_plus_two") else { return };
    let mut instance = model.instance().unwrap();
    let tensor = |shape: &[usize]| Tensor::from_slice(shape, &[2.0f32, 4.0]).unwrap();
    for shape in [&[2][..], &[2, 1], &[1, 2, 1]] {
        let outputs = run(&*model, &mut *instance, &[tensor(shape)]).unwrap();
        let found = outputs.get(0).unwrap();
        assert_eq!((&found.shape()[..], found.values::<f32>().unwrap()), (shape, &[3.0f32, 4.0][..]));
    }
}

#[test]
fn an_instance_answers_after_a_call_that_failed() {
    let Some((case, model)) = loaded("keras_export_mlp") else { return };
    let mut instance = model.instance().unwrap();
    let wrong = Tensor::from_slice(&[1, 3], &[0.0f32; 3]).unwrap();
    let problem = run(&*model, &mut *instance, &[wrong]).unwrap_err();
    assert_eq!(problem.kind(), landfall_model::Kind::InvalidArgument, "{problem}");
    assert!(run(&*model, &mut *instance, &rows(&case, &*model)).is_ok());
}

#[test]
fn a_traced_call_tells_its_operators_and_no_other_does() {
    let Some((case, model)) = loaded("keras_export_mlp") else { return };
    let (signature, rows) = (model.signatures()[0].clone(), rows(&case, &*model));
    let inputs = rows.into_iter().map(|tensor| Some(Input::Dense(tensor)));
    let mut call = Call::checked(signature.clone(), inputs, signature.default_outputs().clone()).unwrap();
    let (mut plain, mut traced) = (Outputs::new(), Outputs::new());
    let mut instance = model.instance().unwrap();
    instance.run(&call, &mut plain).unwrap();
    call.trace();
    instance.run(&call, &mut traced).unwrap();
    assert_eq!((plain.steps(), plain.get(0)), (None, traced.get(0)));
    let steps = traced.steps().unwrap();
    let products: Vec<_> = steps.iter().filter(|step| step.name.contains("MatMul")).collect();
    let year = Duration::from_secs(365 * 24 * 3600);
    assert!(products.len() >= 2 && products.iter().all(|step| step.start > 50 * year), "{steps:?}");
    assert!(steps.iter().all(|step| step.took < Duration::from_secs(10)), "{steps:?}");
}

#[test]
fn threads_share_a_session() {
    let Some((case, model)) = loaded("keras_export_wide_deep") else { return };
    let rows = rows(&case, &*model);
    assert_eq!(*model.signatures()[0].rows(), RowRule::Unproven);
    let as_input = |output: &OutputSpec| InputSpec::new(&output.name, output.dtype, None);
    let golden = case.arrays("golden.npz", model.signatures()[0].outputs().iter().map(as_input).collect());
    let golden = golden.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (model, rows, golden) = (&model, &rows, &golden);
            scope.spawn(move || {
                let mut instance = model.instance().unwrap();
                for turn in 0..50 {
                    let start = (thread * 7 + turn) % 20;
                    let part: Vec<Tensor> = rows.iter().map(|tensor| tensor.rows(start..start + 4)).collect();
                    let outputs = run(&**model, &mut *instance, &part).unwrap();
                    let expected = golden[0].rows(start..start + 4);
                    near(outputs.get(0).unwrap(), &expected, (1e-5, 1e-4)).unwrap();
                }
            });
        }
    });
}

#[test]
fn large_answers_stay_when_model_and_inputs_are_gone() {
    let Some((_, model)) = loaded("vector_half_plus_two") else { return };
    let values: Vec<f32> = (0..60_000u16).map(f32::from).collect();
    let outputs = {
        let input = Tensor::from_slice(&[values.len()], &values).unwrap();
        run(&*model, &mut *model.instance().unwrap(), &[input]).unwrap()
    };
    drop(model);
    let found = outputs.get(0).unwrap();
    assert!(found.values::<f32>().unwrap().iter().zip(&values).all(|(y, x)| *y == x * 0.5 + 2.0));
}
