//! Graphs made here: what is guessed of their inputs and outputs, and what is asked for.

use crate::cases::engine;
use crate::folder::Folder;
use crate::message::{Message, graph, node, of_type};
use landfall_model::{Call, DType, Engine, Input, Model, Options, Outputs, Problem, Tensor};
use std::sync::Arc;

/// `y = x + x`, and, where asked for, a further end `z = -x`.
fn nodes(further: bool) -> Vec<Message> {
    let float = || [("T", of_type(1))];
    let mut nodes = vec![
        node("x", "Placeholder", &[], &[("dtype", of_type(1))]),
        node("y", "AddV2", &["x", "x:0"], &float()),
    ];
    if further {
        nodes.push(node("z", "Neg", &["x"], &float()));
    }
    nodes
}

fn load(bytes: &[u8], name: &str, set: &[(&str, &str)]) -> Option<Result<Arc<dyn Model>, Problem>> {
    let engine = engine()?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut options = Options::new();
    set.iter().for_each(|(key, value)| options.set(*key, *value));
    Some(engine.load(&Folder::open(&path), &options))
}

#[test]
fn one_end_is_the_output_and_placeholders_are_the_inputs() {
    let Some(model) = load(&graph(&nodes(false)).0, "m.pb", &[]) else { return };
    let model = model.unwrap();
    let signature = &model.signatures()[0];
    assert_eq!((signature.inputs()[0].name.as_str(), signature.inputs()[0].dtype), ("x", DType::F32));
    assert_eq!(signature.inputs()[0].dims, None, "the placeholder declares no shape");
    let x = Tensor::from_slice(&[2, 2], &[1.0f32, 2.0, -3.0, 0.5]).unwrap();
    let call = Call::checked(signature.clone(), [Some(Input::Dense(x))], signature.default_outputs().clone());
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call.unwrap(), &mut outputs).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [2.0, 4.0, -6.0, 1.0]);
}

#[test]
fn numbers_below_the_normal_form_are_zero_as_on_the_librarys_own_threads_and_here_they_are_not() {
    let bytes = graph(&nodes(false)).0;
    // Without threads across operators a call runs on this thread, with them on one of the library's.
    for inter in ["-1", "2"] {
        let Some(model) = load(&bytes, "m.pb", &[("inter_op_parallelism_threads", inter)]) else { return };
        let model = model.unwrap();
        let signature = model.signatures()[0].clone();
        let x = Tensor::from_slice(&[3], &[1e-42f32, -1e-42, 1.0]).unwrap();
        let wanted = signature.default_outputs().clone();
        let call = Call::checked(signature, [Some(Input::Dense(x))], wanted).unwrap();
        let mut outputs = Outputs::new();
        model.instance().unwrap().run(&call, &mut outputs).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [0.0, 0.0, 2.0], "inter {inter}");
        assert!(std::hint::black_box(1e-42f32) + std::hint::black_box(1e-42f32) > 0.0);
    }
}

#[test]
fn several_ends_are_asked_about_and_then_taken_as_told() {
    let bytes = graph(&nodes(true)).0;
    let Some(refused) = load(&bytes, "m.pb", &[]) else { return };
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("several ends (y, z)") && refused.contains("outputs="), "{refused}");
    let model = load(&bytes, "m.pb", &[("outputs", "z:0,y")]).unwrap().unwrap();
    let names: Vec<_> = model.signatures()[0].outputs().iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["z", "y"]);
}

#[test]
fn what_a_graph_lacks_is_named() {
    let bytes = graph(&nodes(false)).0;
    let Some(refused) = load(&bytes, "m.pb", &[("outputs", "q:0"), ("inputs", "x:0")]) else { return };
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("no tensor \"q:0\""), "{refused}");
    for (set, what) in [
        (("outputs", "y:3"), "no tensor \"y:3\""),
        (("inputs", "w"), "no tensor \"w\""),
        (("tags", "serve"), "option tags"),
        (("colour", "red"), "unknown option"),
    ] {
        let refused = load(&bytes, "m.pb", &[set]).unwrap().err().unwrap().to_string();
        assert!(refused.contains(what), "{refused}");
    }
    let mut variable = nodes(false);
    variable.push(node("v", "VarHandleOp", &[], &[("dtype", of_type(1))]));
    variable.push(node("r", "ReadVariableOp", &["v", "^y"], &[("dtype", of_type(1))]));
    let refused = load(&graph(&variable).0, "m.pb", &[]).unwrap().err().unwrap().to_string();
    assert!(refused.contains("\"v\" is a variable"), "{refused}");
}
