//! What earlier versions of the specification have, and later ones do not.

use crate::bad_input::{document, linear};
use crate::files::load;
use crate::table::answers;

fn versioned(version: &str) -> String {
    let namespace = version.split('.').take(2).collect::<Vec<_>>().join("_");
    let text = document("", &linear("", "<NumericPredictor name=\"x\" coefficient=\"2\"/>"));
    let (_, rest) = text.split_once('>').unwrap();
    format!("<PMML version=\"{version}\" xmlns=\"http://www.dmg.org/PMML-{namespace}\">{rest}")
}

#[test]
fn all_versions_from_2_0_to_4_4_are_read_corrections_of_their_text_too() {
    for version in ["2.0", "2.1", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "4.2.1", "4.3", "4.4", "4.4.1"] {
        assert_eq!(answers(&versioned(version), "x\n3\n")[1], "7", "{version}");
    }
    for version in ["1.1", "4.5", "5.0", "4", "four"] {
        let problem = load(versioned(version).as_bytes()).err().unwrap().to_string();
        let found = problem.contains("namespace") || problem.contains("version=");
        assert!(found && problem.contains("expected PMML 2.0 to 4.4"), "{version}: {problem}");
    }
}

#[test]
fn centres_of_clusters_may_be_made_of_fields_of_their_own() {
    let model = "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\">\
        <MiningSchema><MiningField name=\"age\"/><MiningField name=\"state\"/></MiningSchema><Output><OutputField name=\"near\" \
        feature=\"affinity\"/></Output><ComparisonMeasure kind=\"distance\"><squaredEuclidean/></ComparisonMeasure>\
        <ClusteringField field=\"age\"/><ClusteringField field=\"state\" compareFunction=\"equal\"/><CenterFields>\
        <DerivedField name=\"c1\" optype=\"continuous\" dataType=\"double\"><NormContinuous field=\"age\"><LinearNorm orig=\"0\" \
        norm=\"0\"/><LinearNorm orig=\"100\" norm=\"1\"/></NormContinuous></DerivedField><DerivedField name=\"c2\" \
        optype=\"continuous\" dataType=\"double\"><NormDiscrete field=\"state\" value=\"m\"/></DerivedField><DerivedField name=\"c3\" \
        optype=\"continuous\" dataType=\"double\"><NormDiscrete field=\"state\" value=\"s\"/></DerivedField></CenterFields>\
        <Cluster name=\"old\"><Array n=\"3\" type=\"real\">0.75 1 0</Array></Cluster><Cluster name=\"young\"><Array n=\"3\" \
        type=\"real\">0.25 0 1</Array></Cluster></ClusteringModel>";
    let fields = "<DataField name=\"age\" optype=\"continuous\" dataType=\"double\"/><DataField name=\"state\" \
        optype=\"categorical\" dataType=\"string\"><Value value=\"s\"/><Value value=\"m\"/></DataField>";
    let text = crate::cases::with_fields(fields, model);
    let lines = answers(&text, "age,state\n50,s\n100,m\n");
    let near = lines[0].split(',').position(|name| name == "near").unwrap();
    let of = |line: &str| line.split(',').nth(near).unwrap().to_owned();
    // 0.25² to the second, 0.25² to the first.
    assert_eq!([of(&lines[1]), of(&lines[2])], ["0.0625", "0.0625"]);
}

#[test]
fn output_fields_may_name_their_types_as_schemas_do() {
    let fields = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    let model = "<RegressionModel functionName=\"regression\" modelType=\"linearRegression\" targetFieldName=\"y\">\
        <MiningSchema><MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"predicted\"/></MiningSchema><Output>\
        <OutputField name=\"I_y\" optype=\"categorical\" datatype=\"xs:string\" targetField=\"y\" feature=\"predictedValue\"/>\
        <OutputField name=\"P_y\" optype=\"continuous\" datatype=\"xs:double\" feature=\"predictedValue\"/></Output>\
        <RegressionTable intercept=\"1\"><NumericPredictor name=\"x\" coefficient=\"0.5\"/></RegressionTable></RegressionModel>";
    let document = crate::cases::with_fields(fields, model).replace("4.4", "4.0");
    assert_eq!(answers(&document, "x\n1\n"), ["y,I_y,P_y", "1.5,1.5,1.5"]);
}

#[test]
fn functions_that_were_a_writer_s_own_before_are_those_of_the_specification() {
    let derived = "<LocalTransformations><DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\">\
        <Apply function=\"x-modulo\"><FieldRef field=\"x\"/><Apply function=\"x-hypot\"><Constant>3</Constant><Constant>4</Constant>\
        </Apply></Apply></DerivedField></LocalTransformations>";
    let model = linear(derived, "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
    assert_eq!(answers(&document("", &model), "x\n-7\n")[1], "4");
}

#[test]
fn early_fields_have_the_type_that_their_optype_says_and_centres_need_no_name() {
    let model = "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\">\
        <MiningSchema><MiningField name=\"age\"/><MiningField name=\"state\"/></MiningSchema><ComparisonMeasure kind=\"distance\">\
        <squaredEuclidean/></ComparisonMeasure><ClusteringField field=\"age\" compareFunction=\"absDiff\"/><ClusteringField \
        field=\"state\" compareFunction=\"absDiff\"/><CenterFields><DerivedField><NormContinuous field=\"age\"><LinearNorm orig=\"0\" \
        norm=\"0\"/><LinearNorm orig=\"100\" norm=\"1\"/></NormContinuous></DerivedField><DerivedField><NormDiscrete field=\"state\" \
        value=\"m\"/></DerivedField></CenterFields><Cluster name=\"old\"><Array n=\"2\" type=\"real\">0.75 1</Array></Cluster>\
        <Cluster name=\"young\"><Array n=\"2\" type=\"real\">0.25 0</Array></Cluster></ClusteringModel>";
    let fields = "<DataField name=\"age\" optype=\"continuous\"/><DataField name=\"state\" optype=\"categorical\">\
        <Value value=\"s\"/><Value value=\"m\"/></DataField>";
    let of = |version: &str| {
        crate::cases::with_fields(fields, model).replace("4.4", version).replace("4_4", "3_1")
    };
    for version in ["2.0", "2.1", "3.0", "3.1"] {
        // 0.05² to the second; 0.25² + 1 to it, 0.25² to the first.
        assert_eq!(answers(&of(version), "age,state\n20,s\n50.0,m\n")[1..], ["2", "1"], "{version}");
    }
    let problem = load(of("3.2").as_bytes()).err().unwrap().to_string();
    assert!(problem.contains("<DataField> lacks dataType"), "{problem}");
}

#[test]
fn entries_of_sparse_arrays_are_called_so_in_the_first_schemas() {
    let model = "<SupportVectorMachineModel functionName=\"regression\" svmRepresentation=\"SupportVectors\"><MiningSchema>\
        <MiningField name=\"x\"/><MiningField name=\"y\" usageType=\"predicted\"/></MiningSchema><LinearKernelType/>\
        <VectorDictionary numberOfVectors=\"1\"><VectorFields numberOfFields=\"1\"><FieldRef field=\"x\"/></VectorFields>\
        <VectorInstance id=\"a\"><REAL-SparseArray n=\"1\"><Indices>1</Indices><Entries>3</Entries></REAL-SparseArray>\
        </VectorInstance></VectorDictionary><SupportVectorMachine><SupportVectors numberOfAttributes=\"1\" \
        numberOfSupportVectors=\"1\"><SupportVector vectorId=\"a\"/></SupportVectors><Coefficients absoluteValue=\"1\" \
        numberOfCoefficients=\"1\"><Coefficient value=\"0.5\"/></Coefficients></SupportVectorMachine></SupportVectorMachineModel>";
    let fields = "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    // 0.5 · 3 · 4 + 1
    assert_eq!(answers(&crate::cases::with_fields(fields, model), "x\n4\n")[1], "7");
}

#[test]
fn a_trend_is_called_so_in_4_0() {
    let model = "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"ExponentialSmoothing\"><MiningSchema>\
        <MiningField name=\"h\"/><MiningField name=\"y\" usageType=\"predicted\"/></MiningSchema><ExponentialSmoothing>\
        <Level smoothedValue=\"10\"/><Trend trend=\"damped_additive\" phi=\"0.5\" smoothedValue=\"2\"/></ExponentialSmoothing>\
        </TimeSeriesModel>";
    let fields = "<DataField name=\"h\" optype=\"continuous\" dataType=\"integer\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    // 10 + (0.5 + 0.25) · 2
    assert_eq!(answers(&crate::cases::with_fields(fields, model).replace("4.4", "4.0"), "h\n2\n")[1], "11.5");
}

#[test]
fn a_sequence_model_of_3_0_says_how_its_rules_were_found() {
    let model = "<SequenceModel functionName=\"sequences\" numberOfTransactions=\"3\" minimumSupport=\"0.1\" minimumConfidence=\"0.1\" \
        lengthLimit=\"3\" numberOfItems=\"2\" numberOfSets=\"2\" numberOfSequences=\"2\" numberOfRules=\"1\" timeWindowWidth=\"0\" \
        minimumTime=\"0\" maximumTime=\"9\"><MiningSchema><MiningField name=\"g\" usageType=\"group\"/><MiningField name=\"i\"/>\
        </MiningSchema><Output><OutputField name=\"then\" feature=\"ruleValue\" ruleFeature=\"consequent\"/></Output><Item id=\"1\" \
        value=\"a\"/><Item id=\"2\" value=\"b\"/><Itemset id=\"1\"><ItemRef itemRef=\"1\"/></Itemset><Itemset id=\"2\">\
        <ItemRef itemRef=\"2\"/></Itemset><Sequence id=\"1\" numberOfSets=\"1\"><SetReference setId=\"1\"/></Sequence>\
        <Sequence id=\"2\" numberOfSets=\"1\"><SetReference setId=\"2\"/></Sequence><SequenceRule id=\"r\" numberOfSets=\"2\" \
        occurrence=\"1\" support=\"0.3\" confidence=\"0.5\"><AntecedentSequence><SequenceReference seqId=\"1\"/>\
        </AntecedentSequence><Delimiter delimiter=\"acrossTimeWindows\" gap=\"true\"/><ConsequentSequence>\
        <SequenceReference seqId=\"2\"/></ConsequentSequence></SequenceRule></SequenceModel>";
    let fields =
        "<DataField name=\"g\" optype=\"categorical\"/><DataField name=\"i\" optype=\"categorical\"/>";
    let document = crate::cases::with_fields(fields, model).replace("4.4", "3.0");
    assert_eq!(answers(&document, "g,i\n1,b\n1,a\n2,b\n"), ["then", "{b}", ""]);
}
