//! Every case of the shared folder, in process: answers within the case's tolerance, refusals with an error that names
//! the fault.

use crate::cases::{Case, engine, opened};
use landfall_model::{
    Call, Claim, Engine, Input, InputSpec, Instance, Model, Options, OutputSpec, Outputs, Problem, RowRule,
    Scalar, Signature, Tensor,
};
use std::sync::Arc;

#[test]
fn answers_are_tensorflows_and_refusals_name_the_fault() {
    let (Some(cases), Some(engine)) = (Case::all(), engine()) else { return };
    let (mut answered, mut refused, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let files = opened(&case.model());
        let may_refuse = case.text("expect") != Some("ok");
        let must_refuse = case.text("expect") == Some("load_error");
        assert_eq!(engine.recognise(&files), Claim::Sure, "{}", case.name);
        match engine.load(&files, &Options::new()) {
            Err(problem) if may_refuse => {
                let said = problem.to_string();
                assert!(said.contains("tflite"), "{}: {said}", case.name);
                refused += 1;
            }
            Ok(_) if must_refuse => failures.push(format!("{}: was not refused", case.name)),
            Err(problem) => failures.push(format!("{}: {problem}", case.name)),
            Ok(model) => match compared(case, &*model) {
                Ok(()) => answered += 1,
                Err(why) => failures.push(format!("{}: {why}", case.name)),
            },
        }
    }
    println!("TensorFlow Lite: {answered} answers as TensorFlow's, {refused} refusals");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(answered >= 12 && refused >= 2, "{answered} answered, {refused} refused");
}

fn compared(case: &Case, model: &dyn Model) -> Result<(), String> {
    let wanted = case.text("signature").unwrap_or("serving_default");
    let signature = model.signatures().iter().find(|signature| signature.name() == wanted);
    let signature = signature.ok_or_else(|| format!("no signature {wanted:?}"))?;
    let specs = |inputs: &[InputSpec]| -> Vec<InputSpec> {
        inputs.iter().map(|input| InputSpec::new(&input.name, input.dtype, None)).collect()
    };
    let as_inputs = |outputs: &[OutputSpec]| -> Vec<InputSpec> {
        outputs.iter().map(|output| InputSpec::new(&output.name, output.dtype, None)).collect()
    };
    let rows = case.arrays("rows.npz", specs(signature.inputs()));
    let golden = case.arrays("golden.npz", as_inputs(signature.outputs()));
    let mut instance = model.instance().map_err(|problem| problem.to_string())?;
    let answers = answers(signature, &mut *instance, &rows).map_err(|problem| problem.to_string())?;
    for (place, expected) in golden.iter().enumerate() {
        let name = &signature.outputs()[place].name;
        near(&answers[place], expected, case.tolerance()).map_err(|why| format!("output {name:?}: {why}"))?;
    }
    Ok(())
}

/// Answers as serving would have them: whole, or in pieces.
fn answers(
    signature: &Arc<Signature>,
    instance: &mut dyn Instance,
    rows: &[Tensor],
) -> Result<Vec<Vec<f64>>, Problem> {
    let count = rows[0].shape()[0];
    let size = match *signature.rows() {
        RowRule::Pieces(size) => size,
        _ => count,
    };
    let mut answers = vec![Vec::new(); signature.outputs().len()];
    for start in (0..count).step_by(size) {
        let piece = rows.iter().map(|tensor| Some(Input::Dense(tensor.rows(start..start + size))));
        let call = Call::checked(signature.clone(), piece, signature.default_outputs().clone())?;
        let mut outputs = Outputs::new();
        instance.run(&call, &mut outputs)?;
        for (place, tensor) in outputs.iter() {
            assert_eq!(tensor.shape()[0], size);
            answers[place].extend((0..tensor.len()).map(|element| number(tensor, element)));
        }
    }
    Ok(answers)
}

fn number(tensor: &Tensor, element: usize) -> f64 {
    match tensor.scalar(element) {
        Scalar::Float(value) => value,
        Scalar::Int(value) => value as f64,
        Scalar::UInt(value) => value as f64,
        other => panic!("{other}"),
    }
}

fn near(found: &[f64], expected: &Tensor, (absolute, relative): (f64, f64)) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} values, expected {}", found.len(), expected.len()));
    }
    for (element, found) in found.iter().enumerate() {
        let expected = number(expected, element);
        if (found - expected).abs() > absolute + relative * expected.abs() {
            return Err(format!("value {element}: {found}, expected {expected}"));
        }
    }
    Ok(())
}

#[test]
fn rows_of_a_file_whose_shapes_show_during_a_run_alone_are_batched() {
    let (Some(cases), Some(engine)) = (Case::all(), engine()) else { return };
    let case = cases.iter().find(|case| case.name == "tflite_multi_output").unwrap();
    let model = engine.load(&opened(&case.model()), &Options::new()).unwrap();
    assert_eq!(*model.signatures()[0].rows(), RowRule::Independent, "{:?}", model.facts().notes);
}

#[test]
fn shapes_may_change_from_call_to_call_and_back() {
    let (Some(cases), Some(engine)) = (Case::all(), engine()) else { return };
    let case = cases.iter().find(|case| case.name == "tflite_mlp").unwrap();
    let model = engine.load(&opened(&case.model()), &Options::new()).unwrap();
    let signature = &model.signatures()[0];
    assert_eq!(*signature.rows(), RowRule::Independent, "{:?}", model.facts().notes);
    let specs = signature.inputs().iter().map(|i| InputSpec::new(&i.name, i.dtype, None)).collect();
    let rows = case.arrays("rows.npz", specs);
    let mut instance = model.instance().unwrap();
    let mut run = |range: std::ops::Range<usize>| {
        let inputs = rows.iter().map(|tensor| Some(Input::Dense(tensor.rows(range.clone()))));
        let call = Call::checked(signature.clone(), inputs, signature.default_outputs().clone()).unwrap();
        let mut outputs = Outputs::new();
        instance.run(&call, &mut outputs).unwrap();
        outputs.get(0).unwrap().values::<f32>().unwrap().to_vec()
    };
    let whole = run(0..32);
    for range in [0..1, 1..2, 5..9, 0..32, 31..32, 7..7, 0..2] {
        let part = run(range.clone());
        let expected = &whole[range.start * 3..range.end * 3];
        assert!(part.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{range:?}");
        assert_eq!(part.len(), expected.len());
    }
}

#[test]
fn what_a_quantised_number_stands_for_is_said() {
    let (Some(cases), Some(engine)) = (Case::all(), engine()) else { return };
    let case = cases.iter().find(|case| case.name == "tflite_mlp_int8").unwrap();
    let model = engine.load(&opened(&case.model()), &Options::new()).unwrap();
    let doc = &model.signatures()[0].inputs()[0].doc;
    assert!(doc.starts_with("quantised: value = 0."), "{doc}");
}
