//! Models that few writers make, with answers calculated by hand from the specification's text.

use crate::bad_input::document;
use crate::cases::with_fields;
use crate::table::answers;

const TEXTS: &str = "dataType=\"string\"";

fn category(name: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<Value value=\"{value}\"/>")).collect();
    format!("<DataField name=\"{name}\" optype=\"categorical\" {TEXTS}>{values}</DataField>")
}

fn number(name: &str) -> String {
    format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>")
}

fn probabilities(values: &[&str]) -> String {
    let field = |value: &&str| {
        format!(
            "<OutputField name=\"p_{value}\" optype=\"continuous\" dataType=\"double\" feature=\"probability\" value=\"{value}\"/>"
        )
    };
    format!("<Output>{}</Output>", values.iter().map(field).collect::<String>())
}

fn schema(target: &str, active: &[&str]) -> String {
    let active: String = active.iter().map(|name| format!("<MiningField name=\"{name}\"/>")).collect();
    format!("<MiningSchema><MiningField name=\"{target}\" usageType=\"target\"/>{active}</MiningSchema>")
}

fn numbers(line: &str) -> Vec<f64> {
    line.split(',').filter_map(|cell| cell.parse().ok()).collect()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found:?} {expected:?}");
    }
}

/// The parents' values of a case, and the probabilities that follow.
type Probabilities<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, f64)]);

fn discrete(name: &str, cases: &[Probabilities<'_>]) -> String {
    let mut text = format!("<DiscreteNode name=\"{name}\">");
    for (parents, shares) in cases {
        let shares: String = shares
            .iter()
            .map(|(value, share)| format!("<ValueProbability value=\"{value}\" probability=\"{share}\"/>"))
            .collect();
        if parents.is_empty() {
            text += &shares;
            continue;
        }
        let parents: String = parents
            .iter()
            .map(|(parent, value)| format!("<ParentValue parent=\"{parent}\" value=\"{value}\"/>"))
            .collect();
        text +=
            &format!("<DiscreteConditionalProbability>{parents}{shares}</DiscreteConditionalProbability>");
    }
    text + "</DiscreteNode>"
}

#[test]
fn a_network_of_discrete_nodes_infers_causes_from_effects() {
    let rain = discrete("rain", &[(&[], &[("yes", 0.2), ("no", 0.8)])]);
    let sprinkler = discrete(
        "sprinkler",
        &[
            (&[("rain", "yes")], &[("on", 0.01), ("off", 0.99)]),
            (&[("rain", "no")], &[("on", 0.4), ("off", 0.6)]),
        ],
    );
    let grass = discrete(
        "grass",
        &[
            (&[("sprinkler", "on"), ("rain", "yes")], &[("wet", 0.99), ("dry", 0.01)]),
            (&[("sprinkler", "on"), ("rain", "no")], &[("wet", 0.9), ("dry", 0.1)]),
            (&[("sprinkler", "off"), ("rain", "yes")], &[("wet", 0.8), ("dry", 0.2)]),
            (&[("sprinkler", "off"), ("rain", "no")], &[("wet", 0.0), ("dry", 1.0)]),
        ],
    );
    let fields = category("rain", &["yes", "no"])
        + &category("sprinkler", &["on", "off"])
        + &category("grass", &["wet", "dry"]);
    let model = format!(
        "<BayesianNetworkModel functionName=\"classification\">{}{}<BayesianNetworkNodes>{grass}{rain}{sprinkler}\
         </BayesianNetworkNodes></BayesianNetworkModel>",
        schema("rain", &["sprinkler", "grass"]),
        probabilities(&["yes", "no"]),
    );
    let got = answers(&with_fields(&fields, &model), "sprinkler,grass\nNA,wet\non,wet\nNA,NA\n");
    // 0.2 (0.01·0.99 + 0.99·0.8) against 0.8 · 0.4 · 0.9.
    let (yes, no) = (0.2 * (0.01 * 0.99 + 0.99 * 0.8), 0.8 * 0.4 * 0.9);
    near(&numbers(&got[1]), &[yes / (yes + no), no / (yes + no)]);
    let (yes, no) = (0.2 * 0.01 * 0.99, 0.8 * 0.4 * 0.9);
    near(&numbers(&got[2]), &[yes / (yes + no), no / (yes + no)]);
    assert_eq!(got[3], "no,0.2,0.8");
}

#[test]
fn a_network_of_continuous_nodes_infers_both_ways() {
    let constant = |value: f64| format!("<Constant dataType=\"double\">{value}</Constant>");
    let normal = |mean: &str, variance: f64| {
        format!(
            "<ContinuousDistribution><NormalDistributionForBN><Mean>{mean}</Mean><Variance>{}</Variance>\
             </NormalDistributionForBN></ContinuousDistribution>",
            constant(variance)
        )
    };
    let cause = format!("<ContinuousNode name=\"c\">{}</ContinuousNode>", normal(&constant(10.0), 4.0));
    let effect = format!(
        "<ContinuousNode name=\"e\">{}</ContinuousNode>",
        normal(&format!("<Apply function=\"*\"><FieldRef field=\"c\"/>{}</Apply>", constant(2.0)), 1.0)
    );
    let network = |target: &str, active: &str| {
        format!(
            "<BayesianNetworkModel functionName=\"regression\">{}<Output><OutputField name=\"sd\" optype=\"continuous\" \
             dataType=\"double\" feature=\"standardDeviation\"/></Output><BayesianNetworkNodes>{cause}{effect}\
             </BayesianNetworkNodes></BayesianNetworkModel>",
            schema(target, &[active])
        )
    };
    let fields = number("c") + &number("e");
    let forwards = answers(&with_fields(&fields, &network("e", "c")), "c\n3\nNA\n");
    assert_eq!(forwards[1], "6,1");
    // Unknown cause: mean 20, variance 1 + 4·4.
    near(&numbers(&forwards[2]), &[20.0, 17f64.sqrt()]);
    // Precisions 1/4 of the cause and 4 of half the effect: (10/4 + 4·13)/(1/4 + 4).
    let backwards = answers(&with_fields(&fields, &network("c", "e")), "e\n26\n");
    near(&numbers(&backwards[1]), &[(2.5 + 52.0) / 4.25, (1.0f64 / 4.25).sqrt()]);
}

#[test]
fn a_text_is_compared_with_documents() {
    let model = |normalization: &str, similarity: &str| {
        format!(
            "<TextModel functionName=\"classification\" numberOfTerms=\"2\" numberOfDocuments=\"2\">{}<Output>\
             <OutputField name=\"a\" optype=\"continuous\" dataType=\"double\" feature=\"affinity\" value=\"d1\"/>\
             <OutputField name=\"next\" optype=\"categorical\" dataType=\"string\" feature=\"entityId\" rank=\"2\"/></Output>\
             <TextDictionary><Array type=\"string\">cat dog</Array></TextDictionary><TextCorpus><TextDocument id=\"d1\"/>\
             <TextDocument id=\"d2\"/></TextCorpus><DocumentTermMatrix><Matrix nbRows=\"2\" nbCols=\"2\"><Array>3 4</Array>\
             <Array>0 2</Array></Matrix></DocumentTermMatrix>{normalization}<TextModelSimiliarity similarityType=\"{similarity}\"/>\
             </TextModel>",
            schema("class", &["text"])
        )
    };
    let fields = category("class", &["d1", "d2"]) + &category("text", &[]);
    let run = |normalization: &str, similarity: &str| {
        answers(&with_fields(&fields, &model(normalization, similarity)), "text\nThe Cat; the cat!\ndog\n")
            .split_off(1)
    };
    let plain = "<TextModelNormalization globalTermWeights=\"none\"/>";
    assert_eq!(run(plain, "cosine"), ["d1,0.6,d2", "d2,0.8,d1"]);
    assert_eq!(run(plain, "euclidean")[1], format!("d2,{},d1", 18f64.sqrt()));
    // Only "cat" tells documents apart: log 2, and log 1 = 0.
    assert_eq!(run("<TextModelNormalization/>", "cosine")[0], "d1,1,d2");
    // log 3 and 0 beside log 4 and log 5: the logarithm of the weights is that of the document frequencies.
    let logarithmic = "<TextModelNormalization localTermWeights=\"logarithmic\" globalTermWeights=\"none\"/>";
    let distance = (3f64.ln() - 4f64.ln()).hypot(5f64.ln());
    near(&numbers(&run(logarithmic, "euclidean")[0]), &[distance]);
}

#[test]
fn a_term_of_no_document_counts_where_terms_weigh_the_same() {
    let model = format!(
        "<TextModel functionName=\"classification\" numberOfTerms=\"2\" numberOfDocuments=\"1\">{}<Output>\
         <OutputField name=\"a\" optype=\"continuous\" dataType=\"double\" feature=\"affinity\"/></Output>\
         <TextDictionary><Array type=\"string\">cat dog</Array></TextDictionary><TextCorpus><TextDocument id=\"d1\"/>\
         </TextCorpus><DocumentTermMatrix><Matrix nbRows=\"1\" nbCols=\"2\"><Array>1 0</Array></Matrix></DocumentTermMatrix>\
         <TextModelSimiliarity similarityType=\"cosine\"/></TextModel>",
        schema("class", &["text"])
    );
    let fields = category("class", &["d1"]) + &category("text", &[]);
    let got = answers(&with_fields(&fields, &model), "text\ncat cat cat dog dog dog dog\n");
    near(&numbers(&got[1]), &[0.6]);
}

#[test]
fn sequences_follow_in_time() {
    let item = |name: &str| {
        format!(
            "<Item id=\"{name}\" value=\"{name}\"/><Itemset id=\"s{name}\"><ItemRef itemRef=\"{name}\"/></Itemset>\
                 "
        )
    };
    let sequence =
        |name: &str| format!("<Sequence id=\"q{name}\"><SetReference setId=\"s{name}\"/></Sequence>");
    let rule = |id: &str, from: &str, gap: &str, to: &str, confidence: f64| {
        format!(
            "<SequenceRule id=\"{id}\" numberOfSets=\"2\" occurrence=\"1\" support=\"0.5\" confidence=\"{confidence}\">\
             <AntecedentSequence><SequenceReference seqId=\"q{from}\"/></AntecedentSequence>\
             <Delimiter delimiter=\"acrossTimeWindows\" gap=\"{gap}\"/><ConsequentSequence><SequenceReference seqId=\"q{to}\"/>\
             </ConsequentSequence></SequenceRule>"
        )
    };
    let items: String = ["A", "B", "C"].map(item).concat();
    let sequences: String = ["A", "B", "C"].map(sequence).concat();
    let rules = rule("ab", "A", "unknown", "B", 0.9) + &rule("ac", "A", "false", "C", 0.8);
    let output = |name: &str, algorithm: &str| {
        format!(
            "<OutputField name=\"{name}\" optype=\"categorical\" dataType=\"string\" feature=\"ruleValue\" ruleFeature=\"ruleId\" \
             algorithm=\"{algorithm}\" isMultiValued=\"1\" rank=\"0\"/>"
        )
    };
    let model = format!(
        "<SequenceModel functionName=\"sequences\"><MiningSchema><MiningField name=\"who\" usageType=\"group\"/>\
         <MiningField name=\"when\" usageType=\"order\"/><MiningField name=\"what\"/></MiningSchema><Output>{}{}</Output>\
         {items}{sequences}{rules}</SequenceModel>",
        output("all", "ruleAssociation"),
        output("next", "exclusiveRecommendation"),
    );
    let fields = category("who", &[]) + &number("when") + &category("what", &[]);
    let rows = "who,when,what\n1,2,B\n1,1,A\n1,3,C\n2,1,A\n2,2,C\n3,1,A\n3,1,B\n";
    let got = answers(&with_fields(&fields, &model), rows);
    assert_eq!(got, ["all,next", "[ab],[ac]", "[ac],[ab]", "[],[ab, ac]"]);
}

#[test]
fn a_part_of_a_rule_may_be_shorter_than_the_whole_has_to_be() {
    let item = |name: &str| {
        format!(
            "<Item id=\"{name}\" value=\"{name}\"/><Itemset id=\"s{name}\"><ItemRef itemRef=\"{name}\"/></Itemset>"
        )
    };
    let items = ["A", "B", "C"].map(item).concat();
    let across = "<Delimiter delimiter=\"acrossTimeWindows\" gap=\"unknown\"/>";
    let model = format!(
        "<SequenceModel functionName=\"sequences\"><MiningSchema><MiningField name=\"who\" usageType=\"group\"/>\
         <MiningField name=\"when\" usageType=\"order\"/><MiningField name=\"what\"/></MiningSchema><Output>\
         <OutputField name=\"id\" optype=\"categorical\" dataType=\"string\" feature=\"ruleValue\" ruleFeature=\"ruleId\" \
         algorithm=\"ruleAssociation\"/></Output><Constraints minimumTotalSequenceTime=\"4\"/>{items}<Sequence id=\"ab\">\
         <SetReference setId=\"sA\"/>{across}<SetReference setId=\"sB\"/></Sequence><Sequence id=\"c\">\
         <SetReference setId=\"sC\"/></Sequence><SequenceRule id=\"r\" numberOfSets=\"3\" occurrence=\"1\" support=\"0.5\" \
         confidence=\"0.5\"><AntecedentSequence><SequenceReference seqId=\"ab\"/></AntecedentSequence>{across}\
         <ConsequentSequence><SequenceReference seqId=\"c\"/></ConsequentSequence></SequenceRule></SequenceModel>"
    );
    let fields = category("who", &[]) + &number("when") + &category("what", &[]);
    let got =
        answers(&with_fields(&fields, &model), "who,when,what\n1,1,A\n1,2,B\n1,5,C\n2,1,A\n2,2,B\n2,4,C\n");
    assert_eq!(got, ["id", "r", ""]);
}

#[test]
fn what_is_known_may_be_far_from_what_was_expected() {
    let constant = |number: &str| format!("<Constant dataType=\"double\">{number}</Constant>");
    let node = |name: &str, mean: &str, variance: &str| {
        format!(
            "<ContinuousNode name=\"{name}\"><ContinuousDistribution><NormalDistributionForBN><Mean>{mean}</Mean><Variance>{}\
             </Variance></NormalDistributionForBN></ContinuousDistribution></ContinuousNode>",
            constant(variance)
        )
    };
    let model = format!(
        "<BayesianNetworkModel functionName=\"regression\">{}<Output><OutputField name=\"sd\" optype=\"continuous\" \
         dataType=\"double\" feature=\"standardDeviation\"/></Output><BayesianNetworkNodes>{}{}</BayesianNetworkNodes>\
         </BayesianNetworkModel>",
        schema("a", &["b"]),
        node("a", &constant("0"), "1"),
        node("b", "<FieldRef field=\"a\"/>", "0.25"),
    );
    let got = answers(&with_fields(&(number("a") + &number("b")), &model), "b\n15\n");
    // 15 / (1 + 0.25), twelve deviations away; 1 / (1 + 1 / 0.25) is left of the variance.
    near(&numbers(&got[1]), &[12.0, 0.2f64.sqrt()]);
}

#[test]
fn lengths_of_a_kernel_may_stand_one_by_one() {
    let run = |lengths: &str| {
        let model = format!(
            "<GaussianProcessModel functionName=\"regression\">{}<ARDSquaredExponentialKernel noiseVariance=\"1\">{lengths}\
             </ARDSquaredExponentialKernel><TrainingInstances><InstanceFields><InstanceField field=\"u\" column=\"u\"/>\
             <InstanceField field=\"v\" column=\"v\"/><InstanceField field=\"y\" column=\"y\"/></InstanceFields><InlineTable>\
             <row><u>0</u><v>0</v><y>4</y></row></InlineTable></TrainingInstances></GaussianProcessModel>",
            schema("y", &["u", "v"])
        );
        let fields = ["u", "v", "y"].map(number).concat();
        numbers(&answers(&with_fields(&fields, &model), "u,v\n2,3\n")[1])
    };
    let array = |values: &str| format!("<Lambda><Array type=\"real\">{values}</Array></Lambda>");
    // Half of 4, at distances of 2 / 2 and 3 / 1.5.
    near(&run(&array("2 1.5")), &[2.0 * (-0.5f64 * (1.0 + 4.0)).exp()]);
    assert_eq!(run(&(array("2") + &array("1.5"))), run(&array("2 1.5")));
}

#[test]
fn models_within_models_are_taken_in_turn() {
    let regression = "<Regression functionName=\"regression\"><ResultField name=\"inner\" feature=\"predictedValue\"/>\
        <RegressionTable intercept=\"1\"><NumericPredictor name=\"x\" coefficient=\"2\"/></RegressionTable></Regression>";
    let tree = "<DecisionTree functionName=\"regression\"><Node><True/><Node score=\"-1\"><SimplePredicate field=\"inner\" \
        operator=\"lessThan\" value=\"5\"/></Node><Node><SimplePredicate field=\"inner\" operator=\"greaterOrEqual\" value=\"5\"/>\
        <Regression functionName=\"regression\"><RegressionTable intercept=\"0\"><NumericPredictor name=\"inner\" coefficient=\"10\"/>\
        </RegressionTable></Regression></Node></Node></DecisionTree>";
    let model = format!(
        "<MiningModel functionName=\"regression\">{}{regression}{tree}</MiningModel>",
        schema("y", &["x"])
    );
    let got = answers(&document("", &model), "x\n1\n3\n");
    assert_eq!(got[1..], ["-1,3", "70,7"]);
}

#[test]
fn segments_may_take_their_weight_from_a_field() {
    let segment = |score: f64, weight: &str| {
        format!(
            "<Segment><True/><TreeModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
             <Node score=\"{score}\"><True/></Node></TreeModel>{weight}</Segment>"
        )
    };
    let model = format!(
        "<MiningModel functionName=\"regression\">{}<Segmentation multipleModelMethod=\"weightedAverage\">{}{}</Segmentation>\
         </MiningModel>",
        schema("y", &["x"]),
        segment(1.0, "<VariableWeight field=\"x\"/>"),
        segment(5.0, ""),
    );
    assert_eq!(answers(&document("", &model), "x\n3\n1\n"), ["y", "2", "3"]);
}

#[test]
fn clusters_compare_categories_by_tables_and_distributions() {
    let field = "<DataField name=\"c\" optype=\"categorical\" dataType=\"string\"><Value value=\"a\"/><Value value=\"b\"/></DataField>";
    let output = "<Output><OutputField name=\"k\" optype=\"categorical\" dataType=\"string\" feature=\"predictedValue\"/>\
        <OutputField name=\"s\" optype=\"continuous\" dataType=\"double\" feature=\"affinity\"/></Output>";
    let schema = "<MiningSchema><MiningField name=\"c\"/></MiningSchema>";
    let table = format!(
        "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\">{schema}{output}\
         <ComparisonMeasure kind=\"similarity\"><cityBlock/></ComparisonMeasure><ClusteringField field=\"c\" compareFunction=\"table\">\
         <Comparisons><Matrix><Array>1 0.25</Array><Array>0.5 1</Array></Matrix></Comparisons></ClusteringField>\
         <Cluster id=\"1\"><Array type=\"string\">a</Array></Cluster><Cluster id=\"2\"><Array type=\"string\">b</Array></Cluster>\
         </ClusteringModel>"
    );
    assert_eq!(answers(&with_fields(field, &table), "c\na\nb\n"), ["k,s", "1,1", "2,1"]);
    let partition = |counts: &str| {
        format!(
            "<Partition name=\"p\"><PartitionFieldStats field=\"c\"><Array type=\"int\">{counts}</Array></PartitionFieldStats></Partition>"
        )
    };
    let distribution = format!(
        "<ClusteringModel functionName=\"clustering\" modelClass=\"distributionBased\" numberOfClusters=\"2\">{schema}{output}\
         <ComparisonMeasure kind=\"similarity\" compareFunction=\"equal\"><cityBlock/></ComparisonMeasure><ClusteringField field=\"c\"/>\
         <Cluster id=\"1\">{}</Cluster><Cluster id=\"2\">{}</Cluster></ClusteringModel>",
        partition("3 1"),
        partition("1 4"),
    );
    assert_eq!(answers(&with_fields(field, &distribution), "c\na\nb\n"), ["k,s", "1,0.75", "2,0.8"]);
}

#[test]
fn cyclic_fields_are_near_across_their_ends() {
    let field = "<DataField name=\"h\" optype=\"continuous\" dataType=\"double\" isCyclic=\"1\">\
        <Interval closure=\"closedOpen\" leftMargin=\"0\" rightMargin=\"24\"/></DataField>";
    let model = "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\"><MiningSchema>\
        <MiningField name=\"h\"/></MiningSchema><Output><OutputField name=\"k\" optype=\"categorical\" dataType=\"string\" \
        feature=\"predictedValue\"/></Output><ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure>\
        <ClusteringField field=\"h\"/><Cluster id=\"night\"><Array type=\"real\">1</Array></Cluster><Cluster id=\"noon\">\
        <Array type=\"real\">12</Array></Cluster></ClusteringModel>";
    assert_eq!(answers(&with_fields(field, model), "h\n23\n10\n"), ["k", "night", "noon"]);
}

#[test]
fn the_standard_error_of_a_mean_comes_of_the_covariances() {
    let model = format!(
        "<GeneralRegressionModel functionName=\"regression\" modelType=\"generalLinear\">{}<Output>\
         <OutputField name=\"se\" optype=\"continuous\" dataType=\"double\" feature=\"standardError\"/></Output><ParameterList>\
         <Parameter name=\"p0\"/><Parameter name=\"p1\"/></ParameterList><CovariateList><Predictor name=\"x\"/></CovariateList>\
         <PPMatrix><PPCell value=\"1\" predictorName=\"x\" parameterName=\"p1\"/></PPMatrix><PCovMatrix>\
         <PCovCell pRow=\"p0\" pCol=\"p0\" value=\"4\"/><PCovCell pRow=\"p1\" pCol=\"p1\" value=\"1\"/>\
         <PCovCell pRow=\"p0\" pCol=\"p1\" value=\"-0.5\"/></PCovMatrix><ParamMatrix><PCell parameterName=\"p0\" beta=\"1\"/>\
         <PCell parameterName=\"p1\" beta=\"2\"/></ParamMatrix></GeneralRegressionModel>",
        schema("y", &["x"])
    );
    // 4 + 9 - 3.
    assert_eq!(answers(&document("", &model), "x\n3\n")[1], format!("7,{}", 10f64.sqrt()));
}

#[test]
fn of_several_models_the_first_is_meant() {
    let model = |intercept: f64| {
        format!(
            "<RegressionModel functionName=\"regression\">{}<RegressionTable intercept=\"{intercept}\"/></RegressionModel>",
            schema("y", &["x"])
        )
    };
    let idle = model(0.0).replace("<RegressionModel ", "<RegressionModel isScorable=\"false\" ");
    assert_eq!(answers(&document("", &(idle + &model(1.0) + &model(2.0))), "x\n3\n"), ["y", "1"]);
}
