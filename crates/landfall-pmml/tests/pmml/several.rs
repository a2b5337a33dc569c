//! Models of several targets, each with classes, treatments and output fields of its own.

use crate::cases::with_fields;
use crate::rules::{categorical, continuous, output};
use crate::table::answers;

fn schema(targets: &[&str]) -> String {
    let target = |name: &&str| format!("<MiningField name=\"{name}\" usageType=\"target\"/>");
    let targets: String = targets.iter().map(target).collect();
    format!("<MiningSchema>{targets}<MiningField name=\"x\"/></MiningSchema>")
}

/// A network of one layer over `x`: neurons by name, bias and weight, and what each output says of which field.
fn network(
    function: &str,
    targets: &[&str],
    rest: &str,
    neurons: &[(&str, f64, f64)],
    says: &[(&str, &str)],
) -> String {
    let of = |expression: &str| {
        format!("<DerivedField optype=\"continuous\" dataType=\"double\">{expression}</DerivedField>")
    };
    let neuron = |(id, bias, weight): &(&str, f64, f64)| {
        format!("<Neuron id=\"{id}\" bias=\"{bias}\"><Con from=\"in\" weight=\"{weight}\"/></Neuron>")
    };
    let output = |(neuron, expression): &(&str, &str)| {
        format!("<NeuralOutput outputNeuron=\"{neuron}\">{}</NeuralOutput>", of(expression))
    };
    let outputs: String = says.iter().map(output).collect();
    let layer: String = neurons.iter().map(neuron).collect();
    format!(
        "<NeuralNetwork functionName=\"{function}\" activationFunction=\"identity\">{}{rest}<NeuralInputs>\
         <NeuralInput id=\"in\">{}</NeuralInput></NeuralInputs><NeuralLayer>{layer}</NeuralLayer>\
         <NeuralOutputs>{outputs}</NeuralOutputs></NeuralNetwork>",
        schema(targets),
        of("<FieldRef field=\"x\"/>"),
    )
}

#[test]
fn each_number_of_a_network_is_treated_as_its_own_target_says() {
    let targets = "<Targets><Target field=\"y\" rescaleFactor=\"2\"/>\
        <Target field=\"z\" max=\"5\" rescaleFactor=\"3\"><TargetValue defaultValue=\"4\"/></Target></Targets>";
    let asked = output(&[("second", "feature=\"predictedValue\" targetField=\"z\"")]);
    let says = [("a", "<FieldRef field=\"y\"/>"), ("b", "<FieldRef field=\"z\"/>")];
    let neurons = [("a", 1.0, 1.0), ("b", 2.0, 2.0)];
    let model = network("regression", &["y", "z"], &(asked + targets), &neurons, &says);
    let fields = continuous("x") + &continuous("y") + &continuous("z");
    // y: 2 (x + 1); z: 3 (2x + 2), 15 at most, and 3 · 4 where there is nothing.
    assert_eq!(
        answers(&with_fields(&fields, &model), "x\n1\n3\nNA\n").split_off(1),
        ["4,12,12", "8,15,15", ",12,12"]
    );
}

#[test]
fn each_target_of_a_network_has_classes_of_its_own() {
    let targets = "<Targets><Target field=\"d\"><TargetValue value=\"u\" displayValue=\"U!\" priorProbability=\"0.9\"/>\
        <TargetValue value=\"v\" displayValue=\"V!\" priorProbability=\"0.1\"/></Target></Targets>";
    let asked = output(&[
        ("shown", "feature=\"predictedDisplayValue\" targetField=\"d\""),
        ("pq", "feature=\"probability\" targetField=\"c\" value=\"q\""),
        ("pv", "feature=\"probability\" targetField=\"d\" value=\"v\""),
        ("best", "feature=\"probability\" targetField=\"d\""),
        ("next", "feature=\"predictedValue\" targetField=\"d\" rank=\"2\""),
    ]);
    let class = |field: &str, value: &str| format!("<NormDiscrete field=\"{field}\" value=\"{value}\"/>");
    let (p, q, u, v) = (class("c", "p"), class("c", "q"), class("d", "u"), class("d", "v"));
    let says = [("a", p.as_str()), ("b", &q), ("b", &u), ("e", &v)];
    let neurons = [("a", 0.0, 1.0), ("b", 1.0, -1.0), ("e", 0.375, 0.0)];
    let model = network("classification", &["c", "d"], &(asked + targets), &neurons, &says);
    let fields = continuous("x") + &categorical("c", &["p", "q"]) + &categorical("d", &["u", "v"]);
    // p: x; q and u: 1 - x; v: 0.375.
    assert_eq!(
        answers(&with_fields(&fields, &model), "x\n0.75\n0.25\nNA\n").split_off(1),
        ["p,v,V!,0.25,0.375,0.375,u", "q,u,U!,0.75,0.375,0.75,v", ",u,U!,,0.1,0.9,v",]
    );
}

#[test]
fn neighbours_say_a_class_and_a_number_at_once() {
    let rows: String = [(0, "a", 1), (1, "b", 3), (2, "b", 8), (9, "a", 5)]
        .map(|(x, c, y)| format!("<row><x>{x}</x><c>{c}</c><y>{y}</y></row>"))
        .concat();
    let instance = |name: &str| format!("<InstanceField field=\"{name}\" column=\"{name}\"/>");
    let targets = "<Targets><Target field=\"y\" rescaleConstant=\"100\"/></Targets>";
    let asked = output(&[("pb", "feature=\"probability\" targetField=\"c\" value=\"b\"")]);
    let fields = continuous("x") + &categorical("c", &["a", "b"]) + &continuous("y");
    for order in [["c", "y"], ["y", "c"]] {
        let model = format!(
            "<NearestNeighborModel functionName=\"mixed\" numberOfNeighbors=\"3\">{}{asked}{targets}<TrainingInstances>\
             <InstanceFields>{}{}{}</InstanceFields><InlineTable>{rows}</InlineTable></TrainingInstances>\
             <ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure><KNNInputs><KNNInput field=\"x\"/>\
             </KNNInputs></NearestNeighborModel>",
            schema(&order),
            instance("x"),
            instance("c"),
            instance("y"),
        );
        let lines = answers(&with_fields(&fields, &model), "x\n0\n");
        let cells: std::collections::HashMap<&str, &str> =
            lines[0].split(',').zip(lines[1].split(',')).collect();
        // Of a, b and b two are b; 1, 3 and 8 are 4 on the mean.
        let share = (2.0f64 / 3.0).to_string();
        assert_eq!((cells["c"], cells["y"], cells["pb"]), ("b", "104", share.as_str()), "{order:?}");
    }
}

#[test]
fn each_target_of_a_network_of_beliefs_has_probabilities() {
    let node = |name: &str, yes: f64| {
        format!(
            "<DiscreteNode name=\"{name}\"><ValueProbability value=\"yes\" probability=\"{yes}\"/>\
             <ValueProbability value=\"no\" probability=\"{}\"/></DiscreteNode>",
            1.0 - yes
        )
    };
    let asked = output(&[
        ("pa", "feature=\"probability\" targetField=\"a\" value=\"yes\""),
        ("pb", "feature=\"probability\" targetField=\"b\" value=\"yes\""),
    ]);
    let model = format!(
        "<BayesianNetworkModel functionName=\"classification\">{}{asked}<BayesianNetworkNodes>{}{}</BayesianNetworkNodes>\
         </BayesianNetworkModel>",
        schema(&["a", "b"]),
        node("a", 0.25),
        node("b", 0.75),
    );
    let fields = continuous("x") + &categorical("a", &["yes", "no"]) + &categorical("b", &["yes", "no"]);
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n")[1], "no,yes,0.25,0.75");
}

#[test]
fn the_segment_that_is_selected_predicts_all_targets() {
    let says = [("a", "<FieldRef field=\"y\"/>"), ("b", "<FieldRef field=\"z\"/>")];
    let inner = |weight: f64| {
        network("regression", &["y", "z"], "", &[("a", 0.0, weight), ("b", 1.0, weight)], &says)
    };
    let model = format!(
        "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"selectFirst\"><Segment>\
         <SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/>{}</Segment><Segment><True/>{}</Segment>\
         </Segmentation></MiningModel>",
        schema(&["y", "z"]),
        inner(2.0),
        inner(3.0),
    );
    let fields = continuous("x") + &continuous("y") + &continuous("z");
    assert_eq!(answers(&with_fields(&fields, &model), "x\n-1\n1\n").split_off(1), ["-2,-1", "3,4"]);
}
