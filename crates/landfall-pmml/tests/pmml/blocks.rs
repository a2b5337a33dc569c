//! Which plain models go over columns: the way on which the speed of tables hangs.

use crate::cases::with_fields;
use crate::rules::{categorical, continuous, schema};
use crate::table::answers;
use landfall_pmml::Scorer;

/// Whether a row of `x` and `z` goes over columns.
fn goes_over_columns(document: &str) -> bool {
    let mut scorer = Scorer::read(document.as_bytes(), "model").unwrap_or_else(|problem| panic!("{problem}"));
    scorer.start();
    for input in 0..scorer.inputs().len() {
        scorer.set_number(input, 0.5);
    }
    scorer.run().unwrap();
    scorer.answered_as_block()
}

fn of_numbers(model: &str) -> String {
    with_fields(&(continuous("x") + &continuous("z") + &continuous("y")), model)
}

fn of_classes(model: &str) -> String {
    with_fields(&(continuous("x") + &continuous("z") + &categorical("y", &["a", "b"])), model)
}

fn bayes(threshold: &str) -> String {
    let uniform = |class: &str, upper: &str| {
        format!(
            "<TargetValueStat value=\"{class}\"><UniformDistribution lower=\"0\" upper=\"{upper}\"/></TargetValueStat>"
        )
    };
    of_classes(&format!(
        "<NaiveBayesModel functionName=\"classification\" {threshold}>{}<BayesInputs><BayesInput fieldName=\"x\">\
         <TargetValueStats>{}{}</TargetValueStats></BayesInput></BayesInputs><BayesOutput fieldName=\"y\"><TargetValueCounts>\
         <TargetValueCount value=\"a\" count=\"1\"/><TargetValueCount value=\"b\" count=\"1\"/></TargetValueCounts>\
         </BayesOutput></NaiveBayesModel>",
        schema("y", &["x"]),
        uniform("a", "1"),
        uniform("b", "2"),
    ))
}

#[test]
fn naive_bayes_goes_over_columns_whatever_its_threshold() {
    for threshold in ["threshold=\"0.001\"", "threshold=\"0\"", ""] {
        assert!(goes_over_columns(&bayes(threshold)), "{threshold}");
    }
}

#[test]
fn rows_that_no_class_allows_have_no_prediction_among_others_of_their_block() {
    let numbers = ["0.5", "3", "1.5", "0.25", "-1", "1.25", "0.75", "2"];
    let input = format!("x\n{}\n", numbers.join("\n"));
    assert_eq!(answers(&bayes("threshold=\"0\""), &input)[1..], ["a", "", "b", "a", "", "b", "a", "b"]);
}

#[test]
fn regression_trees_scorecards_and_clusters_go_over_columns() {
    let table = "<RegressionTable intercept=\"1\" targetCategory=\"a\"><NumericPredictor name=\"x\" coefficient=\"2\"/>\
         </RegressionTable><RegressionTable intercept=\"0\" targetCategory=\"b\"/>";
    let below = |score: [&str; 2]| {
        format!(
            "<Node><True/><Node score=\"{}\"><SimplePredicate field=\"x\" operator=\"lessThan\" value=\"1\"/></Node>\
             <Node score=\"{}\"><SimplePredicate field=\"x\" operator=\"greaterOrEqual\" value=\"1\"/></Node></Node>",
            score[0], score[1]
        )
    };
    let characteristic = "<Characteristics><Characteristic name=\"c\"><Attribute partialScore=\"5\"><SimplePredicate field=\"x\" \
         operator=\"lessThan\" value=\"1\"/></Attribute><Attribute partialScore=\"7\"><True/></Attribute></Characteristic>\
         </Characteristics>";
    let clusters = "<ComparisonMeasure kind=\"distance\"><squaredEuclidean/></ComparisonMeasure><ClusteringField field=\"x\"/>\
         <ClusteringField field=\"z\"/><Cluster id=\"1\"><Array type=\"real\">0 0</Array></Cluster><Cluster id=\"2\">\
         <Array type=\"real\">1 1</Array></Cluster>";
    let fields = schema("y", &["x", "z"]);
    let unsupervised =
        "<MiningSchema><MiningField name=\"x\"/><MiningField name=\"z\"/></MiningSchema>".to_owned();
    let of =
        |name: &str, rest: &str, schema: &str, body: &str| format!("<{name} {rest}>{schema}{body}</{name}>");
    let documents = [
        of_classes(&of(
            "RegressionModel",
            "functionName=\"classification\" normalizationMethod=\"logit\"",
            &fields,
            table,
        )),
        of_classes(&of("TreeModel", "functionName=\"classification\"", &fields, &below(["a", "b"]))),
        of_numbers(&of("TreeModel", "functionName=\"regression\"", &fields, &below(["1", "2"]))),
        of_numbers(&of(
            "Scorecard",
            "functionName=\"regression\" useReasonCodes=\"false\"",
            &fields,
            characteristic,
        )),
        of_numbers(&of(
            "ClusteringModel",
            "functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\"",
            &unsupervised,
            clusters,
        )),
    ];
    for document in &documents {
        assert!(goes_over_columns(document), "{document}");
    }
}
