//! Calls of every shape: scalars, defaults, several outputs, outputs whose shape nobody knows before.

use crate::support::{
    Axis, Files, Graph, Message, answer, engines, load, node, onnxruntime, proven, run, stored, tensor_type,
};
use landfall_model::{Call, Engine, Input, Kind, Options, Outputs, RowRule, Tensor, Wanted};

#[test]
fn scalars_go_in_and_come_out() {
    let scalar = tensor_type(1, Some(&[]));
    let file = Graph::new()
        .node(&node("Add", &["a", "b"], &["sum"]))
        .node(&node("Mul", &["a", "b"], &["product"]))
        .input("a", &scalar)
        .input("b", &scalar)
        .output("sum", &scalar)
        .output("product", &scalar)
        .file();
    let (a, b) = (Tensor::from_slice(&[], &[3f32]).unwrap(), Tensor::from_slice(&[], &[4f32]).unwrap());
    for engine in engines() {
        let outputs = answer(engine, &file, &[("a", &a), ("b", &b)]).unwrap();
        assert_eq!(outputs.get(0), Some(&Tensor::from_slice(&[], &[7f32]).unwrap()), "{}", engine.name());
        assert_eq!(outputs.get(1), Some(&Tensor::from_slice(&[], &[12f32]).unwrap()));
    }
}

#[test]
fn an_input_with_a_default_may_be_left_out() {
    let rows = tensor_type(1, Some(&[Axis::Free("n")]));
    let file = Graph::new()
        .node(&node("Add", &["x", "bias"], &["y"]))
        .initializer(&stored("bias", 1, &[1], &10f32.to_le_bytes()))
        .input("x", &rows)
        .input("bias", &tensor_type(1, Some(&[Axis::Known(1)])))
        .output("y", &rows)
        .file();
    let (x, bias) =
        (Tensor::from_slice(&[2], &[1f32, 2.0]).unwrap(), Tensor::from_slice(&[1], &[5f32]).unwrap());
    for engine in engines() {
        let outputs = answer(engine, &file, &[("x", &x)]).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [11.0, 12.0], "{}", engine.name());
        match (engine.name(), answer(engine, &file, &[("x", &x), ("bias", &bias)])) {
            ("embedded", given) => {
                let problem = given.unwrap_err();
                assert_eq!(problem.kind(), Kind::Unimplemented, "never silently passed over: {problem}");
                assert!(problem.to_string().contains(r#""bias""#), "{problem}");
            }
            (_, given) => assert_eq!(given.unwrap().get(0).unwrap().values::<f32>().unwrap(), [6.0, 7.0]),
        }
    }
}

#[test]
fn an_output_of_unforeseen_shape_comes_whole() {
    let x = tensor_type(1, Some(&[Axis::Free("n")]));
    let found = tensor_type(7, Some(&[Axis::Known(1), Axis::Free("hits")]));
    let file =
        Graph::new().node(&node("NonZero", &["x"], &["where"])).input("x", &x).output("where", &found).file();
    let values: Vec<f32> = (0..20_000).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let x = Tensor::from_slice(&[values.len()], &values).unwrap();
    let expected: Vec<i64> = (0..20_000).filter(|i| i % 3 != 0).collect();
    for engine in engines() {
        let outputs = answer(engine, &file, &[("x", &x)]).unwrap();
        let where_ = outputs.get(0).unwrap();
        assert_eq!(where_.shape()[..], [1, expected.len()], "{}", engine.name());
        assert_eq!(where_.values::<i64>().unwrap(), expected, "larger than what is copied");
    }
}

#[test]
fn rows_that_are_none_are_an_error_and_no_damage() {
    // The file says [n]; the values decide how many come. If somebody declares rows to be rows, room is made for them.
    let ty = |element| tensor_type(element, Some(&[Axis::Free("n"), Axis::Known(1)]));
    let file = Graph::new()
        .node(&node("NonZero", &["x"], &["found"]))
        .node(&node("Transpose", &["found"], &["y"]))
        .input("x", &tensor_type(1, Some(&[Axis::Free("n")])))
        .output("y", &ty(7))
        .file();
    let Some(engine) = onnxruntime() else { return };
    let model = load(engine, &Files::model(&file)).unwrap();
    let claimed = (*model.signatures()[0]).clone().with_rows(RowRule::Independent).shared();
    let x = Tensor::from_slice(&[3], &[1f32, 0.0, 1.0]).unwrap();
    assert!(run(&*model, &claimed, &[("x", &x)], &[]).is_err(), "two rows do not fit into room for three");
    let honest = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
    assert_eq!(honest.get(0).unwrap().values::<i64>().unwrap(), [0, 2]);
}

#[test]
fn an_output_of_another_shape_than_declared_is_answered_with() {
    let Some(engine) = onnxruntime() else { return };
    let x = Tensor::from_slice(&[3, 2], &[1f32, 0.0, 1.0, 2.0, -3.0, 4.0]).unwrap();
    for declared in [&[Axis::Free("n"), Axis::Known(7)][..], &[Axis::Free("n")][..]] {
        let file = Graph::new()
            .node(&node("Neg", &["x"], &["y"]))
            .input("x", &tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(2)])))
            .output("y", &tensor_type(1, Some(declared)))
            .file();
        let model = load(engine, &Files::model(&file)).unwrap();
        let proven = proven(&*model);
        for _ in 0..2 {
            let outputs = run(&*model, &proven, &[("x", &x)], &[]).unwrap();
            let y = outputs.get(0).unwrap();
            assert_eq!(y.shape()[..], [3, 2]);
            assert_eq!(y.values::<f32>().unwrap(), [-1.0, 0.0, -1.0, -2.0, 3.0, -4.0]);
        }
    }
}

#[test]
fn an_input_can_be_an_output_as_it_came() {
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(2)]));
    let file =
        Graph::new().node(&node("Neg", &["x"], &["y"])).input("x", &x).output("y", &x).output("x", &x).file();
    let input = Tensor::from_slice(&[2, 2], &[1f32, 2.0, 3.0, 4.0]).unwrap();
    for engine in engines() {
        let model = load(engine, &Files::model(&file)).unwrap();
        let rows = (*model.signatures()[0]).clone().with_rows(RowRule::Independent).shared();
        for signature in [&model.signatures()[0], &rows] {
            let outputs = run(&*model, signature, &[("x", &input)], &[]).unwrap();
            assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [-1.0, -2.0, -3.0, -4.0]);
            assert_eq!(outputs.get(1), Some(&input), "{}", engine.name());
        }
    }
}

#[test]
fn an_answer_outlives_its_model() {
    let Some(engine) = onnxruntime() else { return };
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(5000)]));
    let file = Graph::new().node(&node("Neg", &["x"], &["y"])).input("x", &x).output("y", &x).file();
    let input = Tensor::from_slice(&[2, 5000], &[1f32; 10_000]).unwrap();
    let outputs = answer(engine, &file, &[("x", &input)]).unwrap();
    let kept = outputs.get(0).unwrap().clone();
    drop(outputs);
    assert!(kept.values::<f32>().unwrap().iter().all(|&v| v == -1.0), "the library's memory is held");
}

#[test]
fn options_reach_the_engine_and_unknown_ones_are_refused() {
    for engine in engines() {
        let mut options = Options::new();
        let key = if engine.name() == "embedded" { "num_threads" } else { "intra_op_num_threads" };
        options.set(key, "2");
        let files = Files::model(&crate::support::identity(1));
        assert_eq!(engine.load(&files, &options).unwrap().facts().threads_inside, 2);
        options.set("nonsense", "1");
        let problem = engine.load(&files, &options).err().unwrap();
        assert!(problem.to_string().contains(key), "the known ones are named: {problem}");
    }
    for spec in Engine::options(&landfall_onnx::Embedded) {
        assert!(!spec.help.is_empty());
    }
}

#[test]
fn an_input_of_optional_type_may_be_left_out() {
    let Some(engine) = onnxruntime() else { return };
    let x = tensor_type(1, Some(&[Axis::Free("n")]));
    let optional = Message::new().message(9, &Message::new().message(1, &tensor_type(1, None)));
    let file = Graph::new()
        .node(&node("Identity", &["x"], &["y"]))
        .node(&node("OptionalHasElement", &["maybe"], &["given"]))
        .input("x", &x)
        .input("maybe", &optional)
        .output("y", &x)
        .output("given", &tensor_type(9, Some(&[])))
        .file();
    let value = Tensor::from_slice(&[1], &[1f32]).unwrap();
    for (inputs, given) in [(&[("x", &value)][..], 0u8), (&[("x", &value), ("maybe", &value)], 1)] {
        let outputs = answer(engine, &file, inputs).unwrap();
        assert_eq!(outputs.get(1).unwrap().bools().unwrap(), [given]);
    }
}

#[test]
fn a_call_that_wants_nothing_gets_nothing() {
    let x = Tensor::from_slice(&[1, 2], &[1f32, 2.0]).unwrap();
    for engine in engines() {
        let model = load(engine, &Files::model(&crate::support::identity(1))).unwrap();
        let call =
            Call::checked(model.signatures()[0].clone(), [Some(Input::Dense(x.clone()))], Wanted::default());
        let mut outputs = Outputs::new();
        model.instance().unwrap().run(&call.unwrap(), &mut outputs).unwrap();
        assert_eq!(outputs, Outputs::new(), "{}", engine.name());
    }
}

#[test]
fn a_graph_that_asks_for_absurd_memory_is_an_error() {
    let shape: Vec<u8> = [i64::from(i32::MAX), 4096].iter().flat_map(|d| d.to_le_bytes()).collect();
    let x = tensor_type(1, Some(&[Axis::Free("n")]));
    let file = Graph::new()
        .node(&node("ConstantOfShape", &["shape"], &["huge"]))
        .node(&node("ReduceSum", &["huge"], &["sum"]))
        .node(&node("Add", &["x", "sum"], &["y"]))
        .initializer(&stored("shape", 7, &[2], &shape))
        .input("x", &x)
        .output("y", &x)
        .file();
    let x = Tensor::from_slice(&[1], &[1f32]).unwrap();
    for engine in engines() {
        assert!(answer(engine, &file, &[("x", &x)]).is_err(), "{}", engine.name());
    }
}

#[test]
fn a_caller_cannot_ask_for_absurd_memory() {
    // The values of an input become a shape: two numbers on the wire, any amount of memory.
    let file = Graph::new()
        .node(&node("Abs", &["dims"], &["shape"]))
        .node(&node("Expand", &["one", "shape"], &["y"]))
        .initializer(&stored("one", 1, &[1], &1f32.to_le_bytes()))
        .input("dims", &tensor_type(7, Some(&[Axis::Known(2)])))
        .output("y", &tensor_type(1, None))
        .file();
    let dims = Tensor::from_slice(&[2], &[i64::from(i32::MAX), 4096]).unwrap();
    for engine in engines() {
        let problem = answer(engine, &file, &[("dims", &dims)]).unwrap_err();
        if engine.name() == "embedded" {
            assert!(problem.to_string().contains(r#"input "dims""#), "{problem}");
        } else {
            let small = Tensor::from_slice(&[2], &[2i64, 3]).unwrap();
            assert_eq!(
                answer(engine, &file, &[("dims", &small)]).unwrap().get(0).unwrap().shape()[..],
                [2, 3]
            );
        }
    }
    // A shape that follows another tensor's shape is bounded by what came.
    let x = tensor_type(1, Some(&[Axis::Free("n")]));
    let file = Graph::new()
        .node(&node("Shape", &["x"], &["shape"]))
        .node(&node("Expand", &["one", "shape"], &["y"]))
        .initializer(&stored("one", 1, &[1], &1f32.to_le_bytes()))
        .input("x", &x)
        .output("y", &x)
        .file();
    let x = Tensor::from_slice(&[3], &[0f32; 3]).unwrap();
    for engine in engines() {
        assert_eq!(
            answer(engine, &file, &[("x", &x)]).unwrap().get(0).unwrap().values::<f32>().unwrap(),
            [1.0; 3]
        );
    }
}

#[test]
fn scores_stand_in_the_order_of_the_files_classes() {
    let Some(engine) = onnxruntime() else { return };
    // A map's keys come sorted; the classes of the file are not.
    for (labels, key) in [(["b", "c", "a"], 8), (["10", "-3", "9"], 7)] {
        let attribute = if key == 8 {
            labels
                .iter()
                .fold(Message::new().text(1, "classlabels_strings").number(20, 8), |a, l| a.text(9, l))
        } else {
            let numbers = labels.iter().map(|l| l.parse::<i64>().unwrap());
            numbers.fold(Message::new().text(1, "classlabels_int64s").number(20, 7), |a, l| a.number(8, l))
        };
        let map = Message::new().number(1, key).message(2, &tensor_type(1, Some(&[])));
        let sequence =
            Message::new().message(4, &Message::new().message(1, &Message::new().message(5, &map)));
        let file = Graph::new()
            .node(&node("ZipMap", &["x"], &["scores"]).text(7, "ai.onnx.ml").message(5, &attribute))
            .input("x", &tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(3)])))
            .output("scores", &sequence)
            .file();
        let x = Tensor::from_slice(&[2, 3], &[0.1f32, 0.2, 0.7, 0.5, 0.4, 0.1]).unwrap();
        let model = load(engine, &Files::model(&file)).unwrap();
        let spec = &model.signatures()[0].outputs()[0];
        assert_eq!(spec.class_names.as_deref().unwrap(), labels);
        let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
        assert_eq!(outputs.get(0), Some(&x), "{labels:?}");
        let none = run(&*model, &model.signatures()[0], &[("x", &x.rows(0..0))], &[]).unwrap();
        assert_eq!(none.get(0).unwrap().shape()[..], [0, 3], "no rows");
    }
}
