//! What files of certain writers have, each with an answer by hand.

use crate::cases::with_fields;
use crate::rules::{categorical, continuous, output, schema};
use crate::table::answers;

/// What an output field of the expression says, for each row.
fn transformed(dtype: &str, expression: &str, fields: &str, active: &[&str], rows: &str) -> Vec<String> {
    let model = format!(
        "<RegressionModel functionName=\"regression\">{}<Output><OutputField name=\"out\" feature=\"transformedValue\" \
         dataType=\"{dtype}\">{expression}</OutputField></Output><RegressionTable intercept=\"0\"/></RegressionModel>",
        schema("y", active)
    );
    let document = with_fields(&(continuous("y") + fields), &model);
    let lines = answers(&document, rows).split_off(1);
    lines.iter().map(|line| line.rsplit(',').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn sums_and_products_may_join_more_than_two() {
    let apply = |function: &str| {
        format!(
            "<Apply function=\"{function}\"><FieldRef field=\"a\"/><FieldRef field=\"b\"/><Constant>0.5</Constant></Apply>"
        )
    };
    let fields = continuous("a") + &continuous("b");
    let of =
        |function: &str| transformed("double", &apply(function), &fields, &["a", "b"], "a,b\n3,4\n3,NA\n");
    assert_eq!(of("*"), ["6", ""]);
    assert_eq!(of("+"), ["7.5", ""]);
}

#[test]
fn the_format_of_a_date_is_spelt_in_two_ways() {
    let field = "<DataField name=\"d\" optype=\"continuous\" dataType=\"date\"/>";
    let apply = |name: &str| {
        format!("<Apply function=\"{name}\"><FieldRef field=\"d\"/><Constant>%Y/%m/%d</Constant></Apply>")
    };
    for name in ["formatDatetime", "formatDateTime"] {
        assert_eq!(transformed("string", &apply(name), field, &["d"], "d\n2009-06-01\n"), ["2009/06/01"]);
    }
}

#[test]
fn a_predictor_whose_parameter_has_no_coefficient_is_not_needed() {
    // What a lasso leaves of two predictors.
    let model = format!(
        "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\">{}<ParameterList>\
         <Parameter name=\"p0\"/><Parameter name=\"p1\"/><Parameter name=\"p2\"/></ParameterList><CovariateList>\
         <Predictor name=\"a\"/><Predictor name=\"b\"/></CovariateList><PPMatrix>\
         <PPCell value=\"1\" predictorName=\"a\" parameterName=\"p1\"/><PPCell value=\"1\" predictorName=\"b\" parameterName=\"p2\"/>\
         </PPMatrix><ParamMatrix><PCell parameterName=\"p0\" df=\"1\" beta=\"1\"/><PCell parameterName=\"p1\" df=\"1\" beta=\"2\"/>\
         </ParamMatrix></GeneralRegressionModel>",
        schema("y", &["a", "b"])
    );
    let fields = continuous("y") + &continuous("a") + &continuous("b");
    assert_eq!(answers(&with_fields(&fields, &model), "a,b\n3,1\n3,NA\nNA,1\n")[1..], ["7", "7", ""]);
}

#[test]
fn segments_that_are_joined_answer_for_the_outer_target_whatever_theirs_is_called() {
    let tree = |target: &str, score: &str| {
        format!(
            "<Segment><True/><TreeModel functionName=\"classification\">{}<Node score=\"{score}\"><True/></Node></TreeModel></Segment>",
            schema(target, &["x"])
        )
    };
    let of = |method: &str| {
        let model = format!(
            "<MiningModel functionName=\"classification\">{}{}<Segmentation multipleModelMethod=\"{method}\">{}{}{}</Segmentation>\
             </MiningModel>",
            schema("y", &["x"]),
            output(&[("p", "feature=\"probability\" value=\"hail\"")]),
            tree("weather", "rain"),
            tree("sky", "hail"),
            tree("sky", "hail"),
        );
        let fields = continuous("x")
            + &categorical("y", &[])
            + &categorical("weather", &[])
            + &categorical("sky", &[]);
        answers(&with_fields(&fields, &model), "x\n1\n")[1].clone()
    };
    // Two votes of three; the first one that answers.
    assert_eq!(of("majorityVote"), "hail,0.6666666666666666");
    assert_eq!(of("selectFirst"), "rain,0");
}

#[test]
fn a_set_of_items_may_say_how_much_it_is_lifted() {
    let model = "<AssociationModel functionName=\"associationRules\" numberOfTransactions=\"4\" minimumSupport=\"0\" \
        minimumConfidence=\"0\" numberOfItems=\"2\" numberOfItemsets=\"2\" numberOfRules=\"1\"><MiningSchema><MiningField name=\"id\" \
        usageType=\"group\"/><MiningField name=\"item\"/></MiningSchema><Output><OutputField name=\"then\" feature=\"ruleValue\" \
        ruleFeature=\"consequent\" algorithm=\"recommendation\"/></Output><Item id=\"1\" value=\"a\"/><Item id=\"2\" value=\"b\"/>\
        <Itemset id=\"1\" support=\"0.5\" lift=\"1\" numberOfItems=\"1\"><ItemRef itemRef=\"1\"/></Itemset>\
        <Itemset id=\"2\" support=\"0.25\" lift=\"1.5\" numberOfItems=\"1\"><ItemRef itemRef=\"2\"/></Itemset>\
        <AssociationRule antecedent=\"1\" consequent=\"2\" support=\"0.2\" confidence=\"0.5\"/></AssociationModel>";
    let fields = categorical("id", &[]) + &categorical("item", &["a", "b"]);
    assert_eq!(answers(&with_fields(&fields, model), "id,item\n7,a\n")[1], "{b}");
}

#[test]
fn a_node_without_a_variance_is_what_it_is_made_of() {
    let constant = |number: f64| format!("<Constant dataType=\"double\">{number}</Constant>");
    let node = |name: &str, shape: &str, parts: [(&str, String); 2]| {
        let parts: String = parts.iter().map(|(part, text)| format!("<{part}>{text}</{part}>")).collect();
        format!(
            "<ContinuousNode name=\"{name}\"><ContinuousDistribution><{shape}DistributionForBN>{parts}</{shape}DistributionForBN>\
             </ContinuousDistribution></ContinuousNode>"
        )
    };
    let of = |nodes: String, target: &str, rows: &str| {
        let active: Vec<&str> = ["u", "d", "o"].into_iter().filter(|name| *name != target).collect();
        let model = format!(
            "<BayesianNetworkModel functionName=\"regression\">{}<BayesianNetworkNodes>{nodes}</BayesianNetworkNodes>\
             </BayesianNetworkModel>",
            schema(target, &active)
        );
        let fields = continuous("u") + &continuous("d") + &continuous("o");
        let lines = answers(&with_fields(&fields, &model), rows).split_off(1);
        lines.iter().map(|line| line.parse::<f64>().unwrap_or(f64::NAN)).collect::<Vec<_>>()
    };
    let times = |other: &str| format!("<Apply function=\"*\"><FieldRef field=\"u\"/>{other}</Apply>");
    let seen =
        node("o", "Normal", [("Mean", "<FieldRef field=\"d\"/>".to_owned()), ("Variance", constant(4.0))]);
    // d is 3 u, and o around it: the gain of u is 12 / 40.
    let made = node("d", "Normal", [("Mean", times(&constant(3.0))), ("Variance", constant(0.0))]);
    let root = node("u", "Normal", [("Mean", constant(1.0)), ("Variance", constant(4.0))]);
    let linear = of(root + &made + &seen, "u", "o\n10\n3\n");
    assert!((linear[0] - 3.1).abs() < 1e-12 && (linear[1] - 1.0).abs() < 1e-12, "{linear:?}");
    // d is u², u anything from 0 to 1; and once u is known it is known, too.
    let made = node("d", "Normal", [("Mean", times("<FieldRef field=\"u\"/>")), ("Variance", constant(0.0))]);
    let root = node("u", "Uniform", [("Lower", constant(0.0)), ("Upper", constant(1.0))]);
    let square = of(root + &made + &seen, "d", "u,o\nNA,NA\n0.5,NA\n0.5,7\n");
    assert!((square[0] - 1.0 / 3.0).abs() < 1e-9, "{square:?}");
    assert_eq!(square[1..], [0.25, 0.25]);
}

#[test]
fn an_output_field_named_as_the_target_stands_for_it_where_it_says_more() {
    let of = |field: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<Output>{field}</Output><RegressionTable intercept=\"1\">\
             <NumericPredictor name=\"x\" coefficient=\"0.5\"/></RegressionTable></RegressionModel>",
            schema("y", &["x"])
        );
        answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n1\n")
    };
    let doubled = "<OutputField name=\"y\" feature=\"transformedValue\" dataType=\"double\"><Apply function=\"*\">\
        <FieldRef field=\"y\"/><Constant>2</Constant></Apply></OutputField>";
    assert_eq!(of(doubled), ["y", "3"]);
    // The bare prediction is the target's own, whatever type the field names.
    assert_eq!(of("<OutputField name=\"y\" feature=\"predictedValue\" dataType=\"integer\"/>"), ["y", "1.5"]);
}

#[test]
fn layers_of_a_network_may_say_alone_how_neurons_answer() {
    let of = |layer: &str| {
        let model = format!(
            "<NeuralNetwork functionName=\"regression\">{}<NeuralInputs><NeuralInput id=\"0\"><DerivedField optype=\"continuous\" \
             dataType=\"double\"><FieldRef field=\"x\"/></DerivedField></NeuralInput></NeuralInputs><NeuralLayer {layer}>\
             <Neuron id=\"1\" bias=\"1\"><Con from=\"0\" weight=\"2\"/></Neuron></NeuralLayer><NeuralOutputs>\
             <NeuralOutput outputNeuron=\"1\"><DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef field=\"y\"/>\
             </DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork>",
            schema("y", &["x"])
        );
        with_fields(&(continuous("x") + &continuous("y")), &model)
    };
    assert_eq!(answers(&of("activationFunction=\"identity\""), "x\n3\n")[1], "7");
    let problem = crate::files::load(of("").as_bytes()).err().unwrap().to_string();
    assert!(
        problem.contains("<NeuralLayer> lacks activationFunction, and so does its <NeuralNetwork>"),
        "{problem}"
    );
}

#[test]
fn widths_of_a_gaussian_process_may_stand_in_an_array_in_lower_case() {
    let of = |array: &str| {
        let model = format!(
            "<GaussianProcessModel functionName=\"regression\">{}<ARDSquaredExponentialKernel gamma=\"1\" noiseVariance=\"0.5\">\
             <Lambda><{array} n=\"1\" type=\"real\">2</{array}></Lambda></ARDSquaredExponentialKernel><TrainingInstances \
             recordCount=\"1\" fieldCount=\"2\" isTransformed=\"false\"><InstanceFields><InstanceField field=\"x\" column=\"x\"/>\
             <InstanceField field=\"y\" column=\"y\"/></InstanceFields><InlineTable><row><x>1</x><y>3</y></row></InlineTable>\
             </TrainingInstances></GaussianProcessModel>",
            schema("y", &["x"])
        );
        answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n1\n")[1]
            .parse::<f64>()
            .unwrap()
    };
    // 3 · 1 / (1 + 0.5)
    assert!((of("Array") - 2.0).abs() < 1e-12);
    assert_eq!(of("Array"), of("array"));
}
