//! The elements and attributes of PMML 4.4 against what the crate names: nothing of the schema is overlooked.

use std::path::Path;

/// Elements of the schema with their attributes, a line each.
const SCHEMA: &str = include_str!("schema.tsv");

/// Elements within ones that are passed over as a whole: they describe training, or are for people.
const PASSED_OVER: &str = "Annotation Anova AnovaRow BoundaryValueMeans BoundaryValues ClassLabels \
    ClusteringModelQuality ConfusionMatrix CorrelationFields Correlations CorrelationMethods CorrelationValues Counts \
    Decision DiscrStats LiftData LiftGraph ModelLiftGraph MultivariateStat MultivariateStats OptimumLiftGraph \
    PredictiveModelQuality Quantile RandomLiftGraph ROC ROCGraph TimeCycle TimeException UnivariateStats \
    XCoordinates YCoordinates TrendCoefficients";

/// Elements that are refused by their names, since nothing in the crate knows them.
const REFUSED: &str = "Denominator DynamicRegressor NonseasonalFactor Numerator RegressorValues SeasonalFactor Theta TransferFunctionValues";

/// Attributes that are not named: of elements that are passed over, or refused.
const ATTRIBUTES: &str = "Aggregate.sqlWhere ContStats.totalSquaresSum ContStats.totalValuesSum \
    Decisions.businessProblem Extension.extender Header.modelVersion KohonenMap.coord1 KohonenMap.coord2 \
    KohonenMap.coord3 NumericInfo.interQuartileRange PartitionFieldStats.weighted TimeAnchor.offset \
    TimeAnchor.stepsize";

fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn each_element_and_attribute_of_the_schema_is_read_passed_over_or_refused() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let named = |name: &str| text.contains(&format!("\"{name}\""));
    let listed = |list: &str, name: &str| list.split_whitespace().any(|other| other == name);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in SCHEMA.lines() {
        let (element, attributes) = line.split_once('\t').unwrap();
        count += 1;
        let beside = listed(PASSED_OVER, element) || listed(REFUSED, element);
        if named(element) == beside {
            wrong.push(element.to_owned());
        }
        for attribute in attributes.split_whitespace().filter(|_| !beside) {
            let full = format!("{element}.{attribute}");
            if named(attribute) == listed(ATTRIBUTES, &full) {
                wrong.push(full);
            }
        }
    }
    assert!(count > 300, "{count} elements");
    assert!(wrong.is_empty(), "not as the lists say: {wrong:?}");
}

#[test]
fn what_the_list_calls_refused_is_refused_by_its_name() {
    for element in REFUSED.split_whitespace() {
        let model = crate::bad_input::linear(&format!("\n  <{element}/>"), "");
        let text = crate::bad_input::document("", &model);
        let problem = crate::files::load(text.as_bytes()).err().unwrap().to_string();
        assert!(problem.contains(element) && problem.contains("column 3"), "{problem}");
    }
}
