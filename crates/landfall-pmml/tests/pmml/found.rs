//! Rules that were found by holding answers against those of other evaluators, each with an answer by hand.

use crate::bad_input::document;
use crate::cases::with_fields;
use crate::files::load;
use crate::rules::{categorical, continuous, output, schema};
use crate::table::answers;

#[test]
fn a_condition_that_fails_with_nothing_else_to_answer_has_no_missing_argument() {
    let of = |attributes: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<Output><OutputField name=\"out\" feature=\"transformedValue\" \
             dataType=\"double\"><Apply function=\"if\" {attributes}><Apply function=\"greaterThan\"><FieldRef field=\"x\"/>\
             <Constant>0</Constant></Apply><FieldRef field=\"x\"/></Apply></OutputField></Output>\
             <RegressionTable intercept=\"0\"/></RegressionModel>",
            schema("y", &["x"])
        );
        let lines = answers(&document("", &model), "x\n2\n-2\nNA\n").split_off(1);
        lines.iter().map(|line| line.rsplit(',').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("mapMissingTo=\"9\""), ["2", "", "9"]);
    assert_eq!(of("mapMissingTo=\"9\" defaultValue=\"8\""), ["2", "8", "9"]);
    assert_eq!(of("defaultValue=\"8\""), ["2", "8", "8"]);
}

#[test]
fn functions_of_angles_and_powers_of_e_are_doubles_whatever_their_argument() {
    let model = "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"f\"/></MiningSchema><Output>\
        <OutputField name=\"root\" feature=\"transformedValue\" dataType=\"double\"><Apply function=\"sqrt\">\
        <FieldRef field=\"f\"/></Apply></OutputField></Output><RegressionTable intercept=\"0\"/></RegressionModel>";
    let fields = "<DataField name=\"f\" optype=\"continuous\" dataType=\"float\"/>";
    // 0.1 of single precision is 0.100000001490116…; its root is not rounded to single precision.
    let root = f64::from(0.1f32).sqrt();
    assert_eq!(answers(&with_fields(fields, model), "f\n0.1\n")[1], root.to_string());
}

#[test]
fn the_winning_neuron_of_a_network_is_its_entity() {
    let neuron = |id: &str, weight: f64| {
        format!("<Neuron id=\"{id}\" bias=\"0.5\"><Con from=\"in\" weight=\"{weight}\"/></Neuron>")
    };
    let result = |neuron: &str, class: &str| {
        format!(
            "<NeuralOutput outputNeuron=\"{neuron}\"><DerivedField optype=\"continuous\" dataType=\"double\">\
             <NormDiscrete field=\"y\" value=\"{class}\"/></DerivedField></NeuralOutput>"
        )
    };
    let model = format!(
        "<NeuralNetwork functionName=\"classification\" activationFunction=\"identity\">{}{}<NeuralInputs>\
         <NeuralInput id=\"in\"><DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/></DerivedField>\
         </NeuralInput></NeuralInputs><NeuralLayer>{}{}</NeuralLayer><NeuralOutputs>{}{}</NeuralOutputs></NeuralNetwork>",
        schema("y", &["x"]),
        output(&[("winner", "feature=\"entityId\"")]),
        neuron("1,0", 2.0),
        neuron("1,1", -1.0),
        result("1,0", "a"),
        result("1,1", "b"),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b"]);
    // 0.5 + 2x against 0.5 - x.
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n-1\nNA\n")[1..], ["a,1,0", "b,1,1", ","]);
}

#[test]
fn vectors_of_machines_stand_in_one_dictionary_before_them() {
    let fields = "<VectorFields><FieldRef field=\"x\"/></VectorFields>";
    let vector = |id: &str| {
        format!("<VectorInstance id=\"{id}\"><Array type=\"real\" n=\"1\">1</Array></VectorInstance>")
    };
    let machine = "<SupportVectorMachine><SupportVectors><SupportVector vectorId=\"b\"/></SupportVectors>\
        <Coefficients absoluteValue=\"1\"><Coefficient value=\"2\"/></Coefficients></SupportVectorMachine>";
    let refused = |parts: &str| {
        let model = format!(
            "<SupportVectorMachineModel functionName=\"regression\">{}<LinearKernelType/>{parts}</SupportVectorMachineModel>",
            schema("y", &["x"])
        );
        load(document("", &model).as_bytes()).err().map(|problem| problem.to_string()).unwrap_or_default()
    };
    let dictionary = |inner: &str| format!("<VectorDictionary>{inner}</VectorDictionary>");
    let (first, second) = (fields.to_owned() + &vector("a") + &vector("b"), fields.to_owned() + &vector("a"));
    assert_eq!(refused(&(dictionary(&first) + machine)), "");
    for (parts, what) in [
        (dictionary(&first) + &dictionary(&second) + machine, "a second <VectorDictionary>"),
        (dictionary(&first) + machine + &dictionary(&second), "a second <VectorDictionary>"),
        (dictionary(&(vector("b") + fields)) + machine, "longer than its fields"),
        (dictionary(&(first.clone() + fields)) + machine, "stands before the vectors"),
        (dictionary(&(first.clone() + &vector("b"))) + machine, "comes twice"),
        (dictionary(&second) + machine, "\"b\" is not declared"),
    ] {
        let problem = refused(&parts);
        assert!(problem.contains(what) && problem.contains("line "), "{what}: {problem}");
    }
}

#[test]
fn items_of_a_rule_are_listed_without_blanks() {
    let items: String = ["tea", "milk", "sugar"]
        .iter()
        .enumerate()
        .map(|(at, item)| format!("<Item id=\"{at}\" value=\"{item}\"/>"))
        .collect();
    let model = format!(
        "<AssociationModel functionName=\"associationRules\" numberOfTransactions=\"2\" numberOfItems=\"3\" \
         minimumSupport=\"0\" minimumConfidence=\"0\" numberOfItemsets=\"2\" numberOfRules=\"1\"><MiningSchema>\
         <MiningField name=\"id\" usageType=\"group\"/><MiningField name=\"item\"/></MiningSchema>{}{items}\
         <Itemset id=\"s\"><ItemRef itemRef=\"0\"/><ItemRef itemRef=\"1\"/></Itemset><Itemset id=\"t\"><ItemRef itemRef=\"2\"/>\
         </Itemset><AssociationRule antecedent=\"s\" consequent=\"t\" support=\"0.5\" confidence=\"0.5\"/></AssociationModel>",
        output(&[("rule", "feature=\"ruleValue\" ruleFeature=\"rule\" rank=\"1\"")])
    );
    let fields = categorical("id", &[]) + &categorical("item", &[]);
    assert_eq!(
        answers(&with_fields(&fields, &model), "id,item\n1,tea\n1,milk\n")[1..],
        ["{tea,milk}->{sugar}"]
    );
}

#[test]
fn of_the_rules_of_a_class_that_wins_by_its_sum_the_heaviest_is_named() {
    let rule = |id: &str, score: &str, weight: f64| {
        format!("<SimpleRule id=\"{id}\" score=\"{score}\" weight=\"{weight}\"><True/></SimpleRule>")
    };
    let model = format!(
        "<RuleSetModel functionName=\"classification\">{}{}<RuleSet><RuleSelectionMethod criterion=\"weightedSum\"/>{}{}{}\
         </RuleSet></RuleSetModel>",
        schema("y", &["x"]),
        output(&[("rule", "feature=\"entityId\""), ("sure", "feature=\"confidence\"")]),
        rule("r1", "b", 0.25),
        rule("r2", "a", 0.5),
        rule("r3", "b", 0.75),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b"]);
    // b has 1 of three rules' weights.
    let third = 1.0 / 3.0;
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n")[1], format!("b,r3,{third}"));
}

#[test]
fn text_that_says_true_or_false_is_a_truth_value_where_one_is_needed() {
    let of = |condition: &str| {
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<Output><OutputField name=\"out\" feature=\"transformedValue\" \
             dataType=\"double\"><Apply function=\"if\">{condition}<Constant>1</Constant><Constant>2</Constant></Apply>\
             </OutputField></Output><RegressionTable intercept=\"0\"/></RegressionModel>",
            schema("y", &["x"])
        );
        answers(&document("", &model), "x\n3\n")[1].rsplit(',').next().unwrap_or_default().to_owned()
    };
    let greater = "<Apply function=\"greaterThan\"><FieldRef field=\"x\"/><Constant>0</Constant></Apply>";
    assert_eq!([of("<Constant>true</Constant>"), of("<Constant>false</Constant>")], ["1", "2"]);
    assert_eq!(of(&format!("<Apply function=\"and\"><Constant>false</Constant>{greater}</Apply>")), "2");
    assert_eq!(of("<Apply function=\"not\"><Constant>false</Constant></Apply>"), "1");
}

#[test]
fn an_offset_that_changes_nothing_may_be_missing() {
    let model = format!(
        "<GeneralRegressionModel functionName=\"classification\" modelType=\"multinomialLogistic\" offsetVariable=\"z\" \
         targetReferenceCategory=\"b\">{}{}<ParameterList><Parameter name=\"p\"/></ParameterList><CovariateList/><PPMatrix/>\
         <ParamMatrix><PCell targetCategory=\"a\" parameterName=\"p\" beta=\"0\"/></ParamMatrix></GeneralRegressionModel>",
        schema("y", &["z"]),
        output(&[("pa", "feature=\"probability\" value=\"a\"")]),
    );
    let fields = continuous("z") + &categorical("y", &["a", "b"]);
    assert_eq!(answers(&with_fields(&fields, &model), "z\n5\nNA\n")[1..], ["a,0.5", "a,0.5"]);
}

#[test]
fn an_isolation_forest_takes_the_digits_of_the_specification() {
    let tree = "<TreeModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
        <Node score=\"3.5\"><True/></Node></TreeModel>";
    let model = format!(
        "<AnomalyDetectionModel functionName=\"regression\" algorithmType=\"iforest\" sampleDataSize=\"5\">{}{}{tree}\
         </AnomalyDetectionModel>",
        schema("y", &["x"]),
        output(&[("score", "feature=\"predictedValue\" dataType=\"double\"")]),
    );
    // 2^(-3.5 / (2 (ln 4 + 0.57721566) - 8/5)).
    let got: f64 = answers(&document("", &model), "x\n1\n")[1].split(',').next().unwrap().parse().unwrap();
    assert!((got - 0.352_557_492_199_458_2).abs() < 1e-15, "{got}");
}

/// Fields `x` (a number) and `y` (a number), and a model.
fn of_numbers(model: &str) -> String {
    let field =
        |name: &str| format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>");
    crate::cases::with_fields(&(field("x") + &field("y")), model)
}

const SCHEMA: &str =
    "<MiningSchema><MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"x\"/></MiningSchema>";

#[test]
fn a_tree_that_asks_nothing_answers_each_row() {
    let tree = "<Node score=\"2.5\"><True/></Node></TreeModel>";
    let model = of_numbers(&format!("<TreeModel functionName=\"regression\">{SCHEMA}{tree}"));
    assert_eq!(answers(&model, "x\n1\n2\nNA\n4\n5\n"), ["y", "2.5", "2.5", "2.5", "2.5", "2.5"]);
}

#[test]
fn a_tree_has_the_same_answers_over_columns_where_values_are_missing() {
    let split =
        |operator: &str| format!("<SimplePredicate field=\"x\" operator=\"{operator}\" value=\"3\"/>");
    let nodes = format!(
        "<Node id=\"a\" score=\"1\" defaultChild=\"c\"><True/><Node id=\"b\" score=\"2\">{}</Node><Node id=\"c\" \
         score=\"3\">{}</Node></Node>",
        split("lessThan"),
        split("greaterOrEqual")
    );
    let output = "<Output><OutputField name=\"node\" feature=\"entityId\" optype=\"categorical\" dataType=\"string\"/></Output>";
    for (strategy, missing) in
        [("lastPrediction", "1,a"), ("defaultChild", "3,c"), ("nullPrediction", ","), ("none", ",")]
    {
        let model = of_numbers(&format!(
            "<TreeModel functionName=\"regression\" missingValueStrategy=\"{strategy}\">{SCHEMA}{output}{nodes}</TreeModel>"
        ));
        let lines = answers(&model, "x\n1\n3\nNA\n2\n9\n");
        assert_eq!(lines[1..], ["2,b", "3,c", missing, "2,b", "3,c"], "{strategy}");
    }
}

/// Two training rows, and how near they are.
const NEAREST: &str = "<TrainingInstances><InstanceFields><InstanceField field=\"x\" column=\"x\"/><InstanceField field=\"y\" \
                column=\"y\"/></InstanceFields><InlineTable><row><x>1</x><y>4</y></row><row><x>3</x><y>8</y></row>\
                </InlineTable></TrainingInstances><ComparisonMeasure kind=\"distance\"><euclidean/></ComparisonMeasure>\
                <KNNInputs><KNNInput field=\"x\"/></KNNInputs>";

#[test]
fn neighbours_at_no_distance_outweigh_all_others_without_a_threshold() {
    let model = of_numbers(&format!(
        "<NearestNeighborModel functionName=\"regression\" numberOfNeighbors=\"2\" threshold=\"0\" \
         continuousScoringMethod=\"weightedAverage\">{SCHEMA}{NEAREST}</NearestNeighborModel>"
    ));
    // At 2 both weigh one.
    assert_eq!(answers(&model, "x\n1\n3\n2\n"), ["y", "4", "8", "6"]);
}

#[test]
fn training_rows_are_treated_as_the_rows_that_come() {
    let model = |treatment: &str, x: &str| {
        let rows = NEAREST.replace("<x>3</x>", x);
        let schema = SCHEMA.replace("name=\"x\"", &format!("name=\"x\" {treatment}"));
        let output = output(&[("far", "feature=\"affinity\" rank=\"2\"")]);
        of_numbers(&format!(
            "<NearestNeighborModel functionName=\"regression\" numberOfNeighbors=\"2\">{schema}{output}{rows}\
             </NearestNeighborModel>"
        ))
    };
    let far = |treatment: &str, x: &str| answers(&model(treatment, x), "x\n0\n").remove(1);
    assert_eq!(far("outliers=\"asExtremeValues\" highValue=\"2\"", "<x>3</x>"), "6,2");
    assert_eq!(far("missingValueReplacement=\"5\"", ""), "6,5");
    assert_eq!(
        far("outliers=\"asMissingValues\" highValue=\"2\" missingValueReplacement=\"5\"", "<x>3</x>"),
        "6,5"
    );
    let refused = crate::files::load(model("", "").as_bytes()).err().unwrap().to_string();
    assert!(refused.contains("training row 2 has no valid value of field \"x\""), "{refused}");
}

#[test]
fn a_number_in_single_precision_is_its_centre_in_the_same_digits() {
    let model = "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\">\
         <MiningSchema><MiningField name=\"x\"/></MiningSchema><Output><OutputField name=\"which\" feature=\"clusterId\"/>\
         </Output><ComparisonMeasure kind=\"distance\" compareFunction=\"delta\"><euclidean/></ComparisonMeasure>\
         <ClusteringField field=\"x\"/><Cluster id=\"a\"><Array type=\"real\">0.2</Array></Cluster>\
         <Cluster id=\"b\"><Array type=\"real\">0.1</Array></Cluster></ClusteringModel>";
    for dtype in ["float", "double"] {
        let field = format!("<DataField name=\"x\" optype=\"continuous\" dataType=\"{dtype}\"/>");
        assert_eq!(answers(&with_fields(&field, model), "x\n0.1\n0.2\n")[1..], ["b", "a"], "{dtype}");
    }
}

#[test]
fn prior_probabilities_are_those_of_their_classes_in_whatever_order_they_stand() {
    let priors = [("c", 0.5), ("a", 0.3), ("b", 0.2)]
        .map(|(class, prior)| format!("<TargetValue value=\"{class}\" priorProbability=\"{prior}\"/>"));
    let table = |class: &str, slope: u8| {
        format!(
            "<RegressionTable intercept=\"0\" targetCategory=\"{class}\"><NumericPredictor name=\"x\" \
             coefficient=\"{slope}\"/></RegressionTable>"
        )
    };
    let model = format!(
        "<RegressionModel functionName=\"classification\" normalizationMethod=\"softmax\">{}{}<Targets><Target field=\"y\">\
         {}</Target></Targets>{}</RegressionModel>",
        schema("y", &["x"]),
        output(&[
            ("a", "feature=\"probability\" value=\"a\""),
            ("b", "feature=\"probability\" value=\"b\""),
            ("c", "feature=\"probability\" value=\"c\""),
        ]),
        priors.concat(),
        table("a", 1) + &table("b", 0) + &table("c", 0),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b", "c"]);
    assert_eq!(answers(&with_fields(&fields, &model), "x\nNA\n")[1], "c,0.3,0.2,0.5");
}

#[test]
fn classes_of_other_ranks_are_shown_by_their_names_too() {
    let model = format!(
        "<TreeModel functionName=\"classification\">{}{}<Targets><Target field=\"y\"><TargetValue value=\"a\" \
         displayValue=\"Alpha\"/></Target></Targets><Node score=\"b\"><True/><ScoreDistribution value=\"a\" recordCount=\"3\"/>\
         <ScoreDistribution value=\"b\" recordCount=\"5\"/><ScoreDistribution value=\"c\" recordCount=\"2\"/></Node></TreeModel>",
        schema("y", &["x"]),
        output(&[
            ("second", "feature=\"predictedDisplayValue\" rank=\"2\""),
            ("all", "feature=\"predictedDisplayValue\" isMultiValued=\"true\" rank=\"0\""),
        ]),
    );
    let fields = continuous("x") + &categorical("y", &["a", "b", "c"]);
    assert_eq!(answers(&with_fields(&fields, &model), "x\n1\n")[1], "b,Alpha,[b, Alpha, c]");
}

#[test]
fn what_is_asked_of_a_missing_value_may_be_mapped_and_seconds_of_a_day_are_such() {
    let fields = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"t\" optype=\"continuous\" dataType=\"timeSeconds\"/>";
    let model = "<RegressionModel functionName=\"regression\"><MiningSchema><MiningField name=\"x\"/><MiningField name=\"t\"/>\
        </MiningSchema><Output><OutputField name=\"m\" feature=\"transformedValue\" dataType=\"boolean\"><Apply \
        function=\"isMissing\" mapMissingTo=\"false\"><FieldRef field=\"x\"/></Apply></OutputField><OutputField name=\"s\" \
        feature=\"transformedValue\" dataType=\"integer\"><Apply function=\"dateSecondsSinceMidnight\"><FieldRef field=\"t\"/>\
        </Apply></OutputField></Output><RegressionTable intercept=\"0\"/></RegressionModel>";
    assert_eq!(
        answers(&with_fields(fields, model), "x,t\nNA,01:02:03\n1,86399\n")[1..],
        ["false,3723", "false,86399"]
    );
}

#[test]
fn cells_of_a_hazard_table_may_stand_in_any_order() {
    let model = format!(
        "<GeneralRegressionModel functionName=\"regression\" modelType=\"CoxRegression\" endTimeVariable=\"t\">{}\
         <ParameterList><Parameter name=\"p0\" referencePoint=\"0\"/></ParameterList><CovariateList><Predictor name=\"x\"/>\
         </CovariateList><PPMatrix><PPCell value=\"1\" predictorName=\"x\" parameterName=\"p0\"/></PPMatrix><ParamMatrix>\
         <PCell parameterName=\"p0\" beta=\"0\" df=\"1\"/></ParamMatrix><BaseCumHazardTables maxTime=\"10\">\
         <BaselineCell time=\"5\" cumHazard=\"0.5\"/><BaselineCell time=\"1\" cumHazard=\"0.1\"/>\
         </BaseCumHazardTables></GeneralRegressionModel>",
        schema("y", &["x", "t"]),
    );
    let fields = continuous("x") + &continuous("t") + &continuous("y");
    assert_eq!(
        answers(&with_fields(&fields, &model), "x,t\n0,0.5\n0,1\n0,6\n0,11\n")[1..],
        ["0", "0.1", "0.5", ""]
    );
}

#[test]
fn an_offset_of_a_hazard_is_added_to_the_score() {
    let of = |offset: &str| {
        let model = format!(
            "<GeneralRegressionModel functionName=\"regression\" modelType=\"CoxRegression\" endTimeVariable=\"t\" {offset}>{}\
             <ParameterList><Parameter name=\"p0\" referencePoint=\"1\"/></ParameterList><CovariateList><Predictor name=\"x\"/>\
             </CovariateList><PPMatrix><PPCell value=\"1\" predictorName=\"x\" parameterName=\"p0\"/></PPMatrix><ParamMatrix>\
             <PCell parameterName=\"p0\" beta=\"0.5\" df=\"1\"/></ParamMatrix><BaseCumHazardTables maxTime=\"10\">\
             <BaselineCell time=\"1\" cumHazard=\"0.1\"/></BaseCumHazardTables></GeneralRegressionModel>",
            schema("y", &["x", "t", "w"]),
        );
        let fields = continuous("x") + &continuous("t") + &continuous("w") + &continuous("y");
        let lines = answers(&with_fields(&fields, &model), "x,t,w\n3,2,0.25\n1,2,NA\n").split_off(1);
        lines.iter().map(|line| line.parse::<f64>().ok()).collect::<Vec<_>>()
    };
    let near = |found: Option<f64>, exponent: f64| {
        assert!((found.unwrap() - 0.1 * exponent.exp()).abs() < 1e-12, "{found:?} {exponent}");
    };
    // The score is 0.5 (x - 1) and the offset; one that is missing leaves nothing to say.
    let (fixed, of_row) = (of("offsetValue=\"2\""), of("offsetVariable=\"w\""));
    near(fixed[0], 3.0);
    near(fixed[1], 2.0);
    near(of_row[0], 1.25);
    assert_eq!(of_row[1], None);
}

#[test]
fn what_is_to_be_reported_of_a_field_is_missing_and_no_reason_to_refuse_the_model() {
    let model = format!(
        "<RegressionModel functionName=\"regression\">{}{}<RegressionTable intercept=\"1\"/></RegressionModel>",
        schema("y", &["x"]),
        output(&[
            ("own", "feature=\"report\" reportField=\"y\""),
            ("theirs", "feature=\"x-report\" x-reportField=\"y\"")
        ]),
    );
    assert_eq!(answers(&document("", &model), "x\n1\n"), ["y,own,theirs", "1,,"]);
}

#[test]
fn values_of_an_ordinal_field_compare_in_its_order_in_functions_too() {
    let of = |field: &str, dtype: &str, constant: &str, rows: &str| {
        let apply = |function: &str, first: &str, second: &str| {
            format!(
                "<OutputField name=\"{function}{}\" feature=\"transformedValue\" dataType=\"boolean\"><Apply function=\"{function}\" \
                 invalidValueTreatment=\"asMissing\">{first}{second}</Apply></OutputField>",
                first.len()
            )
        };
        let (o, c) =
            ("<FieldRef field=\"o\"/>", format!("<Constant dataType=\"{dtype}\">{constant}</Constant>"));
        let outputs = apply("lessThan", o, &c) + &apply("greaterOrEqual", o, &c) + &apply("lessThan", &c, o);
        let model = format!(
            "<RegressionModel functionName=\"regression\">{}<Output>{outputs}</Output><RegressionTable intercept=\"0\"/>\
             </RegressionModel>",
            schema("y", &["o"]).replace("name=\"o\"", "name=\"o\" invalidValueTreatment=\"asIs\"")
        );
        let lines = answers(&with_fields(&(continuous("y") + field), &model), rows).split_off(1);
        lines.iter().map(|line| line.split_once(',').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let sizes = "<DataField name=\"o\" optype=\"ordinal\" dataType=\"string\"><Value value=\"small\"/><Value value=\"medium\"/>\
        <Value value=\"large\"/></DataField>";
    // By their letters "large" would come first; what is no size is neither less nor more.
    assert_eq!(
        of(sizes, "string", "medium", "o\nsmall\nmedium\nlarge\nhuge\nNA\n"),
        ["true,false,false", "false,true,false", "false,true,true", ",,", ",,"]
    );
    let falling = "<DataField name=\"o\" optype=\"ordinal\" dataType=\"integer\"><Value value=\"3\"/><Value value=\"2\"/>\
        <Value value=\"1\"/></DataField>";
    assert_eq!(
        of(falling, "integer", "2", "o\n3\n2\n1\n"),
        ["true,false,false", "false,true,false", "false,true,true"]
    );
}

#[test]
fn days_are_counted_from_years_before_the_first_too() {
    let days = |year: &str| {
        format!(
            "<OutputField name=\"d{year}\" feature=\"transformedValue\" dataType=\"integer\"><Apply function=\"dateDaysSinceYear\">\
             <FieldRef field=\"d\"/><Constant dataType=\"integer\">{year}</Constant></Apply></OutputField>"
        )
    };
    let model = format!(
        "<RegressionModel functionName=\"regression\">{}<Output>{}{}{}</Output><RegressionTable intercept=\"0\"/></RegressionModel>",
        schema("y", &["d"]),
        days("1"),
        days("0"),
        days("-1")
    );
    let fields = continuous("y") + "<DataField name=\"d\" optype=\"continuous\" dataType=\"date\"/>";
    // The year 0 has 366 days, the one before it 365.
    let lines = answers(&with_fields(&fields, &model), "d\n0001-01-02\n-0001-12-31\n");
    assert_eq!(lines[1..], ["0,1,367,732", "0,-367,-1,364"]);
}
