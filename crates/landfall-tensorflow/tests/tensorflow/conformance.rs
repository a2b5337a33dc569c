//! Every case of the shared folder, in process: answers within the case's tolerance, refusals with an error that names
//! the fault.

use crate::cases::{Case, engine};
use crate::compared::near;
use crate::folder::Folder;
use landfall_model::{Call, Claim, Engine, Input, InputSpec, Model, OutputSpec, Outputs, Problem};

/// Not refused here: the warm-up records beside the model, which serving replays.
const OF_SERVING: &str = "warmup_bad";

#[test]
fn answers_are_tensorflows_and_refusals_name_the_fault() {
    let (Some(cases), Some(engine)) = (Case::all(), engine()) else { return };
    let (mut answered, mut refused, mut failures) = (0, 0, Vec::new());
    for case in cases.iter().filter(|case| case.name != OF_SERVING) {
        let path = case.model();
        let files = Folder::open(&path);
        let claim = engine.recognise(&files);
        let loaded = match &claim {
            Claim::No(why) => Err(Problem::invalid(why.clone())),
            _ => engine.load(&files, &case.options()),
        };
        let outcome = match (&loaded, case.text("expect").unwrap()) {
            (Err(problem), "load_error") => {
                refused += 1;
                assert!(problem.to_string().len() > 10, "{}: {problem}", case.name);
                println!("{}: {problem}", case.name);
                Ok(())
            }
            (Err(problem), _) => Err(format!("refused: {problem}")),
            (Ok(_), "load_error") => Err("was not refused".to_owned()),
            (Ok(model), "ok") => {
                assert_eq!(claim, Claim::Sure, "{}", case.name);
                answered += 1;
                compared(case, &**model)
            }
            (Ok(model), _) => match compared(case, &**model) {
                Err(why) => {
                    refused += 1;
                    println!("{}: {why}", case.name);
                    Ok(())
                }
                Ok(()) => Err("was answered".to_owned()),
            },
        };
        failures.extend(outcome.err().map(|why| format!("{}: {why}", case.name)));
    }
    println!("TensorFlow: {answered} answers as TensorFlow's, {refused} refusals");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(answered >= 44 && refused >= 19, "{answered} answered, {refused} refused");
}

fn compared(case: &Case, model: &dyn Model) -> Result<(), String> {
    let wanted = case.text("signature").unwrap_or("serving_default");
    let signature = model.signatures().iter().find(|signature| signature.name() == wanted);
    let signature = signature.ok_or_else(|| format!("no signature {wanted:?}"))?;
    if let Some(method) = case.text("method") {
        assert!(method.ends_with(&format!("{:?}", signature.method()).to_lowercase()), "{}", case.name);
    }
    let specs = signature.inputs().iter().map(|input| InputSpec::new(&input.name, input.dtype, None));
    let rows = case.arrays("rows.npz", specs.collect())?;
    let rows = rows.into_iter().map(|tensor| Some(Input::Dense(tensor)));
    let words = |problem: Problem| problem.to_string();
    let call = Call::checked(signature.clone(), rows, signature.default_outputs().clone()).map_err(words)?;
    let mut outputs = Outputs::new();
    model.instance().and_then(|mut instance| instance.run(&call, &mut outputs)).map_err(words)?;
    let as_input = |output: &OutputSpec| InputSpec::new(&output.name, output.dtype, None);
    let golden = case.arrays("golden.npz", signature.outputs().iter().map(as_input).collect())?;
    for (place, expected) in golden.iter().enumerate() {
        let name = &signature.outputs()[place].name;
        let found = outputs.get(place).ok_or_else(|| format!("output {name:?} did not come"))?;
        near(found, expected, case.tolerance()).map_err(|why| format!("output {name:?}: {why}"))?;
    }
    Ok(())
}
