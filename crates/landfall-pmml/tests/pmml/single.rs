//! `x-mathContext="float"`: each step of a model's arithmetic is rounded to single precision. The numbers are those that another
//! evaluator answers; the same steps in single precision stand beside them.

use crate::bad_input::{document, linear};
use crate::rules::schema;
use crate::table::answers;

/// Enough rows that columns would be computed for them, where a model has a way over columns.
const ROWS: &str = "x\n0.3\n0.3\n0.3\n0.3\n0.3\n";

/// What a model answers to 0.3.
fn answer(model: &str) -> f64 {
    let lines = answers(&document("", model), ROWS).split_off(1);
    assert!(lines.len() == 5 && lines.iter().all(|line| *line == lines[0]), "{lines:?}");
    lines[0].parse().unwrap()
}

/// Euler's number has these digits in single precision.
fn exp(x: f32) -> f32 {
    2.7182817f64.powf(f64::from(x)) as f32
}

#[test]
fn a_regression_rounds_each_step() {
    let float = linear("", "<NumericPredictor name=\"x\" coefficient=\"0.1\"/>")
        .replace("functionName=\"regression\"", "functionName=\"regression\" x-mathContext=\"float\"");
    assert_eq!(answer(&float), f64::from(0.1f32 * 0.3 + 1.0));
}

#[test]
fn a_scorecard_rounds_each_sum() {
    let points = |score: &str| {
        format!("<Characteristic><Attribute partialScore=\"{score}\"><True/></Attribute></Characteristic>")
    };
    let card = |attribute: &str| {
        format!(
            "<Scorecard functionName=\"regression\" initialScore=\"0.1\" useReasonCodes=\"false\"{attribute}>{}\
             <Characteristics>{}{}<Characteristic><Attribute><True/><ComplexPartialScore><FieldRef field=\"x\"/>\
             </ComplexPartialScore></Attribute></Characteristic></Characteristics></Scorecard>",
            schema("y", &["x"]),
            points("0.7"),
            points("1e-8"),
        )
    };
    assert_eq!(answer(&card("")), 0.1 + 0.7 + 1e-8 + 0.3);
    assert_eq!(answer(&card(" x-mathContext=\"float\"")), f64::from(0.1f32 + 0.7 + 1e-8 + 0.3));
    // A fixed score alone goes over columns in double precision.
    let fixed = card(" x-mathContext=\"float\"")
        .replace("<FieldRef field=\"x\"/>", "<Constant dataType=\"double\">0.3</Constant>");
    assert_eq!(answer(&fixed), f64::from(0.1f32 + 0.7 + 1e-8 + 0.3));
}

/// A general regression of 0.1 + 0.7 x² with an offset.
fn general(attributes: &str) -> String {
    format!(
        "<GeneralRegressionModel functionName=\"regression\" x-mathContext=\"float\" offsetValue=\"0.9\" {attributes}>{}\
         <ParameterList><Parameter name=\"p0\"/><Parameter name=\"p1\"/></ParameterList><FactorList/>\
         <CovariateList><Predictor name=\"x\"/></CovariateList>\
         <PPMatrix><PPCell value=\"2\" predictorName=\"x\" parameterName=\"p1\"/></PPMatrix>\
         <ParamMatrix><PCell parameterName=\"p0\" beta=\"0.1\"/><PCell parameterName=\"p1\" beta=\"0.7\"/></ParamMatrix>\
         </GeneralRegressionModel>",
        schema("y", &["x"])
    )
}

#[test]
fn a_general_regression_rounds_products_sums_and_the_steps_of_its_link() {
    let score = 0.1f32 + 0.7 * (f64::from(0.3f32).powi(2) as f32) + 0.9;
    assert_eq!(answer(&general("modelType=\"generalLinear\"")), f64::from(score));
    let linked =
        |link: &str| answer(&general(&format!("modelType=\"generalizedLinear\" linkFunction=\"{link}\"")));
    assert_eq!(linked("log"), f64::from(exp(score)));
    assert_eq!(linked("logit"), f64::from(1.0 / (1.0 + exp(-score))));
    assert_eq!(linked("logc"), f64::from(1.0 - exp(score)));
    assert_eq!(linked("cloglog"), f64::from(1.0 - exp(-exp(score))));
    assert_eq!(linked("negbin\" distParameter=\"1.7"), f64::from(1.0 / (1.7 * (exp(-score) - 1.0))));
    let root = |x: f32| f64::from(x).powf(f64::from(1.0f32 / 3.0)) as f32;
    assert_eq!(linked("power\" linkParameter=\"3"), f64::from(root(score)));
    assert_eq!(
        linked("oddspower\" linkParameter=\"3"),
        f64::from(1.0 / (1.0 + 1.0 / root(1.0 + 3.0 * score)))
    );
}

#[test]
fn a_hazard_rounds_each_step() {
    let tables = "</ParamMatrix><BaseCumHazardTables maxTime=\"9\"><BaselineCell time=\"0.1\" cumHazard=\"0.7\"/></BaseCumHazardTables>";
    let cox = general("modelType=\"CoxRegression\" endTimeVariable=\"x\"")
        .replace("offsetValue=\"0.9\"", "")
        .replace("name=\"p1\"/>", "name=\"p1\" referencePoint=\"0.2\"/>")
        .replace("</ParamMatrix>", tables);
    let score = 0.1f32 + 0.7 * (f64::from(0.3f32).powi(2) as f32);
    let reference = 0.7f32 * 0.2;
    assert_eq!(answer(&cox), f64::from(0.7f32 * exp(score - reference)));
}

/// A machine of one vector, 0.7, with a coefficient of 1.3.
fn machine(kernel: &str) -> String {
    format!(
        "<SupportVectorMachineModel functionName=\"regression\" x-mathContext=\"float\">{}{kernel}<VectorDictionary>\
         <VectorFields><FieldRef field=\"x\"/></VectorFields><VectorInstance id=\"v\"><Array type=\"real\">0.7</Array>\
         </VectorInstance></VectorDictionary><SupportVectorMachine><SupportVectors><SupportVector vectorId=\"v\"/>\
         </SupportVectors><Coefficients absoluteValue=\"0.1\"><Coefficient value=\"1.3\"/></Coefficients>\
         </SupportVectorMachine></SupportVectorMachineModel>",
        schema("y", &["x"])
    )
}

#[test]
fn kernels_round_each_step() {
    let scaled = 0.31f32 * (0.3 * 0.7) + 0.1;
    let of = |kernel: f32| f64::from(1.3f32 * kernel + 0.1);
    let sigmoid = "<SigmoidKernelType gamma=\"0.31\" coef0=\"0.1\"/>";
    assert_eq!(answer(&machine(sigmoid)), of(f64::from(scaled).tanh() as f32));
    let polynomial = "<PolynomialKernelType gamma=\"0.31\" coef0=\"0.1\" degree=\"3\"/>";
    assert_eq!(answer(&machine(polynomial)), of(f64::from(scaled).powi(3) as f32));
    let apart = (0.3f32 - 0.7) * (0.3 - 0.7);
    assert_eq!(answer(&machine("<RadialBasisKernelType gamma=\"0.31\"/>")), of(exp(-(0.31f32 * apart))));
}

/// How far 0.3 is from 0.7, the one of two centres that is nearer.
fn distance(measure: &str) -> f64 {
    let centre = |number: &str| format!("<Cluster><Array type=\"real\">{number}</Array></Cluster>");
    answer(&format!(
        "<ClusteringModel functionName=\"clustering\" modelClass=\"centerBased\" numberOfClusters=\"2\" \
         x-mathContext=\"float\"><MiningSchema><MiningField name=\"x\"/></MiningSchema>\
         <Output><OutputField name=\"far\" feature=\"affinity\"/></Output><ComparisonMeasure kind=\"distance\">{measure}\
         </ComparisonMeasure><ClusteringField field=\"x\" fieldWeight=\"1.3\"/>{}{}</ClusteringModel>",
        centre("-2"),
        centre("0.7"),
    ))
}

#[test]
fn distances_round_each_step() {
    let apart = 0.7f32 - 0.3;
    let squared = 1.3f32 * (apart * apart);
    assert_eq!(distance("<cityBlock/>"), f64::from(1.3f32 * apart));
    assert_eq!(distance("<chebychev/>"), f64::from(1.3f32 * apart));
    assert_eq!(distance("<squaredEuclidean/>"), f64::from(squared));
    assert_eq!(distance("<euclidean/>"), f64::from(squared.sqrt()));
    let cubed = 1.3f32 * (f64::from(apart).powi(3) as f32);
    let third = f64::from(1.0f32 / 3.0);
    let rooted = f64::from(cubed).powf(third) as f32;
    assert_eq!(distance("<minkowski p-parameter=\"3\"/>"), f64::from(rooted));
}

#[test]
fn votes_of_neighbours_round_each_step() {
    let model = format!(
        "<NearestNeighborModel functionName=\"regression\" numberOfNeighbors=\"2\" threshold=\"0.01\" \
         continuousScoringMethod=\"weightedAverage\" x-mathContext=\"float\">{}<TrainingInstances><InstanceFields>\
         <InstanceField field=\"x\" column=\"x\"/><InstanceField field=\"y\" column=\"y\"/></InstanceFields><InlineTable>\
         <row><x>0.7</x><y>0.1</y></row><row><x>-0.9</x><y>1.9</y></row></InlineTable></TrainingInstances>\
         <ComparisonMeasure kind=\"distance\"><cityBlock/></ComparisonMeasure><KNNInputs><KNNInput field=\"x\"/></KNNInputs>\
         </NearestNeighborModel>",
        schema("y", &["x"])
    );
    let [near, far] = [0.7f32 - 0.3, 0.9f32 + 0.3].map(|apart| 1.0 / (apart + 0.01));
    assert_eq!(answer(&model), f64::from((0.1 * near + 1.9 * far) / (near + far)));
}
