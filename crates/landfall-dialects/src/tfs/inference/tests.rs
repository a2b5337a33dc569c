//! Which outputs answer, and how; by the checklist's rows for a TensorFlow graph, by our own rules for any other model.

use super::plan::{Answer, of};
use super::*;
use crate::protobuf::Writer;
use crate::tfs::examples::FeatureWriter;
use landfall_model::{DType, Dim, InputSpec, OutputSpec, Outputs, RowRule, Shape, ShapeRule, Tensor};

fn output(name: &str, dtype: DType, columns: Option<usize>) -> OutputSpec {
    let columns = columns.map(Dim::Known);
    OutputSpec::new(name, dtype, Some([Dim::Free(None)].into_iter().chain(columns).collect()))
}

fn model(inputs: Vec<InputSpec>, outputs: Vec<OutputSpec>) -> Arc<Signature> {
    let (method, rows, shapes) = (Method::Predict, RowRule::Independent, ShapeRule::Checked);
    Signature::new("serving_default", method, inputs, outputs, rows, shapes).unwrap().shared()
}

/// A signature of a graph: its shapes are the runtime's affair.
fn graph(method: Method, inputs: &[(&str, DType)], outputs: Vec<OutputSpec>) -> Arc<Signature> {
    let inputs = inputs.iter().map(|(name, dtype)| InputSpec::new(*name, *dtype, None));
    let inputs = inputs.collect();
    Signature::new("graph", method, inputs, outputs, RowRule::Independent, ShapeRule::AsSent)
        .unwrap()
        .shared()
}

const EXAMPLES: &[(&str, DType)] = &[("inputs", DType::String)];

fn planned(task: Task, signature: &Signature) -> Result<Answer, String> {
    of(task, signature, Rules::default()).map(|plan| plan.answer).map_err(|problem| problem.to_string())
}

fn one_example(name: &str, value: f32) -> Vec<u8> {
    let (mut inner, mut example, mut feature) = (Vec::new(), Vec::new(), FeatureWriter::Open);
    assert!(feature.push_float(value));
    feature.write(name.as_bytes(), &mut Writer::new(&mut inner));
    Writer::new(&mut example).bytes_field(1, &inner);
    example
}

fn asked(task: Task, examples: usize, signature: &Arc<Signature>) -> Result<Decoded<Form>, Problem> {
    let mut question = Question { task, signature: String::new(), examples: Examples::default() };
    (0..examples).for_each(|i| question.examples.push(&one_example("x", i as f32)));
    call(question, std::slice::from_ref(signature), Rules::default())
}

#[test]
fn a_graph_takes_examples_as_they_are() {
    let signature = graph(Method::Regress, EXAMPLES, vec![output("outputs", DType::F32, Some(1))]);
    let decoded = asked(Task::Regress, 2, &signature).unwrap();
    let input = decoded.call.input(0).and_then(Input::dense).unwrap();
    assert_eq!(input.shape()[..], [2]);
    assert_eq!(input.strings().unwrap().get(1), one_example("x", 1.0));
    assert_eq!(decoded.form.examples(), 2);
    // Run by another engine that checks shapes, it is a graph's all the same.
    let mut tensor = output("outputs", DType::F32, Some(1));
    tensor.tensor = "PartitionedCall:0".to_owned();
    let elsewhere =
        model(vec![InputSpec::new("inputs", DType::String, Some(vec![Dim::Free(None)]))], vec![tensor]);
    let decoded = asked(Task::Regress, 1, &elsewhere).unwrap();
    let input = decoded.call.input(0).and_then(Input::dense).unwrap();
    assert_eq!(input.strings().unwrap().get(0), one_example("x", 0.0));
    let floats =
        graph(Method::Classify, &[("inputs", DType::F32)], vec![output("scores", DType::F32, Some(1))]);
    let told = asked(Task::Classify, 1, &floats).unwrap_err().to_string();
    assert_eq!(told, "Expects arg inputs to be float but string is provided");
}

#[test]
fn a_graphs_signature_is_held_against_the_originals_rules() {
    // TFS-REST-117
    let scores = || output("scores", DType::F32, Some(1));
    let predict = graph(Method::Predict, &[("x", DType::F32)], vec![output("y", DType::F32, Some(1))]);
    let two = graph(Method::Classify, &[("inputs", DType::String), ("z", DType::F32)], vec![scores()]);
    let three = graph(
        Method::Classify,
        EXAMPLES,
        vec![scores(), output("a", DType::F32, None), output("b", DType::F32, None)],
    );
    let neither = graph(Method::Classify, EXAMPLES, vec![output("y", DType::F32, Some(1))]);
    for (task, signature, expected) in [
        (Task::Classify, &predict, "No classification inputs found in SignatureDef: "),
        (Task::Regress, &predict, "No regression inputs found in SignatureDef: "),
        (Task::Classify, &two, "Expected one input Tensor."),
        (Task::Classify, &three, "Expected one or two output Tensors, found 3"),
        (Task::Regress, &three, "Expected one output Tensor."),
        (
            Task::Classify,
            &neither,
            "Expected classification signature outputs to contain at least one of \"classes\" or \"scores\". ",
        ),
        (Task::Regress, &neither, "No regression outputs found in SignatureDef: "),
    ] {
        let told = planned(task, signature).unwrap_err();
        assert!(told.starts_with(expected), "{told}");
    }
    let classify = graph(Method::Classify, EXAMPLES, vec![scores()]);
    let strict = Rules { check_method: true };
    assert!(of(Task::Classify, &classify, strict).is_ok());
    let regress = graph(Method::Predict, EXAMPLES, vec![output("outputs", DType::F32, None)]);
    assert_eq!(
        of(Task::Regress, &regress, strict).unwrap_err().to_string(),
        "Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/predict",
        "TFS-REST-118"
    );
    assert!(of(Task::Regress, &regress, Rules::default()).is_ok());
}

#[test]
fn a_tensor_that_is_declared_as_classes_and_scores_is_the_classes() {
    let named = |name: &str, tensor: &str| OutputSpec {
        tensor: tensor.to_owned(),
        ..output(name, DType::String, Some(2))
    };
    let of = |scores: &str| {
        graph(Method::Classify, EXAMPLES, vec![named("classes", "a:0"), named("scores", scores)])
    };
    let classes = |scores| Ok(Answer::Classes { classes: Some(0), scores });
    assert_eq!(planned(Task::Classify, &of("a:0")), classes(None));
    assert_eq!(planned(Task::Classify, &of("a:1")), classes(Some(1)));
    assert_eq!(planned(Task::Classify, &of("")), classes(Some(1)));
}

#[test]
fn other_models_are_told_apart_by_the_names_types_and_shapes_of_their_outputs() {
    let of = |outputs: Vec<OutputSpec>| model(vec![InputSpec::new("x", DType::F32, None)], outputs);
    let (label, probabilities) = (output("label", DType::I64, None), output("p", DType::F32, Some(3)));
    let number = |name: &str| output(name, DType::F64, None);
    let by_class = vec![number("Species"), number("probability(a)"), number("Probability_b")];
    let classes = |classes, scores| Ok(Answer::Classes { classes, scores });
    for (outputs, classify, regress) in [
        (vec![label.clone(), probabilities.clone()], classes(None, Some(1)), None),
        (
            vec![output("scores", DType::F32, Some(2)), output("classes", DType::String, Some(2))],
            classes(Some(1), Some(0)),
            None,
        ),
        (vec![output("label", DType::String, None)], classes(Some(0), None), None),
        (vec![number("y")], classes(None, Some(0)), Some(0)),
        (vec![output("y", DType::F32, Some(1)), label], classes(None, Some(0)), Some(0)),
        (vec![number("a"), number("outputs")], Err(()), Some(1)),
        (by_class, Ok(Answer::ScoreByClass(vec![(1, "a".into()), (2, "b".into())])), None),
        (vec![probabilities.clone(), output("q", DType::F32, Some(3))], Err(()), None),
        (vec![number("a"), number("b")], Err(()), None),
    ] {
        let signature = of(outputs);
        let shown: Vec<_> = signature.outputs().iter().map(|output| output.name.clone()).collect();
        assert_eq!(planned(Task::Classify, &signature).map_err(drop), classify, "{shown:?}");
        assert_eq!(planned(Task::Regress, &signature).ok(), regress.map(Answer::Number), "{shown:?}");
    }
    let told = planned(Task::Regress, &of(vec![probabilities])).unwrap_err();
    assert_eq!(
        told,
        "signature \"serving_default\" cannot regress: expected exactly one output of one float for each row, \
         found p float32[-1,3]; use predict"
    );
}

fn answer(task: Task, signature: &Arc<Signature>, outputs: Vec<Tensor>) -> Result<Answered, String> {
    let decoded = asked(task, 2, signature).unwrap();
    let mut all = Outputs::new();
    outputs.into_iter().enumerate().for_each(|(place, tensor)| all.set(place, tensor));
    answered(&decoded.form, signature, &all).map_err(|problem| problem.to_string())
}

fn classes(answered: Answered) -> Vec<Vec<(String, f32)>> {
    let Answered::Classified(classified) = answered else { panic!("classes") };
    let text = |(label, score): (&[u8], f32)| (String::from_utf8_lossy(label).into_owned(), score);
    classified.examples().map(|classes| classes.map(text).collect()).collect()
}

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

fn texts(shape: &[usize], values: &[&str]) -> Tensor {
    Tensor::from_strings(Shape::new(shape), values.iter().collect()).unwrap()
}

#[test]
fn classes_come_in_the_models_order_with_labels_and_scores_as_far_as_there_are_any() {
    let both = graph(
        Method::Classify,
        EXAMPLES,
        vec![output("classes", DType::String, Some(2)), output("scores", DType::F32, Some(2))],
    );
    let labels = || texts(&[2, 2], &["a", "b", "c", "d"]);
    let found =
        answer(Task::Classify, &both, vec![labels(), floats(&[2, 2], &[0.1, 0.9, 0.7, 0.3])]).unwrap();
    let pair = |label: &str, score| (label.to_owned(), score);
    let expected = [[pair("a", 0.1), pair("b", 0.9)], [pair("c", 0.7), pair("d", 0.3)]];
    assert_eq!(classes(found), expected, "TFS-GRPC-40");
    let scores = graph(Method::Classify, EXAMPLES, vec![output("scores", DType::F32, Some(1))]);
    let found = answer(Task::Classify, &scores, vec![floats(&[2, 1], &[3.0, 2.0])]).unwrap();
    assert_eq!(classes(found), [[pair("", 3.0)], [pair("", 2.0)]], "TFS-REST-106");
    let only = graph(Method::Classify, EXAMPLES, vec![output("classes", DType::String, Some(2))]);
    let found = answer(Task::Classify, &only, vec![labels()]).unwrap();
    assert_eq!(classes(found)[1], [pair("c", 0.0), pair("d", 0.0)]);

    let x = || vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None)]))];
    let mut named = output("p", DType::F32, Some(2));
    named.class_names = Some(vec!["no".into(), "yes".into()]);
    let found = answer(Task::Classify, &model(x(), vec![named]), vec![floats(&[2, 2], &[0.5; 4])]).unwrap();
    assert_eq!(classes(found)[0], [pair("no", 0.5), pair("yes", 0.5)]);
    let column = model(x(), vec![output("prediction", DType::F32, None)]);
    let found = answer(Task::Classify, &column, vec![floats(&[2], &[0.25, 0.75])]).unwrap();
    assert_eq!(classes(found), [[pair("", 0.25)], [pair("", 0.75)]]);
    let labels = model(x(), vec![output("label", DType::I64, None)]);
    let found =
        answer(Task::Classify, &labels, vec![Tensor::from_slice(&[2], &[7i64, -1]).unwrap()]).unwrap();
    assert_eq!(classes(found), [[pair("7", 0.0)], [pair("-1", 0.0)]]);
    let split =
        model(x(), ["probability(a)", "probability(b)"].map(|name| output(name, DType::F64, None)).to_vec());
    let column = |values: &[f64]| Tensor::from_slice(&[2], values).unwrap();
    let found = answer(Task::Classify, &split, vec![column(&[0.1, 0.2]), column(&[0.9, 0.8])]).unwrap();
    assert_eq!(classes(found), [[pair("a", 0.1), pair("b", 0.9)], [pair("a", 0.2), pair("b", 0.8)]]);
}

#[test]
fn numbers_come_one_for_each_example() {
    let graph = graph(Method::Regress, EXAMPLES, vec![output("outputs", DType::F32, None)]);
    for shape in [&[2][..], &[2, 1]] {
        let found = answer(Task::Regress, &graph, vec![floats(shape, &[3.0, 4.0])]).unwrap();
        assert_eq!(found, Answered::Regressed(vec![3.0, 4.0]), "TFS-GRPC-41");
    }
    let double = model(vec![InputSpec::new("x", DType::F32, None)], vec![output("y", DType::F64, None)]);
    let found = answer(Task::Regress, &double, vec![Tensor::from_slice(&[2], &[0.5f64, 1.5]).unwrap()]);
    assert_eq!(found.unwrap(), Answered::Regressed(vec![0.5, 1.5]));
}

#[test]
fn outputs_of_other_shapes_and_types_are_told_in_the_originals_words() {
    // TFS-REST-119
    let scores = graph(Method::Classify, EXAMPLES, vec![output("scores", DType::F32, None)]);
    let both = graph(
        Method::Classify,
        EXAMPLES,
        vec![output("classes", DType::String, None), output("scores", DType::F32, None)],
    );
    let number = graph(Method::Regress, EXAMPLES, vec![output("outputs", DType::F32, None)]);
    let doubles = |shape: &[usize]| Tensor::from_slice(shape, &vec![1.0f64; shape.iter().product()]).unwrap();
    for (task, signature, outputs, expected) in [
        (
            Task::Classify,
            &scores,
            vec![floats(&[2], &[1.0; 2])],
            "Expected Tensor shape: [batch_size num_classes] but got [2]",
        ),
        (
            Task::Classify,
            &scores,
            vec![doubles(&[2, 1])],
            "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE",
        ),
        (
            Task::Classify,
            &scores,
            vec![floats(&[1, 2], &[1.0; 2])],
            "Expected scores output batch size of 2. Got: 1",
        ),
        (
            Task::Classify,
            &both,
            vec![floats(&[2, 1], &[1.0; 2])],
            "Expected classes Tensor of DT_STRING. Got: DT_FLOAT",
        ),
        (
            Task::Classify,
            &both,
            vec![texts(&[1, 1], &["a"])],
            "Expected classes output batch size of 2. Got: 1",
        ),
        (
            Task::Classify,
            &both,
            vec![texts(&[2, 2], &["a"; 4]), floats(&[2, 3], &[1.0; 6])],
            "Tensors class and score should match in dim_size(1). Got 2 vs. 3",
        ),
        (
            Task::Regress,
            &number,
            vec![floats(&[2, 2], &[1.0; 4])],
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]",
        ),
        (
            Task::Regress,
            &number,
            vec![floats(&[1], &[1.0])],
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
        (Task::Regress, &number, vec![doubles(&[2])], "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
    ] {
        // What a session gives beside the outputs wanted does not matter here.
        let filler = signature.outputs().len().saturating_sub(outputs.len());
        let outputs = outputs.into_iter().chain((0..filler).map(|_| floats(&[2, 1], &[1.0; 2]))).collect();
        assert_eq!(answer(task, signature, outputs).unwrap_err(), expected);
    }
}

#[test]
fn a_signature_that_is_not_there_is_named() {
    let signature = graph(Method::Regress, EXAMPLES, vec![output("outputs", DType::F32, None)]);
    let question = Question { task: Task::Regress, signature: "nope".into(), examples: Examples::default() };
    let told = call(question, &[signature], Rules::default()).unwrap_err().to_string();
    assert_eq!(told, "No signature was found with the name: nope", "TFS-REST-22, TFS-GRPC-42");
}
