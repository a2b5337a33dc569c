//! Divisions of whole numbers that a processor does not take: the least number by −1. ONNX Runtime alone: the embedded engine
//! refuses such a call.

use crate::support::{
    Axis, Files, Graph, Message, answer, load, node, onnxruntime, run, stored, tensor_type,
};
use landfall_model::{Buffer, DType, Shape, Tensor};

mod functions;

const I32: i64 = 6;
const I64: i64 = 7;

/// `y = operator(a, b)`, with `b` along an axis of its own.
fn model(element: i64, division: &Message, divisors: Axis) -> Vec<u8> {
    let ty = tensor_type(element, Some(&[Axis::Free("n")]));
    let graph = Graph::new().node(division).input("a", &ty).output("y", &ty);
    graph.input("b", &tensor_type(element, Some(&[divisors]))).file()
}

fn dividends() -> Vec<i32> {
    vec![i32::MIN, i32::MIN, i32::MIN, 7, -7, 7, 0, i32::MAX, i32::MIN + 1, 5]
}

fn divisors() -> Vec<i32> {
    vec![-1, 1, 2, -2, 2, -1, -1, -1, -1, i32::MIN]
}

/// As NumPy's `mod`, of the divisor's sign.
fn floored(a: i64, b: i64) -> i64 {
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

#[test]
fn the_least_number_by_minus_one_is_itself_and_leaves_nothing() {
    let Some(engine) = onnxruntime() else { return };
    let (a, b) = (dividends(), divisors());
    let pairs = || a.iter().zip(&b);
    let [a, b] = [&a, &b].map(|values| Tensor::from_slice(&[values.len()], values).unwrap());
    let of = |operator: &str| {
        let file = model(I32, &node(operator, &["a", "b"], &["y"]), Axis::Free("n"));
        let outputs = answer(engine, &file, &[("a", &a), ("b", &b)]).unwrap();
        outputs.get(0).unwrap().values::<i32>().unwrap().to_vec()
    };
    assert_eq!(of("Div"), pairs().map(|(a, b)| a.wrapping_div(*b)).collect::<Vec<_>>());
    let rests = pairs().map(|(a, b)| floored((*a).into(), (*b).into()) as i32);
    assert_eq!(of("Mod"), rests.collect::<Vec<_>>());
}

#[test]
fn numbers_of_64_bits_and_those_of_c_are_divided_so_too() {
    let Some(engine) = onnxruntime() else { return };
    let a = Tensor::from_slice(&[4], &[i64::MIN, i64::MIN, -7, 7]).unwrap();
    // Along one axis of one: all are divided by it.
    for divisor in [-1i64, 2] {
        let b = Tensor::from_slice(&[1], &[divisor]).unwrap();
        let of = |division: &Message| {
            let outputs =
                answer(engine, &model(I64, division, Axis::Known(1)), &[("a", &a), ("b", &b)]).unwrap();
            outputs.get(0).unwrap().values::<i64>().unwrap().to_vec()
        };
        let each = |with: fn(i64, i64) -> i64| {
            a.values::<i64>().unwrap().iter().map(|a| with(*a, divisor)).collect::<Vec<_>>()
        };
        assert_eq!(of(&node("Div", &["a", "b"], &["y"])), each(i64::wrapping_div));
        assert_eq!(of(&node("Mod", &["a", "b"], &["y"])), each(floored));
        let as_in_c = Message::new().text(1, "fmod").number(3, 1).number(20, 2);
        let rest = node("Mod", &["a", "b"], &["y"]).message(5, &as_in_c);
        assert_eq!(of(&rest)[2..], each(i64::wrapping_rem)[2..]);
    }
    let zero = Tensor::from_slice(&[1], &[0i64]).unwrap();
    let file = model(I64, &node("Div", &["a", "b"], &["y"]), Axis::Known(1));
    let problem = answer(engine, &file, &[("a", &a), ("b", &zero)]).unwrap_err().to_string();
    assert!(problem.contains("zero"), "as before: {problem}");
}

#[test]
fn constants_and_what_a_call_may_bring_in_their_place_are_looked_at() {
    let Some(engine) = onnxruntime() else { return };
    let ty = tensor_type(I64, Some(&[Axis::Free("n")]));
    let a = Tensor::from_slice(&[2], &[i64::MIN, 6]).unwrap();
    let by = |tensor: &Message| {
        let division = node("Div", &["a", "b"], &["y"]);
        Graph::new().node(&division).initializer(tensor).input("a", &ty).output("y", &ty)
    };
    let raw = |value: i64| stored("b", I64, &[1], &value.to_le_bytes());
    let typed = Message::new().number(1, 1).number(2, I64).number(7, -1).text(8, "b");
    for (tensor, expected) in
        [(raw(-1), [i64::MIN, -6]), (typed, [i64::MIN, -6]), (raw(2), [i64::MIN / 2, 3])]
    {
        let outputs = answer(engine, &by(&tensor).file(), &[("a", &a)]).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), expected);
    }
    let made = node("Constant", &[], &["b"])
        .message(5, &Message::new().text(1, "value_int").number(3, -1).number(20, 2));
    let file = Graph::new().node(&made).node(&node("Div", &["a", "b"], &["y"]));
    let outputs = answer(engine, &file.input("a", &ty).output("y", &ty).file(), &[("a", &a)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), [i64::MIN, -6]);
    let replaced = by(&raw(2)).input("b", &tensor_type(I64, Some(&[Axis::Known(1)]))).file();
    let minus = Tensor::from_slice(&[1], &[-1i64]).unwrap();
    let outputs = answer(engine, &replaced, &[("a", &a), ("b", &minus)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), [i64::MIN, -6]);
}

#[test]
fn graphs_within_nodes_divide_so_and_files_beside_the_model_are_found() {
    let Some(engine) = onnxruntime() else { return };
    let ty = tensor_type(I64, Some(&[Axis::Free("n")]));
    let within = Graph::new().node(&node("Div", &["a", "b"], &["inner"])).output("inner", &ty).0;
    let branch = |name: &str| Message::new().text(1, name).message(6, &within).number(20, 5);
    let choice =
        node("If", &["yes"], &["y"]).message(5, &branch("then_branch")).message(5, &branch("else_branch"));
    let pair = |key: &str, value: &str| Message::new().text(1, key).text(2, value);
    let beside = Message::new()
        .number(1, 1)
        .number(2, I64)
        .text(8, "b")
        .message(13, &pair("location", "b.bin"))
        .message(13, &pair("length", "8"))
        .number(14, 1);
    let file = Graph::new()
        .node(&choice)
        .initializer(&beside)
        .input("yes", &tensor_type(9, Some(&[])))
        .input("a", &ty)
        .output("y", &ty)
        .file();
    let files = Files::folder(&[("model.onnx", &file), ("b.bin", &(-1i64).to_le_bytes())]);
    let model = load(engine, &files).unwrap();
    let a = Tensor::from_slice(&[2], &[i64::MIN, 6]).unwrap();
    for yes in [true, false] {
        let yes = Buffer::from_owner(vec![u8::from(yes)]);
        let yes = Tensor::from_buffer(DType::Bool, Shape::new(&[]), yes).unwrap();
        let outputs = run(&*model, &model.signatures()[0], &[("yes", &yes), ("a", &a)], &[]).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), [i64::MIN, -6]);
    }
}

#[test]
fn what_a_branch_gives_is_divided_so_and_so_is_it_by_older_operators() {
    let Some(engine) = onnxruntime() else { return };
    let ty = tensor_type(I32, Some(&[Axis::Free("n")]));
    let [a, b] =
        [dividends(), divisors()].map(|values| Tensor::from_slice(&[values.len()], &values).unwrap());
    let expected: Vec<i32> = dividends().iter().zip(divisors()).map(|(a, b)| a.wrapping_div(b)).collect();
    // What the branches give declares no type.
    let branch = |name: &str, input: &str| {
        let within = Graph::new().node(&node("Identity", &[input], &["given"]));
        let within = Graph(within.0.message(12, &Message::new().text(1, "given"))).0;
        Message::new().text(1, name).message(6, &within).number(20, 5)
    };
    let choice = node("If", &["yes"], &["c"])
        .message(5, &branch("then_branch", "b"))
        .message(5, &branch("else_branch", "b"));
    let unsaid = node("Identity", &["a"], &["d"]);
    let graph = Graph::new().node(&choice).node(&unsaid).node(&node("Div", &["d", "c"], &["y"]));
    let graph = graph.input("yes", &tensor_type(9, Some(&[]))).input("a", &ty).input("b", &ty);
    let yes = Tensor::from_buffer(DType::Bool, Shape::new(&[]), Buffer::from_owner(vec![1u8])).unwrap();
    let outputs =
        answer(engine, &graph.output("y", &ty).file(), &[("yes", &yes), ("a", &a), ("b", &b)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i32>().unwrap(), expected);
    let graph = Graph::new().node(&node("Div", &["a", "b"], &["y"])).input("a", &ty).input("b", &ty);
    let file = graph.output("y", &ty).file_with(8, &[]);
    let outputs = answer(engine, &file, &[("a", &a), ("b", &b)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i32>().unwrap(), expected);
}

/// By each version of the library: those that do not look for zeros would end the process.
#[test]
fn zeros_of_all_whole_types_are_refused_and_what_is_without_is_divided() {
    let Some(engine) = onnxruntime() else { return };
    for (element, dtype) in [
        (2, DType::U8),
        (3, DType::I8),
        (4, DType::U16),
        (5, DType::I16),
        (I32, DType::I32),
        (I64, DType::I64),
        (12, DType::U32),
        (13, DType::U64),
    ] {
        let of = |dims: &[usize], values: &[u8]| {
            let width = dtype.size().unwrap();
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| (0..width).map(move |at| if at == 0 { *value } else { 0 }))
                .collect();
            Tensor::from_buffer(dtype, Shape::new(dims), Buffer::from_owner(bytes)).unwrap()
        };
        for operator in ["Div", "Mod"] {
            let file = model(element, &node(operator, &["a", "b"], &["y"]), Axis::Free("m"));
            let run = |a: &Tensor, b: &Tensor| answer(engine, &file, &[("a", a), ("b", b)]);
            let problem = run(&of(&[3], &[7, 6, 5]), &of(&[3], &[2, 0, 1])).unwrap_err().to_string();
            assert!(problem.contains("zero"), "{dtype} {operator}: {problem}");
            let outputs = run(&of(&[3], &[7, 6, 5]), &of(&[3], &[2, 3, 4])).unwrap();
            let expected = if operator == "Div" { [3, 2, 1] } else { [1, 0, 1] };
            assert_eq!(outputs.get(0).unwrap(), &of(&[3], &expected), "{dtype} {operator}");
            let outputs = run(&of(&[0], &[]), &of(&[1], &[4])).unwrap();
            assert_eq!(outputs.get(0).unwrap(), &of(&[0], &[]), "{dtype} {operator}");
        }
    }
}
