//! Rules of the specification that no writer's file exercises, each with an answer calculated by hand.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::files::load;
use crate::table::answers;

pub(crate) fn continuous(name: &str) -> String {
    format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>")
}

pub(crate) fn categorical(name: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<Value value=\"{value}\"/>")).collect();
    format!("<DataField name=\"{name}\" optype=\"categorical\" dataType=\"string\">{values}</DataField>")
}

pub(crate) fn schema(target: &str, active: &[&str]) -> String {
    let active: String = active.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
    format!("<MiningSchema>{active}<MiningField name=\"{target}\" usageType=\"target\"/></MiningSchema>")
}

pub(crate) fn output(fields: &[(&str, &str)]) -> String {
    let fields: String =
        fields.iter().map(|(name, rest)| format!("<OutputField name=\"{name}\" {rest}/>")).collect();
    format!("<Output>{fields}</Output>")
}

fn shares(counts: &[(&str, u32)]) -> String {
    let of = |(value, count): &(&str, u32)| {
        format!("<ScoreDistribution value=\"{value}\" recordCount=\"{count}\"/>")
    };
    counts.iter().map(of).collect()
}

const PROBABILITIES: &[(&str, &str)] = &[
    ("pa", "feature=\"probability\" value=\"a\""),
    ("pb", "feature=\"probability\" value=\"b\""),
    ("pc", "feature=\"probability\" value=\"c\""),
];

/// Trees that say the same of each row, joined by a method.
fn voters(method: &str, voters: &[[u32; 3]], weights: &[f64]) -> Vec<String> {
    let segment = |(of, weight): (&[u32; 3], &f64)| {
        let shares = shares(&[("a", of[0]), ("b", of[1]), ("c", of[2])]);
        format!(
            "<Segment weight=\"{weight}\"><True/><TreeModel functionName=\"classification\"><MiningSchema>\
             <MiningField name=\"x\"/></MiningSchema><Node><True/>{shares}</Node></TreeModel></Segment>"
        )
    };
    let segments: String = voters.iter().zip(weights).map(segment).collect();
    let model = format!(
        "<MiningModel functionName=\"classification\">{}{}<Segmentation multipleModelMethod=\"{method}\">{segments}\
         </Segmentation></MiningModel>",
        schema("y", &["x"]),
        output(PROBABILITIES),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b", "c"]);
    let line = answers(&with_fields(&fields, &model), "x\n1\n").remove(1);
    line.split(',').map(str::to_owned).collect()
}

#[test]
fn of_the_greatest_and_of_the_middle_probability_the_models_that_have_it_say_the_rest() {
    // a: 0.5, 0.5, 0.25; b: 0.25, 0.125, 0.5; c: 0.25, 0.375, 0.25. The greatest is 0.5, first of a: models 1 and 2.
    let three = [[4, 2, 2], [4, 1, 3], [2, 4, 2]];
    assert_eq!(voters("max", &three, &[1.0; 3]), ["a", "0.5", "0.1875", "0.3125"]);
    // Medians 0.5, 0.25, 0.25: a wins, by the same models.
    assert_eq!(voters("median", &three, &[1.0; 3]), ["a", "0.5", "0.1875", "0.3125"]);
    // Of four, a: 0.125, 0.25, 0.5, 0.5, in the middle 0.25 and 0.5 (0.375); b: 0.125, 0.25, 0.5, 0.75 (0.375);
    // c: 0.125, 0.25, 0.25, 0.375 (0.25). The first of equal ones is a; models 1, 2 and 3 have its middle.
    let four = [[4, 2, 2], [4, 1, 3], [2, 4, 2], [1, 6, 1]];
    let third = |sum: f64| (sum / 3.0).to_string();
    assert_eq!(voters("median", &four, &[1.0; 4]), ["a".to_owned(), third(1.25), third(0.875), third(0.875)]);
    // By weight the middle of a is 0.25, of b 0.5, of c 0.25.
    assert_eq!(voters("weightedMedian", &three, &[1.0, 1.0, 3.0]), ["b", "0.25", "0.5", "0.25"]);
}

#[test]
fn segments_without_prediction_count_by_their_weight_whatever_the_method() {
    let joined = |method: &str, threshold: &str| {
        let segment = |score: &str, weight: u32, predicate: &str| {
            format!(
                "<Segment weight=\"{weight}\"><True/><TreeModel functionName=\"regression\"><MiningSchema>\
                 <MiningField name=\"x\"/></MiningSchema><Node score=\"{score}\">{predicate}</Node></TreeModel></Segment>"
            )
        };
        let segments =
            segment("1", 1, "<True/>") + &segment("2", 1, "<True/>") + &segment("9", 4, "<False/>");
        let model = format!(
            "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"{method}\" \
             missingPredictionTreatment=\"skipSegment\" missingThreshold=\"{threshold}\">{segments}</Segmentation></MiningModel>",
            schema("y", &["x"])
        );
        answers(&document("", &model), "x\n1\n").remove(1)
    };
    // Four of six by weight.
    for method in ["average", "weightedAverage"] {
        assert_eq!([joined(method, "0.7"), joined(method, "0.6")], ["1.5", ""], "{method}");
    }
}

#[test]
fn a_segmentation_has_fields_of_its_own() {
    let model = format!(
        "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"sum\"><LocalTransformations>\
         <DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply function=\"*\"><FieldRef field=\"x\"/>\
         <Constant>10</Constant></Apply></DerivedField></LocalTransformations><Segment><True/>\
         <RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"d\"/></MiningSchema>\
         <RegressionTable intercept=\"1\"><NumericPredictor name=\"d\" coefficient=\"1\"/></RegressionTable></RegressionModel>\
         </Segment></Segmentation></MiningModel>",
        schema("y", &["x"])
    );
    assert_eq!(answers(&document("", &model), "x\n3\n")[1], "31");
}

/// A tree whose second node holds where `x` is missing, with a strategy.
fn tree(strategy: &str, input: &str) -> String {
    let node = |id: &str, count: u32, predicate: &str, counts: &[(&str, u32)]| {
        format!("<Node id=\"{id}\" recordCount=\"{count}\">{predicate}{}</Node>", shares(counts))
    };
    let model = format!(
        "<TreeModel functionName=\"classification\" missingValueStrategy=\"{strategy}\">{}{}<Node><True/>{}{}{}</Node></TreeModel>",
        schema("y", &["x"]),
        output(&PROBABILITIES[..2]),
        node(
            "1",
            30,
            "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"5\"/>",
            &[("a", 24), ("b", 6)]
        ),
        node("2", 10, "<SimplePredicate field=\"x\" operator=\"isMissing\"/>", &[("a", 1), ("b", 9)]),
        node(
            "3",
            60,
            "<SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"5\"/>",
            &[("a", 6), ("b", 54)]
        ),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b"]);
    answers(&with_fields(&fields, &model), input).remove(1)
}

#[test]
fn unknown_nodes_and_their_siblings_are_weighed_or_added_up() {
    // 0.3·0.8 + 0.1·0.1 + 0.6·0.1 of a.
    let weighted = tree("weightedConfidence", "x\nNA\n");
    let cells: Vec<&str> = weighted.split(',').collect();
    assert_eq!(cells[0], "b");
    assert!((cells[1].parse::<f64>().unwrap() - 0.31).abs() < 1e-15, "{weighted}");
    // A row without x may be in node 1 or, if not there, in node 2: 25 of a, 15 of b.
    assert_eq!(tree("aggregateNodes", "x\nNA\n"), "a,0.625,0.375");
    assert_eq!(tree("none", "x\nNA\n"), "b,0.1,0.9");
    assert_eq!(tree("nullPrediction", "x\nNA\n"), ",,");
}

#[test]
fn machines_compare_with_their_threshold_in_the_sense_of_max_wins() {
    let answer = |attributes: &str| {
        let model = format!(
            "<SupportVectorMachineModel functionName=\"classification\" svmRepresentation=\"Coefficients\" {attributes}>{}\
             <LinearKernelType/><VectorDictionary numberOfVectors=\"0\"><VectorFields><FieldRef field=\"x\"/></VectorFields>\
             </VectorDictionary><SupportVectorMachine targetCategory=\"a\" alternateTargetCategory=\"b\" threshold=\"2\">\
             <Coefficients absoluteValue=\"1\"><Coefficient value=\"1\"/></Coefficients></SupportVectorMachine>\
             </SupportVectorMachineModel>",
            schema("y", &["x"])
        );
        let fields = continuous("x") + &categorical("y", &["a", "b"]);
        answers(&with_fields(&fields, &model), "x\n0\n5\n").split_off(1)
    };
    assert_eq!(answer(""), ["a", "b"]);
    assert_eq!(answer("maxWins=\"true\""), ["b", "a"]);
    assert_eq!(answer("maxWins=\"true\" classificationMethod=\"OneAgainstAll\""), ["b", "a"]);
}

#[test]
fn rules_of_equal_weight_give_the_class_that_the_dictionary_names_first() {
    let rule = |score: &str, weight: f64| {
        format!("<SimpleRule score=\"{score}\" weight=\"{weight}\" confidence=\"0.5\"><True/></SimpleRule>")
    };
    let model = format!(
        "<RuleSetModel functionName=\"classification\">{}{}<RuleSet><RuleSelectionMethod criterion=\"weightedSum\"/>{}{}{}\
         </RuleSet></RuleSetModel>",
        schema("y", &["x"]),
        output(&[("c", "feature=\"confidence\"")]),
        rule("b", 0.6),
        rule("a", 0.25),
        rule("a", 0.35),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b"]);
    // 0.6 of three rules that fire.
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n")[1], format!("a,{}", 0.6 / 3.0));
}

#[test]
fn the_threshold_of_naive_bayes_stands_for_what_was_never_seen_alone() {
    let counts = |a: u32, b: u32| {
        format!(
            "<TargetValueCounts><TargetValueCount value=\"a\" count=\"{a}\"/><TargetValueCount value=\"b\" count=\"{b}\"/>\
             </TargetValueCounts>"
        )
    };
    let model = format!(
        "<NaiveBayesModel functionName=\"classification\" threshold=\"0.25\">{}{}<BayesInputs><BayesInput fieldName=\"x\">\
         <PairCounts value=\"u\">{}</PairCounts><PairCounts value=\"v\">{}</PairCounts><PairCounts value=\"w\">{}</PairCounts>\
         </BayesInput></BayesInputs><BayesOutput fieldName=\"y\">{}</BayesOutput></NaiveBayesModel>",
        schema("y", &["x"]),
        output(&PROBABILITIES[..1]),
        counts(10, 30),
        counts(0, 50),
        counts(90, 20),
        counts(100, 100),
    );
    let fields = categorical("x", &["u", "v", "w"]) + &categorical("y", &["a", "b"]);
    let got = answers(&with_fields(&fields, &model), "x\nu\nv\n");
    let probability = |line: &str| line.split(',').nth(1).unwrap().parse::<f64>().unwrap();
    // 0.1 against 0.3: less than the threshold, but seen; 0.25 against 0.5.
    assert!((probability(&got[1]) - 0.25).abs() < 1e-12, "{got:?}");
    assert!((probability(&got[2]) - 1.0 / 3.0).abs() < 1e-12, "{got:?}");
}

#[test]
fn classes_of_other_ranks_and_several_at_once_are_answered() {
    let fields = continuous("x") + &categorical("y", &["a", "b", "c"]);
    let model = |outputs: &[(&str, &str)]| {
        format!(
            "<TreeModel functionName=\"classification\">{}{}<Node><True/>{}</Node></TreeModel>",
            schema("y", &["x"]),
            output(outputs),
            shares(&[("a", 2), ("b", 5), ("c", 1)])
        )
    };
    let text = with_fields(
        &fields,
        &model(&[
            ("second", "feature=\"predictedValue\" rank=\"2\""),
            ("p2", "feature=\"probability\" rank=\"2\""),
            ("least", "feature=\"predictedValue\" rankOrder=\"ascending\""),
        ]),
    );
    assert_eq!(answers(&text, "x\n1\n")[1], "b,a,0.25,c");
    let several =
        with_fields(&fields, &model(&[("all", "feature=\"predictedValue\" rank=\"2\" isMultiValued=\"1\"")]));
    let got = answers(&several, "x\n1\n");
    assert!(got[1].contains("[b, a]"), "{got:?}");
    // What a field names is one entry, and what is alone is the first in each order.
    let named = ("p", "feature=\"probability\" value=\"c\" rank=\"2\"");
    let alone = ("e", "feature=\"entityId\" rankOrder=\"ascending\"");
    assert_eq!(answers(&with_fields(&fields, &model(&[named, alone])), "x\n1\n")[1], "b,0.125,1");
    let refused = with_fields(&fields, &model(&[("e", "feature=\"entityId\" isMultiValued=\"1\"")]));
    let problem = load(refused.as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("isMultiValued") && problem.contains("line 1"), "{problem}");
}

#[test]
fn ordinal_values_are_in_the_order_in_which_they_are_named() {
    let level = |values: &str, dtype: &str| {
        let field =
            format!("<DataField name=\"s\" optype=\"ordinal\" dataType=\"{dtype}\">{values}</DataField>");
        let value = if dtype == "string" { "mid" } else { "3" };
        let model = format!(
            "<TreeModel functionName=\"regression\">{}<Node><True/><Node score=\"1\"><SimplePredicate field=\"s\" \
             operator=\"lessThan\" value=\"{value}\"/></Node><Node score=\"2\"><SimplePredicate field=\"s\" \
             operator=\"greaterOrEqual\" value=\"{value}\"/></Node></Node></TreeModel>",
            schema("y", &["s"])
        );
        let input = if dtype == "string" { "s\nlow\nmid\nhigh\n" } else { "s\n5\n3\n1\n" };
        answers(&with_fields(&(field + &continuous("y")), &model), input).split_off(1)
    };
    let words = "<Value value=\"low\"/><Value value=\"mid\"/><Value value=\"high\"/>";
    assert_eq!(level(words, "string"), ["1", "2", "2"]);
    // Numbers that fall: 5 is the least.
    let numbers = "<Value value=\"5\"/><Value value=\"3\"/><Value value=\"1\"/>";
    assert_eq!(level(numbers, "integer"), ["1", "2", "2"]);
    let derived = "<LocalTransformations><DerivedField name=\"d\" optype=\"ordinal\" dataType=\"string\"><Discretize field=\"x\">\
        <DiscretizeBin binValue=\"low\"><Interval closure=\"openOpen\" rightMargin=\"1\"/></DiscretizeBin><DiscretizeBin \
        binValue=\"high\"><Interval closure=\"closedOpen\" leftMargin=\"1\"/></DiscretizeBin></Discretize><Value value=\"low\"/>\
        <Value value=\"high\"/></DerivedField><DerivedField name=\"t\" optype=\"continuous\" dataType=\"double\"><NormDiscrete \
        field=\"d\" value=\"high\" method=\"thermometer\"/></DerivedField></LocalTransformations>";
    let model = linear(derived, "<NumericPredictor name=\"t\" coefficient=\"2\"/>");
    assert_eq!(answers(&document("", &model), "x\n0\n5\n")[1..], ["1", "3"]);
}

#[test]
fn a_target_may_be_ordinal_though_its_field_is_not() {
    let model = |targets: &str| {
        let table = |class: &str, intercept: &str| {
            format!("<RegressionTable targetCategory=\"{class}\" intercept=\"{intercept}\"/>")
        };
        format!(
            "<RegressionModel functionName=\"classification\" normalizationMethod=\"logit\">{}{}{targets}{}{}{}</RegressionModel>",
            schema("y", &["x"]),
            output(PROBABILITIES),
            table("a", "0"),
            table("b", "1000"),
            table("c", "0"),
        )
    };
    let fields = continuous("x") + &categorical("y", &["a", "b", "c"]);
    // Cumulative 0.5 and 1, against 0.5, 1 and 0.5 of their sum.
    let ordinal = model("<Targets><Target field=\"y\" optype=\"ordinal\"/></Targets>");
    assert_eq!(answers(&with_fields(&fields, &ordinal), "x\n1\n")[1], "a,0.5,0.5,0");
    assert_eq!(answers(&with_fields(&fields, &model("")), "x\n1\n")[1], "b,0.25,0.5,0.25");
}

#[test]
fn values_of_a_continuous_field_are_all_that_is_valid_but_for_its_intervals() {
    let lines = |values: &str| {
        let x =
            format!("<DataField name=\"x\" optype=\"continuous\" dataType=\"double\">{values}</DataField>");
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"1\"><NumericPredictor name=\"x\" \
             coefficient=\"1\"/></RegressionTable></RegressionModel>",
            schema("y", &["x"]).replace("name=\"x\"", "name=\"x\" invalidValueTreatment=\"asMissing\"")
        );
        answers(&with_fields(&(x + &continuous("y")), &model), "x\n1\n3.5\n9\n").split_off(1)
    };
    let interval = "<Interval closure=\"closedClosed\" leftMargin=\"3\" rightMargin=\"4\"/>";
    assert_eq!(lines("<Value value=\"1\"/>"), ["2", "", ""]);
    assert_eq!(lines(interval), ["", "4.5", ""]);
    assert_eq!(lines(&format!("{interval}<Value value=\"1\"/>")), ["2", "4.5", ""]);
    assert_eq!(lines(&format!("{interval}<Value value=\"3.5\" property=\"invalid\"/>")), ["", "", ""]);
    assert_eq!(lines("<Value value=\"9\" property=\"missing\"/>"), ["2", "4.5", ""]);
}

#[test]
fn a_derived_field_that_depends_on_itself_is_named_with_its_place() {
    let text = document(
        "<TransformationDictionary>\n<DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">\
         <FieldRef field=\"e\"/></DerivedField>\n<DerivedField name=\"e\" optype=\"continuous\" dataType=\"double\">\
         <FieldRef field=\"d\"/></DerivedField></TransformationDictionary>",
        &linear("", "<NumericPredictor name=\"d\" coefficient=\"1\"/>"),
    );
    let problem = load(text.as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("line 4, column 1") && problem.contains("depends on itself"), "{problem}");
}

#[test]
fn a_contrast_matrix_is_read_in_the_order_of_the_categories() {
    let answer = |categories: &str| {
        let model = format!(
            "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\">{}<ParameterList><Parameter name=\"p0\"/>\
             <Parameter name=\"p1\"/></ParameterList><FactorList><Predictor name=\"f\">{categories}<Matrix><Array type=\"real\">1 0\
             </Array><Array type=\"real\">0 1</Array><Array type=\"real\">-1 -1</Array></Matrix></Predictor></FactorList><PPMatrix>\
             <PPCell value=\"u\" predictorName=\"f\" parameterName=\"p0\"/><PPCell value=\"v\" predictorName=\"f\" \
             parameterName=\"p1\"/></PPMatrix><ParamMatrix><PCell parameterName=\"p0\" beta=\"2\"/><PCell parameterName=\"p1\" \
             beta=\"3\"/></ParamMatrix></GeneralRegressionModel>",
            schema("y", &["f"])
        );
        let fields = categorical("f", &["u", "v", "w"]) + &continuous("y");
        answers(&with_fields(&fields, &model), "f\nu\nv\nw\n").split_off(1)
    };
    assert_eq!(answer(""), ["2", "3", "-5"]);
    let turned =
        "<Categories><Category value=\"w\"/><Category value=\"v\"/><Category value=\"u\"/></Categories>";
    // u is the last row, and its column lies beyond the matrix: nothing of p0. w is the first row, v the second.
    assert_eq!(answer(turned), ["-3", "3", "0"]);
}

#[test]
fn dates_have_intervals_too() {
    let field = "<DataField name=\"d\" optype=\"ordinal\" dataType=\"date\"><Interval closure=\"closedOpen\" \
        leftMargin=\"2000-01-01\" rightMargin=\"2001-01-01\"/></DataField>";
    let model = format!(
        "<TreeModel functionName=\"regression\">{}<Node><True/><Node score=\"1\"><SimplePredicate field=\"d\" \
         operator=\"lessThan\" value=\"2000-06-01\"/></Node><Node score=\"2\"><True/></Node></Node></TreeModel>",
        schema("y", &["d"])
    );
    let got = answers(
        &with_fields(&(field.to_owned() + &continuous("y")), &model),
        "d\n2000-02-29\n2000-12-31\n2001-01-01\n",
    );
    assert_eq!(got[1..3], ["1", "2"]);
    assert!(got[3].starts_with("error") && got[3].contains("2001-01-01"), "{got:?}");
}

#[test]
fn the_nearest_whole_number_is_that_of_the_number_and_not_of_a_sum() {
    let text = "<Apply function=\"round\"><FieldRef field=\"x\"/></Apply>";
    let asked = format!(
        "<Output><OutputField name=\"out\" optype=\"continuous\" dataType=\"double\" feature=\"transformedValue\">{text}\
         </OutputField></Output>"
    );
    let model = linear("", "").replace("<RegressionTable", &format!("{asked}<RegressionTable"));
    let lines = answers(&document("", &model), "x\n0.49999999999999994\n4503599627370497\n-0.5\n");
    let found: Vec<&str> = lines[1..].iter().filter_map(|line| line.split(',').next_back()).collect();
    assert_eq!(found, ["0", "4503599627370497", "0"]);
}

#[test]
fn what_writers_add_under_names_of_their_own_is_passed_over() {
    let model = linear(
        "<X-Made by=\"us\"><X-Part/></X-Made>",
        "<NumericPredictor name=\"x\" coefficient=\"2\" x-error=\"0.1\"/>",
    );
    assert_eq!(answers(&document("", &model), "x\n3\n"), ["y", "7"]);
    let told = load(document("", &model).as_bytes()).unwrap().facts().notes;
    assert_eq!(told.len(), 1);
    for name in ["X-Made (line ", "x-error (line "] {
        assert!(told[0].contains(name), "{}", told[0]);
    }
    let foreign = model.replace("x-error", "their:error");
    assert_eq!(answers(&document("", &foreign), "x\n3\n"), ["y", "7"]);
    let unknown = load(document("", &model.replace("x-error", "error")).as_bytes()).map(|_| ()).unwrap_err();
    assert!(unknown.to_string().contains("attribute error"), "{unknown}");
}

#[test]
fn naive_bayes_without_a_threshold_takes_what_was_never_seen_for_impossible() {
    let counts = |a: u32, b: u32| {
        format!(
            "<TargetValueCounts><TargetValueCount value=\"a\" count=\"{a}\"/><TargetValueCount value=\"b\" count=\"{b}\"/>\
             </TargetValueCounts>"
        )
    };
    let input = |name: &str, one: String, other: String| {
        format!(
            "<BayesInput fieldName=\"{name}\"><PairCounts value=\"1\">{one}</PairCounts><PairCounts value=\"2\">{other}\
             </PairCounts></BayesInput>"
        )
    };
    let model = format!(
        "<NaiveBayesModel functionName=\"classification\">{}{}<BayesInputs>{}{}</BayesInputs><BayesOutput fieldName=\"y\">{}\
         </BayesOutput></NaiveBayesModel>",
        schema("y", &["f", "g"]),
        output(&PROBABILITIES[..2]),
        input("f", counts(4, 0), counts(4, 8)),
        input("g", counts(0, 4), counts(8, 4)),
        counts(8, 8),
    );
    let fields =
        categorical("f", &["1", "2"]) + &categorical("g", &["1", "2"]) + &categorical("y", &["a", "b"]);
    // (1, 2): b never has 1. (2, 2): a 1/2 · 1, b 1 · 1/2. (1, 1): neither can be.
    let lines = answers(&with_fields(&fields, &model), "f,g\n1,2\n2,2\n1,1\n");
    assert_eq!(lines[1..], ["a,1,0", "a,0.5,0.5", ",,"]);
}
