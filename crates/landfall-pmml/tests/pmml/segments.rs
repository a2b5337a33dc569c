//! Segments: their own weights, what the model around them says of them, and what it takes from them.

use crate::cases::with_fields;
use crate::rules::{categorical, continuous, output, schema};
use crate::table::answers;

/// A tree of two nodes, above and below zero, that answers its node and what `outputs` ask.
fn two_nodes(function: &str, target: &str, scores: [&str; 2], outputs: &str) -> String {
    let node = |id: &str, score: &str, operator: &str| {
        format!(
            "<Node id=\"{id}\" score=\"{score}\"><SimplePredicate field=\"x\" operator=\"{operator}\" value=\"0\"/></Node>"
        )
    };
    format!(
        "<TreeModel functionName=\"{function}\" splitCharacteristic=\"multiSplit\">{}<Output>{outputs}</Output><Node><True/>{}{}\
         </Node></TreeModel>",
        schema(target, &["x"]),
        node("1", scores[0], "lessThan"),
        node("2", scores[1], "greaterOrEqual"),
    )
}

#[test]
fn a_segment_may_weigh_itself_by_the_node_that_it_has_reached() {
    let weight = "<OutputField name=\"node\" dataType=\"integer\" optype=\"categorical\" feature=\"entityId\"/>\
        <OutputField name=\"weight\" dataType=\"double\" optype=\"continuous\" feature=\"transformedValue\">\
        <MapValues outputColumn=\"w\" dataType=\"double\"><FieldColumnPair field=\"node\" column=\"n\"/><InlineTable>\
        <row><n>1</n><w>3</w></row><row><n>2</n><w>0.5</w></row></InlineTable></MapValues></OutputField>";
    let tree = |scores| two_nodes("classification", "y", scores, weight);
    let plain = two_nodes("classification", "y", ["b", "b"], "");
    let model = format!(
        "<MiningModel functionName=\"classification\">{}{}<Segmentation multipleModelMethod=\"weightedMajorityVote\">\
         <Segment><True/>{}<VariableWeight field=\"weight\"/></Segment><Segment weight=\"1\"><True/>{plain}</Segment>\
         </Segmentation></MiningModel>",
        schema("y", &["x"]),
        output(&[("pa", "feature=\"probability\" value=\"a\"")]),
        tree(["a", "a"]),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b"]);
    let lines = answers(&with_fields(&fields, &model), "x\n-1\n1\n");
    let first = |line: &str| line.split(',').take(2).map(str::to_owned).collect::<Vec<_>>();
    // 3 of 4, then 0.5 of 1.5.
    assert_eq!(first(&lines[1]), ["a", "0.75"]);
    assert_eq!(first(&lines[2]), ["b", &(0.5 / 1.5).to_string()]);
}

#[test]
fn the_entity_of_a_chain_is_the_segment_that_answered_last() {
    let named =
        "<OutputField name=\"inner\" optype=\"categorical\" dataType=\"string\" feature=\"entityId\"/>";
    let first = two_nodes("regression", "y", ["1", "2"], named);
    let model = |method: &str| {
        format!(
            "<MiningModel functionName=\"regression\">{}{}<Segmentation multipleModelMethod=\"{method}\"><Segment id=\"all\">\
             <True/>{first}</Segment><Segment id=\"above\"><SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"5\"/>\
             {first}</Segment></Segmentation></MiningModel>",
            schema("y", &["x"]),
            output(&[("which", "feature=\"entityId\""), ("node", "feature=\"entityId\" segmentId=\"all\"")]),
        )
    };
    let fields = continuous("x") + &continuous("y");
    let lines = |method: &str| -> Vec<String> {
        let lines = answers(&with_fields(&fields, &model(method)), "x\n-1\n9\n").split_off(1);
        lines.iter().map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(lines("modelChain"), ["1,all,1", "2,above,2"]);
    assert_eq!(lines("selectFirst"), ["1,all,1", "2,all,2"]);
}

#[test]
fn an_output_that_asks_a_segment_takes_what_the_segment_answers_by_its_name() {
    let named =
        "<OutputField name=\"inner\" optype=\"continuous\" dataType=\"double\" feature=\"predictedValue\"/>";
    let tree = two_nodes("regression", "y", ["1", "2"], named);
    let model = format!(
        "<MiningModel functionName=\"regression\">{}<Output><OutputField name=\"twice\" optype=\"continuous\" dataType=\"double\" \
         feature=\"transformedValue\" segmentId=\"s\"><Apply function=\"*\"><FieldRef field=\"inner\"/><Constant>2</Constant>\
         </Apply></OutputField></Output><Segmentation multipleModelMethod=\"sum\"><Segment id=\"s\"><True/>{tree}</Segment>\
         </Segmentation></MiningModel>",
        schema("y", &["x"]),
    );
    let lines = answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n-1\n1\n");
    let twice = lines[0].split(',').position(|name| name == "twice").unwrap();
    let of = |line: &str| line.split(',').nth(twice).unwrap().to_owned();
    assert_eq!([of(&lines[1]), of(&lines[2])], ["2", "4"]);
}

#[test]
fn a_sum_over_segments_that_are_all_left_out_is_zero() {
    let silent = "<TreeModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema><Node score=\"4\">\
        <SimplePredicate field=\"x\" operator=\"greaterThan\" value=\"0\"/></Node></TreeModel>";
    let of = |method: &str, rest: &str| {
        let model = format!(
            "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"{method}\" {rest}>\
             <Segment><True/>{silent}</Segment><Segment><True/>{silent}</Segment></Segmentation></MiningModel>",
            schema("y", &["x"])
        );
        answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n1\n-1\n").split_off(1)
    };
    let skip = "missingPredictionTreatment=\"skipSegment\"";
    assert_eq!(of("sum", skip), ["8", "0"]);
    assert_eq!(of("sum", &format!("{skip} missingThreshold=\"0.5\"")), ["8", ""]);
    assert_eq!(of("average", skip), ["4", ""]);
    assert_eq!(of("sum", ""), ["8", ""]);
}

#[test]
fn classes_within_a_regression_are_words_though_its_target_is_a_number() {
    let first = "<TreeModel functionName=\"classification\" splitCharacteristic=\"multiSplit\"><MiningSchema>\
        <MiningField name=\"x\"/></MiningSchema><Output><OutputField name=\"kind\" feature=\"predictedValue\"/></Output>\
        <Node><True/><Node score=\"low\"><SimplePredicate field=\"x\" operator=\"lessThan\" value=\"0\"/></Node>\
        <Node score=\"high\"><SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"0\"/></Node></Node></TreeModel>";
    let second = format!(
        "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"1\"><CategoricalPredictor \
         name=\"kind\" value=\"high\" coefficient=\"5\"/></RegressionTable></RegressionModel>",
        schema("y", &["kind"])
    );
    let model = format!(
        "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"modelChain\"><Segment><True/>{first}\
         </Segment><Segment><True/>{second}</Segment></Segmentation></MiningModel>",
        schema("y", &["x"])
    );
    let lines = answers(&with_fields(&(continuous("x") + &continuous("y")), &model), "x\n-1\n1\n");
    let first = |line: &String| line.split(',').next().map(str::to_owned);
    assert_eq!(
        lines.iter().map(first).collect::<Vec<_>>()[1..],
        [Some("1".to_owned()), Some("6".to_owned())]
    );
}

#[test]
fn votes_that_tie_go_to_the_class_that_the_target_names_first() {
    let winner = |classes: &[&str], votes: &[&str]| {
        let vote = |class: &&str| {
            format!(
                "<Segment><True/><TreeModel functionName=\"classification\"><MiningSchema><MiningField name=\"x\"/>\
                 </MiningSchema><Node score=\"{class}\"><True/></Node></TreeModel></Segment>"
            )
        };
        let votes: String = votes.iter().map(vote).collect();
        let model = format!(
            "<MiningModel functionName=\"classification\">{}<Segmentation multipleModelMethod=\"majorityVote\">{votes}\
             </Segmentation></MiningModel>",
            schema("y", &["x"])
        );
        answers(&with_fields(&(continuous("x") + &categorical("y", classes)), &model), "x\n1\n").remove(1)
    };
    assert_eq!(winner(&["a", "b", "c"], &["c", "b", "b", "c"]), "b");
    assert_eq!(winner(&["c", "b", "a"], &["b", "b", "c", "c", "a"]), "c");
}

#[test]
fn rules_of_the_segment_that_answers_are_the_rules_of_the_whole() {
    let segment = |zone: &str, rules: &[(&str, &str, &str)]| {
        let items: String = ["a", "b", "c"]
            .map(|name| {
                format!(
                    "<Item id=\"{name}\" value=\"{name}\"/><Itemset id=\"s{name}\"><ItemRef itemRef=\"{name}\"/></Itemset>"
                )
            })
            .concat();
        let rules: String = rules
            .iter()
            .map(|(id, from, to)| {
                format!(
                    "<AssociationRule id=\"{id}\" antecedent=\"s{from}\" consequent=\"s{to}\" support=\"0.5\" confidence=\"0.5\"/>"
                )
            })
            .collect();
        format!(
            "<Segment><SimplePredicate field=\"zone\" operator=\"equal\" value=\"{zone}\"/><AssociationModel \
             functionName=\"associationRules\" numberOfTransactions=\"1\" minimumSupport=\"0\" minimumConfidence=\"0\" \
             numberOfItems=\"3\" numberOfItemsets=\"3\" numberOfRules=\"2\"><MiningSchema><MiningField name=\"a\"/>\
             <MiningField name=\"b\"/><MiningField name=\"c\"/></MiningSchema>{items}{rules}</AssociationModel></Segment>"
        )
    };
    let field =
        |name: &str| format!("<DataField name=\"{name}\" optype=\"categorical\" dataType=\"string\"/>");
    let document = |method: &str| {
        let model = format!(
            "<MiningModel functionName=\"associationRules\"><MiningSchema><MiningField name=\"zone\"/><MiningField name=\"a\"/>\
             <MiningField name=\"b\"/><MiningField name=\"c\"/></MiningSchema><Output><OutputField name=\"ids\" \
             optype=\"categorical\" dataType=\"string\" feature=\"ruleValue\" ruleFeature=\"ruleId\" algorithm=\"recommendation\" \
             isMultiValued=\"1\" rank=\"0\"/><OutputField name=\"rule\" optype=\"categorical\" dataType=\"string\" \
             feature=\"ruleValue\" ruleFeature=\"rule\"/></Output><Segmentation multipleModelMethod=\"{method}\">{}{}\
             </Segmentation></MiningModel>",
            segment("n", &[("N1", "a", "b"), ("N2", "c", "b")]),
            segment("s", &[("S1", "a", "c"), ("S2", "b", "c")]),
        );
        crate::cases::with_fields(&["zone", "a", "b", "c"].map(field).concat(), &model)
    };
    for method in ["selectFirst", "modelChain"] {
        let lines = crate::table::answers(&document(method), "zone,a,b,c\nn,T,F,F\ns,T,T,F\nw,T,T,F\n");
        assert_eq!(lines[1..], ["[N1],{a}->{b}", "[S1, S2],{a}->{c}", "[],"], "{method}");
    }
}
