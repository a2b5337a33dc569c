//! Names that lead nowhere, and what would be said twice or not at all: refused, or read as the specification has it.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::files::load;
use crate::table::answers;

fn refused(text: &str) -> String {
    load(text.as_bytes()).err().unwrap_or_else(|| panic!("taken: {text}")).to_string()
}

/// That a document is refused where it stands, in these words.
fn says(text: &str, words: &str) {
    let problem = refused(text);
    assert!(problem.contains(words) && problem.contains("line "), "{problem}");
}

const X: &str = "<NumericPredictor name=\"x\" coefficient=\"2\"/>";

/// Segments that answer 1 and 2, and an output field that asks one of them.
fn segments(first: &str, asks: &str) -> String {
    let segment = |attributes: &str, intercept: f64| {
        format!(
            "<Segment {attributes}><True/><RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/>\
             </MiningSchema><RegressionTable intercept=\"{intercept}\"/></RegressionModel></Segment>"
        )
    };
    let model = format!(
        "<MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
         <MiningField name=\"x\"/></MiningSchema><Output><OutputField name=\"of\" optype=\"continuous\" dataType=\"double\" \
         feature=\"predictedValue\" segmentId=\"{asks}\"/></Output><Segmentation multipleModelMethod=\"sum\">{}{}\
         </Segmentation></MiningModel>",
        segment(first, 1.0),
        segment("", 2.0),
    );
    document("", &model)
}

#[test]
fn a_segment_without_an_id_is_asked_by_its_place() {
    assert_eq!(answers(&segments("", "2"), "x\n0\n"), ["y,of", "3,2"]);
    assert_eq!(answers(&segments("id=\"a\"", "a"), "x\n0\n"), ["y,of", "3,1"]);
    says(&segments("id=\"a\"", "1"), "segmentId=\"1\" names no segment");
    says(&segments("", "third"), "segmentId=\"third\" names no segment");
    let alone = "<Output><OutputField name=\"of\" optype=\"continuous\" dataType=\"double\" segmentId=\"1\"/></Output>";
    says(&document("", &linear(alone, X)), "names no segment");
}

#[test]
fn targets_that_are_named_are_there() {
    let output = "<Output><OutputField name=\"p\" optype=\"continuous\" dataType=\"double\" targetField=\"other\"/></Output>";
    says(&document("", &linear(output, X)), "targetField=\"other\" is no target");
    let targets = "<Targets><Target field=\"other\" rescaleFactor=\"2\"/></Targets>";
    says(&document("", &linear(targets, X)), "\"other\" is not declared");
    // A field that is no target is not predicted, and nothing becomes of it.
    let targets = "<Targets><Target field=\"x\" rescaleFactor=\"9\"/><Target field=\"y\" rescaleFactor=\"2\"/></Targets>";
    assert_eq!(answers(&document("", &linear(targets, X)), "x\n1\n"), ["y", "6"]);
}

#[test]
fn values_of_a_derived_field_are_its_order_and_nothing_else() {
    let of = |property: &str| {
        let derived = format!(
            "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/>\
             <Value value=\"1\" property=\"{property}\"/></DerivedField></LocalTransformations>"
        );
        document("", &linear(&derived, "<NumericPredictor name=\"d\" coefficient=\"2\"/>"))
    };
    assert_eq!(answers(&of("valid"), "x\n1\n"), ["y", "3"]);
    says(&of("missing"), "property=\"missing\" of <Value>");
    says(&of("invalid"), "property=\"invalid\" of <Value>");
}

#[test]
fn a_model_has_one_schema() {
    let none = "<RegressionModel functionName=\"classification\"><RegressionTable intercept=\"1\" targetCategory=\"a\"/>\
        </RegressionModel>";
    says(&document("", none), "<RegressionModel> lacks its <MiningSchema>");
    let twice = linear("", X).replace(
        "<RegressionTable",
        "<MiningSchema><MiningField name=\"x\"/></MiningSchema><RegressionTable",
    );
    says(&document("", &twice), "<MiningSchema>");
}

#[test]
fn a_regression_has_one_table() {
    let two =
        linear("", X).replace("</RegressionModel>", "<RegressionTable intercept=\"5\"/></RegressionModel>");
    says(&document("", &two), "a second <RegressionTable>");
}

#[test]
fn machines_of_a_classification_say_which_class_they_are_for() {
    let machine = |attributes: &str| {
        let model = format!(
            "<SupportVectorMachineModel functionName=\"classification\"><MiningSchema><MiningField name=\"y\" \
             usageType=\"target\"/><MiningField name=\"x\"/></MiningSchema><LinearKernelType/><VectorDictionary><VectorFields>\
             <FieldRef field=\"x\"/></VectorFields><VectorInstance id=\"v\"><Array type=\"real\">1</Array></VectorInstance>\
             </VectorDictionary><SupportVectorMachine {attributes}><SupportVectors><SupportVector vectorId=\"v\"/>\
             </SupportVectors><Coefficients><Coefficient value=\"1\"/></Coefficients></SupportVectorMachine>\
             </SupportVectorMachineModel>"
        );
        document("", &model)
    };
    says(&machine(""), "lacks targetCategory");
    assert_eq!(answers(&machine("targetCategory=\"1\""), "x\n1\n2\n"), ["y", "1", "1"]);
}

#[test]
fn an_output_of_a_network_means_a_target_along_its_lines() {
    let network = |output: &str| {
        let model = format!(
            "<NeuralNetwork functionName=\"regression\" activationFunction=\"identity\"><MiningSchema><MiningField name=\"y\" \
             usageType=\"target\"/><MiningField name=\"x\"/></MiningSchema><NeuralInputs><NeuralInput id=\"i\"><DerivedField \
             optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/></DerivedField></NeuralInput></NeuralInputs>\
             <NeuralLayer><Neuron id=\"n\"><Con from=\"i\" weight=\"2\"/></Neuron></NeuralLayer><NeuralOutputs><NeuralOutput \
             outputNeuron=\"n\"><DerivedField optype=\"continuous\" dataType=\"double\">{output}</DerivedField></NeuralOutput>\
             </NeuralOutputs></NeuralNetwork>"
        );
        document("", &model)
    };
    let scaled = |attributes: &str| {
        format!(
            "<NormContinuous field=\"y\" {attributes}><LinearNorm orig=\"0\" norm=\"0\"/><LinearNorm orig=\"10\" norm=\"1\"/>\
             </NormContinuous>"
        )
    };
    assert_eq!(answers(&network(&scaled("")), "x\n1\n"), ["y", "20"]);
    let rows = "x\n1\n0.25\n-3\n0\n0.5\n";
    let clamped = answers(&network(&scaled("outliers=\"asExtremeValues\"")), rows);
    assert_eq!(clamped[1..], ["10", "5", "0", "0", "10"]);
    let missing = answers(&network(&scaled("outliers=\"asMissingValues\"")), rows);
    assert_eq!(missing[1..], ["", "5", "", "0", "10"]);
    says(
        &network("<Apply function=\"ln\"><FieldRef field=\"y\"/></Apply>"),
        "<NeuralOutput> of another expression",
    );
    says(&network("<FieldRef field=\"x\"/>"), "field \"x\" is no target");
}

#[test]
fn a_taxonomy_may_call_its_columns_otherwise_than_its_fields() {
    let fields = "<DataField name=\"what\" optype=\"categorical\" dataType=\"string\" taxonomy=\"t\"/><Taxonomy name=\"t\">\
        <ChildParent childField=\"low\" parentField=\"high\" isRecursive=\"RECURSIVE\"><FieldColumnPair field=\"low\" column=\"a\"/>\
        <FieldColumnPair field=\"high\" column=\"b\"/><InlineTable><row><a>cola</a><b>drink</b></row></InlineTable></ChildParent>\
        </Taxonomy>";
    let model = "<AssociationModel functionName=\"associationRules\" numberOfTransactions=\"2\" numberOfItems=\"2\" \
        minimumSupport=\"0\" minimumConfidence=\"0\" numberOfItemsets=\"2\" numberOfRules=\"1\"><MiningSchema>\
        <MiningField name=\"what\"/></MiningSchema><Output><OutputField name=\"next\" optype=\"categorical\" dataType=\"string\" \
        feature=\"ruleValue\" algorithm=\"recommendation\"/></Output><Item id=\"1\" value=\"drink\"/><Item id=\"2\" value=\"food\"/>\
        <Itemset id=\"s\"><ItemRef itemRef=\"1\"/></Itemset><Itemset id=\"t\"><ItemRef itemRef=\"2\"/></Itemset>\
        <AssociationRule antecedent=\"s\" consequent=\"t\" support=\"0.5\" confidence=\"0.5\"/></AssociationModel>";
    let whole = with_fields(fields, model);
    assert_eq!(answers(&whole.replace("RECURSIVE", "no"), "what\ncola\n")[1], "{food}");
    says(&whole.replace("RECURSIVE", "maybe"), "isRecursive=\"maybe\"");
}

#[test]
fn measures_take_their_own_parameters_alone() {
    let model = |measure: &str| {
        let model = format!(
            "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"1\"><MiningSchema>\
             <MiningField name=\"x\"/></MiningSchema><ComparisonMeasure kind=\"distance\">{measure}</ComparisonMeasure>\
             <ClusteringField field=\"x\"/><Cluster><Array type=\"real\">1</Array></Cluster></ClusteringModel>"
        );
        document("", &model)
    };
    says(&model("<euclidean p-parameter=\"3\"/>"), "attribute p-parameter=\"3\" of <euclidean>");
    says(&model("<euclidean c00-parameter=\"3\"/>"), "attribute c00-parameter=\"3\" of <euclidean>");
}

#[test]
fn what_is_compared_by_a_table_has_one() {
    let model = "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"1\"><MiningSchema>\
        <MiningField name=\"x\"/></MiningSchema><ComparisonMeasure kind=\"distance\" compareFunction=\"table\"><euclidean/>\
        </ComparisonMeasure><ClusteringField field=\"x\"/><Cluster><Array type=\"real\">1</Array></Cluster></ClusteringModel>";
    says(&document("", model), "without <Comparisons>");
}

#[test]
fn segments_are_joined_as_their_answers_can_be() {
    let model = |function: &str, method: &str| {
        format!(
            "<MiningModel functionName=\"{function}\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
             <MiningField name=\"x\"/></MiningSchema><Segmentation multipleModelMethod=\"{method}\"><Segment><True/>\
             <RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <RegressionTable intercept=\"1\"/></RegressionModel></Segment></Segmentation></MiningModel>"
        )
    };
    says(&document("", &model("regression", "majorityVote")), "multipleModelMethod=\"majorityVote\"");
    says(&document("", &model("clustering", "average")), "multipleModelMethod=\"average\"");
    assert_eq!(answers(&document("", &model("regression", "average")), "x\n1\n"), ["y", "1"]);
}

#[test]
fn a_contrast_has_its_matrix() {
    let model = |contrast: &str| {
        format!(
            "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\"><MiningSchema><MiningField \
             name=\"y\" usageType=\"target\"/><MiningField name=\"c\"/></MiningSchema><ParameterList><Parameter name=\"p\"/>\
             </ParameterList><FactorList><Predictor name=\"c\" {contrast}/></FactorList><PPMatrix><PPCell value=\"a\" \
             predictorName=\"c\" parameterName=\"p\"/></PPMatrix><ParamMatrix><PCell parameterName=\"p\" beta=\"3\"/></ParamMatrix>\
             </GeneralRegressionModel>"
        )
    };
    let fields = "<DataField name=\"c\" optype=\"categorical\" dataType=\"string\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    assert_eq!(answers(&with_fields(fields, &model("")), "c\na\nb\n"), ["y", "3", "0"]);
    says(&with_fields(fields, &model("contrastMatrixType=\"Helmert\"")), "contrastMatrixType");
}

#[test]
fn an_output_field_is_ordered_as_it_names_its_values() {
    // The tree takes what comes after "mid": by the field's own order that is "low", as text it would be "zero".
    let level = |optype: &str| {
        let model = format!(
            "<MiningModel functionName=\"regression\"><MiningSchema><MiningField name=\"y\" usageType=\"target\"/>\
             <MiningField name=\"o\"/></MiningSchema><Segmentation multipleModelMethod=\"modelChain\"><Segment><True/>\
             <RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"o\"/></MiningSchema><Output>\
             <OutputField name=\"level\" optype=\"{optype}\" dataType=\"string\" feature=\"transformedValue\">\
             <FieldRef field=\"o\"/><Value value=\"zero\"/><Value value=\"mid\"/><Value value=\"low\"/></OutputField></Output>\
             <RegressionTable intercept=\"0\"/></RegressionModel></Segment><Segment><True/><TreeModel functionName=\"regression\">\
             <MiningSchema><MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"level\"/></MiningSchema><Node \
             score=\"0\"><True/><Node score=\"1\"><SimplePredicate field=\"level\" operator=\"greaterThan\" value=\"mid\"/></Node>\
             <Node score=\"2\"><True/></Node></Node></TreeModel></Segment></Segmentation></MiningModel>"
        );
        let fields = "<DataField name=\"o\" optype=\"categorical\" dataType=\"string\"/>\
            <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
        answers(&with_fields(fields, &model), "o\nlow\nzero\n").split_off(1)
    };
    assert_eq!(level("ordinal"), ["1,low", "2,zero"]);
    assert_eq!(level("categorical"), ["2,low", "1,zero"]);
}

#[test]
fn inputs_of_naive_bayes_and_taxonomies_are_what_they_say() {
    let bayes = |output: &str, more: &str| {
        let counts = "<TargetValueCounts><TargetValueCount value=\"1\" count=\"3\"/></TargetValueCounts>";
        let model = format!(
            "<NaiveBayesModel functionName=\"classification\" threshold=\"0.1\"><MiningSchema><MiningField name=\"y\" \
             usageType=\"target\"/><MiningField name=\"x\"/></MiningSchema><BayesInputs><BayesInput fieldName=\"x\">\
             <TargetValueStats><TargetValueStat value=\"1\"><PoissonDistribution mean=\"2\"/></TargetValueStat></TargetValueStats>\
             {more}</BayesInput></BayesInputs><BayesOutput fieldName=\"{output}\">{counts}</BayesOutput></NaiveBayesModel>"
        );
        document("", &model.replace("COUNTS", counts))
    };
    assert_eq!(answers(&bayes("y", ""), "x\n1\n"), ["y", "1"]);
    says(&bayes("x", ""), "<BayesOutput>: field \"x\" is no target");
    says(&bayes("y", "<PairCounts value=\"1\">COUNTS</PairCounts>"), "and not both");
    let fields = "<DataField name=\"x\" optype=\"categorical\" dataType=\"string\" taxonomy=\"none\"/>";
    says(&with_fields(fields, &linear("", X)), "taxonomy=\"none\" of <DataField>");
}
