//! What neither writers nor other evaluators do often, each with an answer calculated by hand.

use crate::cases::with_fields;
use crate::rules::{categorical, continuous, output, schema};
use crate::table::answers;

fn numbers(line: &str) -> Vec<f64> {
    line.split(',').filter_map(|cell| cell.parse().ok()).collect()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

fn constant(number: f64) -> String {
    format!("<Constant dataType=\"double\">{number}</Constant>")
}

/// A field that says whether `c` is below 5 or not.
const HALVES: &str = "<DerivedField name=\"half\" optype=\"categorical\" dataType=\"string\"><Discretize field=\"c\">\
    <DiscretizeBin binValue=\"low\"><Interval closure=\"openOpen\" rightMargin=\"5\"/></DiscretizeBin>\
    <DiscretizeBin binValue=\"high\"><Interval closure=\"closedOpen\" leftMargin=\"5\"/></DiscretizeBin>\
    </Discretize></DerivedField>";

/// A network of a number, by a distribution of its own, and of a class, by the half in which that number lies. What is asked
/// is the class, or the number. `before` stands before the nodes, `within` in the class's node.
fn halves(before: &str, within: &str, distribution: &str, asks_class: bool) -> String {
    let of = |half: &str, t: f64, f: f64| {
        format!(
            "<DiscreteConditionalProbability><ParentValue parent=\"half\" value=\"{half}\"/>\
             <ValueProbability value=\"t\" probability=\"{t}\"/><ValueProbability value=\"f\" probability=\"{f}\"/>\
             </DiscreteConditionalProbability>"
        )
    };
    let (function, target, active) =
        if asks_class { ("classification", "d", "c") } else { ("regression", "c", "d") };
    let asked = [("pt", "feature=\"probability\" value=\"t\"")];
    let model = format!(
        "<BayesianNetworkModel functionName=\"{function}\">{}{}{before}<BayesianNetworkNodes>\
         <ContinuousNode name=\"c\"><ContinuousDistribution>{distribution}</ContinuousDistribution></ContinuousNode>\
         <DiscreteNode name=\"d\">{within}{}{}</DiscreteNode></BayesianNetworkNodes></BayesianNetworkModel>",
        schema(target, &[active]),
        if asks_class { output(&asked) } else { String::new() },
        of("low", 0.2, 0.8),
        of("high", 0.9, 0.1),
    );
    with_fields(&(continuous("c") + &categorical("d", &["t", "f"])), &model)
}

#[test]
fn a_class_may_depend_on_a_field_that_is_made_of_a_node() {
    let normal = format!(
        "<NormalDistributionForBN><Mean>{}</Mean><Variance>{}</Variance></NormalDistributionForBN>",
        constant(4.0),
        constant(4.0)
    );
    let of_node = halves("", HALVES, &normal, true);
    let local = format!("<LocalTransformations>{HALVES}</LocalTransformations>");
    let of_model = halves(&local, "", &normal, true);
    // How much of a normal distribution lies half a deviation or more above its mean, by a table.
    let high = 0.308_537_538_725_986_94;
    for document in [of_node, of_model] {
        let lines = answers(&document, "c\n3\n5\nNA\n");
        near(numbers(&lines[1])[0], 0.2);
        near(numbers(&lines[2])[0], 0.9);
        near(numbers(&lines[3])[0], 0.9 * high + 0.2 * (1.0 - high));
    }
}

#[test]
fn a_number_is_inferred_from_a_class_that_depends_on_its_half() {
    let uniform = format!(
        "<UniformDistributionForBN><Lower>{}</Lower><Upper>{}</Upper></UniformDistributionForBN>",
        constant(1.0),
        constant(8.0)
    );
    let lines = answers(&halves("", HALVES, &uniform, false), "d\nt\nf\n");
    // From 1 to 5 four parts of seven around 3, from 5 to 8 three around 6.5.
    let mean = |low: f64, high: f64| (4.0 * low * 3.0 + 3.0 * high * 6.5) / (4.0 * low + 3.0 * high);
    near(numbers(&lines[1])[0], mean(0.2, 0.9));
    near(numbers(&lines[2])[0], mean(0.8, 0.1));
}

#[test]
fn a_cell_of_the_design_may_be_of_one_class() {
    let cell = |class: &str, field: &str| {
        format!(
            "<PPCell value=\"1\" predictorName=\"{field}\" parameterName=\"slope\" targetCategory=\"{class}\"/>"
        )
    };
    let beta = |class: &str, parameter: &str, beta: f64| {
        format!("<PCell targetCategory=\"{class}\" parameterName=\"{parameter}\" beta=\"{beta}\"/>")
    };
    let model = format!(
        "<GeneralRegressionModel functionName=\"classification\" modelType=\"multinomialLogistic\" \
         targetReferenceCategory=\"c\">{}{}<ParameterList><Parameter name=\"one\"/><Parameter name=\"slope\"/>\
         </ParameterList><CovariateList><Predictor name=\"x\" contrastMatrixType=\"none\"/><Predictor name=\"z\"/>\
         </CovariateList><PPMatrix>{}{}</PPMatrix><ParamMatrix>{}{}{}{}</ParamMatrix></GeneralRegressionModel>",
        schema("y", &["x", "z"]),
        output(&[
            ("pa", "feature=\"probability\" value=\"a\""),
            ("pb", "feature=\"probability\" value=\"b\"")
        ]),
        cell("a", "x"),
        cell("b", "z"),
        beta("a", "one", -0.5),
        beta("b", "one", 0.9),
        beta("a", "slope", 0.4),
        beta("b", "slope", -0.3),
    );
    let fields = continuous("x") + &continuous("z") + &categorical("y", &["a", "b", "c"]);
    let lines = answers(&with_fields(&fields, &model), "x,z\n1,2\n0,-1\n");
    for (line, [x, z]) in lines[1..].iter().zip([[1.0, 2.0], [0.0, -1.0]]) {
        let (a, b) = ((-0.5f64 + 0.4 * x).exp(), (0.9f64 - 0.3 * z).exp());
        let found = numbers(line);
        near(found[0], a / (a + b + 1.0));
        near(found[1], b / (a + b + 1.0));
    }
}

fn shares(a: u32, b: u32) -> String {
    format!(
        "<ScoreDistribution value=\"a\" recordCount=\"{a}\"/><ScoreDistribution value=\"b\" recordCount=\"{b}\"/>"
    )
}

#[test]
fn the_default_of_a_rule_set_has_the_probabilities_that_it_is_given() {
    let with_rule = |of_rule: &str| {
        let model = format!(
            "<RuleSetModel functionName=\"classification\">{}{}<RuleSet defaultScore=\"b\">\
             <RuleSelectionMethod criterion=\"firstHit\"/>{}<SimpleRule score=\"a\">\
             <SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"0\"/>{of_rule}</SimpleRule></RuleSet>\
             </RuleSetModel>",
            schema("y", &["x"]),
            output(&[("pa", "feature=\"probability\" value=\"a\"")]),
            shares(30, 70),
        );
        answers(&with_fields(&(continuous("x") + &categorical("y", &["a", "b"])), &model), "x\n1\n-1\nNA\n")
    };
    // 9 of 10 by the rule, 3 of 10 by default; a rule that says nothing leaves the default its own.
    assert_eq!(with_rule(&shares(9, 1))[1..], ["a,0.9", "b,0.3", "b,0.3"]);
    assert_eq!(with_rule("")[1..], ["a,", "b,0.3", "b,0.3"]);
}

#[test]
fn a_surrogate_that_decides_against_a_node_has_got_around_a_missing_value_too() {
    let above =
        |field: &str| format!("<SimplePredicate field=\"{field}\" operator=\"greaterThan\" value=\"0\"/>");
    let shares = "<ScoreDistribution value=\"a\" recordCount=\"3\" confidence=\"0.75\"/>\
        <ScoreDistribution value=\"b\" recordCount=\"1\" confidence=\"0.25\"/>";
    let model = format!(
        "<TreeModel functionName=\"classification\" noTrueChildStrategy=\"returnLastPrediction\" \
         missingValuePenalty=\"0.5\">{}{}<Node score=\"a\"><True/>{shares}<Node score=\"a\">\
         <CompoundPredicate booleanOperator=\"surrogate\">{}{}</CompoundPredicate>{shares}</Node></Node></TreeModel>",
        schema("y", &["x", "z"]),
        output(&[("sure", "feature=\"confidence\"")]),
        above("x"),
        above("z"),
    );
    let fields = continuous("x") + &continuous("z") + &categorical("y", &["a", "b"]);
    let lines = answers(&with_fields(&fields, &model), "x,z\n1,1\n-1,1\nNA,1\nNA,-1\nNA,NA\n");
    assert_eq!(lines[1..], ["a,0.75", "a,0.75", "a,0.375", "a,0.375", "a,0.75"]);
}

#[test]
fn a_node_below_an_unknown_one_answers_itself_where_none_of_its_children_can_hold() {
    let sure = |a: f64| {
        format!(
            "<ScoreDistribution value=\"a\" recordCount=\"1\" confidence=\"{a}\"/>\
             <ScoreDistribution value=\"b\" recordCount=\"1\" confidence=\"{}\"/>",
            1.0 - a
        )
    };
    let asks = |field: &str, operator: &str| {
        format!("<SimplePredicate field=\"{field}\" operator=\"{operator}\" value=\"0\"/>")
    };
    let model = format!(
        "<TreeModel functionName=\"classification\" missingValueStrategy=\"weightedConfidence\" \
         noTrueChildStrategy=\"returnLastPrediction\">{}{}<Node recordCount=\"4\"><True/><Node score=\"a\" \
         recordCount=\"3\">{}{}<Node score=\"b\" recordCount=\"1\">{}{}</Node></Node><Node score=\"b\" recordCount=\"1\">{}{}\
         </Node></Node></TreeModel>",
        schema("y", &["x", "z"]),
        output(&[("sure", "feature=\"confidence\" value=\"a\"")]),
        asks("x", "greaterThan"),
        sure(0.75),
        asks("z", "greaterThan"),
        sure(0.0),
        asks("x", "lessOrEqual"),
        sure(0.25),
    );
    let fields = continuous("x") + &continuous("z") + &categorical("y", &["a", "b"]);
    let lines = answers(&with_fields(&fields, &model), "x,z\nNA,-1\nNA,1\n");
    // Three records of four at 0.75, one at 0.25; where the child holds, three at 0.
    assert_eq!(lines[1..], ["a,0.625", "b,0.0625"]);
}

/// Two clusters of zeros and ones, by a measure: of each row how near, how near the first is, and which is nearest.
fn bits(measure: &str) -> Vec<String> {
    let field = |name: &str| format!("<ClusteringField field=\"{name}\"/>");
    let model = format!(
        "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\"><MiningSchema>\
         <MiningField name=\"x\"/><MiningField name=\"z\"/></MiningSchema>{}<ComparisonMeasure kind=\"similarity\">\
         {measure}</ComparisonMeasure>{}{}<Cluster><Array n=\"2\" type=\"int\">0 0</Array></Cluster><Cluster>\
         <Array n=\"2\" type=\"int\">1 0</Array></Cluster></ClusteringModel>",
        output(&[
            ("near", "feature=\"affinity\""),
            ("first", "feature=\"affinity\" value=\"1\""),
            ("which", "feature=\"entityId\""),
        ]),
        field("x"),
        field("z"),
    );
    let lines = answers(&with_fields(&(continuous("x") + &continuous("z")), &model), "x,z\n0,0\n1,0\n0,1\n");
    let place = |name: &str| lines[0].split(',').position(|head| head == name).unwrap();
    let places = ["near", "first", "which"].map(place);
    let asked = |line: &String| {
        let cells: Vec<&str> = line.split(',').collect();
        places.map(|place| cells[place]).join(",")
    };
    lines[1..].iter().map(asked).collect()
}

#[test]
fn rows_of_zeros_are_alike_and_what_does_not_compare_is_not_near() {
    assert_eq!(bits("<jaccard/>"), ["1,1,1", "1,0,2", "0,0,1"]);
    // Ones in both, as parts of what is one in the cluster: the first has none.
    let of_cluster = "<binarySimilarity c00-parameter=\"0\" c01-parameter=\"0\" c10-parameter=\"0\" c11-parameter=\"1\" \
        d00-parameter=\"0\" d01-parameter=\"1\" d10-parameter=\"0\" d11-parameter=\"1\"/>";
    assert_eq!(bits(of_cluster), ["0,,2", "1,,2", "0,,2"]);
}

/// Two segments, of which the first needs `x`; the output asks the second.
fn segments(method: &str, treatment: &str) -> Vec<String> {
    let linear = |field: &str| {
        format!(
            "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"0\">\
             <NumericPredictor name=\"{field}\" coefficient=\"2\"/></RegressionTable></RegressionModel>",
            schema("y", &[field])
        )
    };
    let model = format!(
        "<MiningModel functionName=\"regression\">{}{}<Segmentation multipleModelMethod=\"{method}\" \
         missingPredictionTreatment=\"{treatment}\"><Segment id=\"1\"><True/>{}</Segment><Segment id=\"2\"><True/>{}\
         </Segment></Segmentation></MiningModel>",
        schema("y", &["x", "z"]),
        output(&[("second", "segmentId=\"2\"")]),
        linear("x"),
        linear("z"),
    );
    let fields = continuous("x") + &continuous("z") + &continuous("y");
    answers(&with_fields(&fields, &model), "x,z\n1,3\nNA,3\n").split_off(1)
}

#[test]
fn a_segment_that_is_asked_answers_though_the_whole_has_no_prediction() {
    assert_eq!(segments("average", "continue"), ["4,6", ",6"]);
    assert_eq!(segments("sum", "returnMissing"), ["8,6", ",6"]);
    assert_eq!(segments("average", "skipSegment"), ["4,6", "6,6"]);
}

#[test]
fn a_chain_of_any_kind_stops_where_a_missing_prediction_is_to_be_returned() {
    for method in ["modelChain", "x-multiModelChain"] {
        assert_eq!(segments(method, "continue"), ["6,6", "6,6"]);
        assert_eq!(segments(method, "returnMissing"), ["6,6", ","]);
    }
}

#[test]
fn a_leaking_rectifier_lets_its_part_through_below_zero() {
    let network = |of_network: &str, of_layer: &str| {
        let model = format!(
            "<NeuralNetwork functionName=\"regression\" activationFunction=\"rectifier\" {of_network}>{}<NeuralInputs>\
             <NeuralInput id=\"i\"><DerivedField name=\"in\" optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/>\
             </DerivedField></NeuralInput></NeuralInputs><NeuralLayer {of_layer}><Neuron id=\"n\"><Con from=\"i\" weight=\"2\"/>\
             </Neuron></NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron=\"n\"><DerivedField name=\"out\" \
             optype=\"continuous\" dataType=\"double\"><FieldRef field=\"y\"/></DerivedField></NeuralOutput></NeuralOutputs>\
             </NeuralNetwork>",
            schema("y", &["x"])
        );
        answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n-3\n3\n")[1..].to_vec()
    };
    assert_eq!(network("", ""), ["0", "6"]);
    assert_eq!(network("x-leakage=\"0.5\"", ""), ["-3", "6"]);
    assert_eq!(network("x-leakage=\"0.5\"", "x-leakage=\"0.25\""), ["-1.5", "6"]);
    assert_eq!(network("x-leakage=\"0.5\"", "activationFunction=\"identity\""), ["-6", "6"]);
}

#[test]
fn a_table_for_another_target_is_refused_by_the_addition_that_names_it() {
    let document = |field: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"1\" x-targetField=\"{field}\"/>\
             </RegressionModel>",
            schema("y", &["x"])
        );
        with_fields(&(continuous("x") + &continuous("y")), &model)
    };
    assert_eq!(answers(&document("y"), "x\n0\n")[1..], ["1"]);
    let refused = crate::files::load(document("z").as_bytes()).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("x-targetField=\"z\" of <RegressionTable>"), "{refused}");
}

#[test]
fn predictors_that_are_numbers_are_read_from_text() {
    let fields = categorical("t", &[]) + &continuous("y");
    let table = "<RegressionTable intercept=\"1\"><NumericPredictor name=\"t\" coefficient=\"2\"/><PredictorTerm \
                 coefficient=\"1\"><FieldRef field=\"t\"/><FieldRef field=\"t\"/></PredictorTerm></RegressionTable>";
    let line = format!(
        "<RegressionModel functionName=\"regression\">{}{table}</RegressionModel>",
        schema("y", &["t"])
    );
    let general = format!(
        "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\">{}<ParameterList>\
         <Parameter name=\"p\"/></ParameterList><CovariateList><Predictor name=\"t\"/></CovariateList><PPMatrix><PPCell \
         value=\"2\" predictorName=\"t\" parameterName=\"p\"/></PPMatrix><ParamMatrix><PCell parameterName=\"p\" \
         beta=\"3\"/></ParamMatrix></GeneralRegressionModel>",
        schema("y", &["t"])
    );
    for (model, expected) in [(line, "12.25"), (general, "18.75")] {
        let got = answers(&with_fields(&fields, &model), "t\n2.5\nabc\nNA\n");
        assert!(got[1] == expected && got[2].contains("\"abc\"") && got[3].is_empty(), "{got:?}");
    }
}
