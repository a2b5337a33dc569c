//! Divisions in functions that the file itself defines: by the types that each is called with.

use super::{I32, I64, dividends, divisors};
use crate::functions::{call, function};
use crate::support::{Axis, Graph, Message, answer, node, onnxruntime, stored, tensor_type};
use landfall_model::Tensor;

const F32: i64 = 1;

fn vector(element: i64) -> Message {
    tensor_type(element, Some(&[Axis::Free("n")]))
}

fn quotients() -> Vec<i32> {
    dividends().iter().zip(divisors()).map(|(a, b)| a.wrapping_div(b)).collect()
}

#[test]
fn a_function_divides_by_the_types_of_each_call() {
    let Some(engine) = onnxruntime() else { return };
    let divide = function("divide", &["p", "q"], &["r"], &[node("Div", &["p", "q"], &["r"])]);
    // Its own nodes go on from what another function gives.
    let again = function(
        "again",
        &["p", "q"],
        &["r"],
        &[
            call("divide", &["p", "q"], &["once"]),
            node("Mod", &["once", "q"], &["rest"]),
            node("Add", &["once", "rest"], &["r"]),
        ],
    );
    let [a, b] =
        [dividends(), divisors()].map(|values| Tensor::from_slice(&[values.len()], &values).unwrap());
    let [c, d] = [[3.0f32, 1.0, -5.0].repeat(4), [-1.0f32, 0.0, 2.0].repeat(4)]
        .map(|values| Tensor::from_slice(&[10], &values[..10]).unwrap());
    let floats = vector(F32);
    let graph = Graph::new()
        .node(&call("divide", &["a", "b"], &["y"]))
        .node(&call("divide", &["c", "d"], &["z"]))
        .node(&call("again", &["a", "b"], &["w"]))
        .node(&node("Div", &["w", "b"], &["v"]))
        .input("a", &vector(I32))
        .input("b", &vector(I32))
        .input("c", &floats)
        .input("d", &floats)
        .output("y", &vector(I32))
        .output("z", &floats)
        .output("v", &vector(I32));
    let file = graph.file_with(17, &[divide, again]);
    let outputs = answer(engine, &file, &[("a", &a), ("b", &b), ("c", &c), ("d", &d)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i32>().unwrap(), quotients());
    assert_eq!(outputs.get(1).unwrap().values::<f32>().unwrap()[..3], [-3.0, f32::INFINITY, -2.5]);
    let floored = |a: i32, b: i32| {
        let rest = a.wrapping_rem(b);
        if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
    };
    let twice = quotients()
        .into_iter()
        .zip(divisors())
        .map(|(once, b)| once.wrapping_add(floored(once, b)).wrapping_div(b));
    assert_eq!(outputs.get(2).unwrap().values::<i32>().unwrap(), twice.collect::<Vec<_>>());
}

#[test]
fn branches_in_functions_and_constants_out_of_their_calls_are_divided_so_too() {
    let Some(engine) = onnxruntime() else { return };
    let a = Tensor::from_slice(&[2], &[i64::MIN, 6]).unwrap();
    let answered = |body: &[Message], call: &Message, more: &[Message]| {
        let own = function("own", &["p", "q"], &["r"], body);
        let own = more.iter().fold(own, |function, part| Message([&function.0[..], &part.0].concat()));
        let minus = stored("minus", I64, &[], &(-1i64).to_le_bytes());
        let graph =
            Graph::new().node(call).initializer(&minus).input("a", &vector(I64)).output("y", &vector(I64));
        let outputs = answer(engine, &graph.file_with(17, &[own]), &[("a", &a)]).unwrap();
        outputs.get(0).unwrap().values::<i64>().unwrap().to_vec()
    };
    let within = Graph::new().node(&node("Div", &["p", "q"], &["inner"]));
    let within = Graph(within.0.message(12, &Message::new().text(1, "inner"))).0;
    let branch = |name: &str| Message::new().text(1, name).message(6, &within).number(20, 5);
    let truth = Message::new().text(1, "to").number(3, 9).number(20, 2);
    let choice =
        node("If", &["yes"], &["r"]).message(5, &branch("then_branch")).message(5, &branch("else_branch"));
    let body = [node("Cast", &["q"], &["yes"]).message(5, &truth), choice];
    assert_eq!(answered(&body, &call("own", &["a", "minus"], &["y"]), &[]), [i64::MIN, -6]);
    // `k` is an attribute of the call.
    let told = Message::new().text(1, "value_int").text(21, "k").number(20, 2);
    let body = [node("Constant", &[], &["k"]).message(5, &told), node("Div", &["p", "k"], &["r"])];
    let by_minus = Message::new().text(1, "k").number(3, -1).number(20, 2);
    let call = call("own", &["a", "minus"], &["y"]).message(5, &by_minus);
    assert_eq!(answered(&body, &call, &[Message::new().text(6, "k")]), [i64::MIN, -6]);
}

#[test]
fn names_of_copies_and_of_what_they_hold_are_free() {
    let Some(engine) = onnxruntime() else { return };
    let a = Tensor::from_slice(&[2], &[i64::MIN, 6]).unwrap();
    let taken = function("divide_divided0", &["p", "q"], &["r"], &[node("Add", &["p", "q"], &["r"])]);
    let divide = function("divide", &["divided1", "q"], &["r"], &[node("Div", &["divided1", "q"], &["r"])]);
    let minus = stored("divided2", I64, &[], &(-1i64).to_le_bytes());
    let graph = Graph::new()
        .node(&call("divide", &["a", "divided2"], &["once"]))
        .node(&call("divide_divided0", &["once", "divided2"], &["sum"]))
        .node(&node("Div", &["sum", "divided2"], &["y"]))
        .initializer(&minus)
        .input("a", &vector(I64))
        .output("y", &vector(I64));
    let outputs = answer(engine, &graph.file_with(17, &[taken, divide]), &[("a", &a)]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), [i64::MIN + 1, 7]);
}
