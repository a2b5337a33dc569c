//! Time series and expressions over rows, with answers calculated by hand.

use crate::bad_input::{document, linear};
use crate::cases::with_fields;
use crate::table::answers;

/// A document that looks ahead of a series by a method.
fn document_of(best: &str, series: &str, method: &str) -> String {
    let fields = "<DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>\
                  <DataField name=\"h\" optype=\"continuous\" dataType=\"integer\"/>";
    let values: String = series
        .split_whitespace()
        .enumerate()
        .map(|(at, value)| format!("<TimeValue index=\"{}\" value=\"{value}\"/>", at + 1))
        .collect();
    let model = format!(
        "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"{best}\"><MiningSchema>\
         <MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"h\"/></MiningSchema><Output>\
         <OutputField name=\"up\" optype=\"continuous\" dataType=\"double\" feature=\"confidenceIntervalUpper\" value=\"95\"/>\
         <OutputField name=\"se\" optype=\"continuous\" dataType=\"double\" feature=\"standardError\"/></Output>\
         <TimeSeries usage=\"original\">{values}</TimeSeries>{method}</TimeSeriesModel>"
    );
    with_fields(fields, &model)
}

/// Forecasts for horizons 1, 2 and 3, with the limits of an interval of 95 percent where they are known.
fn forecasts(best: &str, series: &str, method: &str) -> Vec<Vec<f64>> {
    let lines = answers(&document_of(best, series, method), "h\n1\n2\n3\n").split_off(1);
    lines.iter().map(|line| line.split(',').filter_map(|cell| cell.parse().ok()).collect()).collect()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found:?} {expected:?}");
    }
}

fn predictions(rows: &[Vec<f64>]) -> Vec<f64> {
    rows.iter().map(|row| row[0]).collect()
}

const REAL: &str = "<Array type=\"real\">";

#[test]
fn seasons_are_added_or_multiplied() {
    let smoothing = |kind: &str, phase: &str, transformation: &str| {
        let method = format!(
            "<ExponentialSmoothing transformation=\"{transformation}\"><Level smoothedValue=\"10\"/>\
             <Trend_ExpoSmooth trend=\"additive\" smoothedValue=\"2\"/>\
             <Seasonality_ExpoSmooth type=\"{kind}\" period=\"2\" {phase}>{REAL}0.5 1.5</Array>\
             </Seasonality_ExpoSmooth></ExponentialSmoothing>"
        );
        predictions(&forecasts("ExponentialSmoothing", "1", &method))
    };
    near(&smoothing("additive", "", "none"), &[12.5, 15.5, 16.5]);
    near(&smoothing("multiplicative", "", "none"), &[6.0, 21.0, 8.0]);
    near(&smoothing("multiplicative", "phase=\"1\"", "none"), &[18.0, 7.0, 24.0]);
    near(&smoothing("additive", "", "squareroot"), &[156.25, 240.25, 272.25]);
}

#[test]
fn seasonal_differences_and_moving_averages_are_followed() {
    // y(t) = y(t-2) + e(t) + 0.5 e(t-1), the last noise 2.
    let method = format!(
        "<ARIMA RMSE=\"3\" constantTerm=\"0\"><NonseasonalComponent p=\"0\" d=\"0\" q=\"1\"><MA><MACoefficients>{REAL}0.5</Array>\
         </MACoefficients><Residuals>{REAL}2</Array></Residuals></MA></NonseasonalComponent>\
         <SeasonalComponent P=\"0\" D=\"1\" Q=\"0\" period=\"2\"/></ARIMA>"
    );
    let rows = forecasts("ARIMA", "5 6 7 8", &method);
    near(&predictions(&rows), &[8.0, 8.0, 8.0]);
    // The weights of noises: 1, 0.5, 1.
    let errors: Vec<f64> = rows.iter().map(|row| row[2]).collect();
    near(&errors, &[3.0, 3.0 * 1.25f64.sqrt(), 3.0 * 2.25f64.sqrt()]);
    near(&[rows[0][1]], &[8.0 + 3.0 * 1.959_963_984_540_054]);
}

#[test]
fn variances_of_garch_and_state_space_models_are_given() {
    let garch = format!(
        "<GARCH><ARMAPart constant=\"1\" p=\"1\" q=\"0\"><AR>{REAL}0.5</Array></AR><MA/></ARMAPart>\
         <GARCHPart constant=\"0.5\" gp=\"1\" gq=\"1\"><ResidualSquareCoefficients><Residuals>{REAL}2</Array></Residuals>\
         <MACoefficients>{REAL}0.25</Array></MACoefficients></ResidualSquareCoefficients><VarianceCoefficients>\
         <PastVariances>{REAL}2</Array></PastVariances><MACoefficients>{REAL}0.5</Array></MACoefficients>\
         </VarianceCoefficients></GARCHPart></GARCH>"
    );
    let rows = forecasts("GARCH", "4", &garch);
    near(&predictions(&rows), &[3.0, 2.5, 2.25]);
    // Variances 2.5 and 2.375 of the noises; the first still counts a half in the second step.
    near(&[rows[0][2], rows[1][2]], &[2.5f64.sqrt(), (2.375f64 + 0.25 * 2.5).sqrt()]);
    let space = format!(
        "<StateSpaceModel variance=\"4\"><StateVector>{REAL}3 1</Array></StateVector><TransitionMatrix>\
         <Matrix nbRows=\"2\" nbCols=\"2\">{REAL}1 1</Array>{REAL}0 1</Array></Matrix></TransitionMatrix><MeasurementMatrix>\
         <Matrix nbRows=\"1\" nbCols=\"2\">{REAL}1 0</Array></Matrix></MeasurementMatrix><InterceptVector type=\"observation\">\
         {REAL}0.5</Array></InterceptVector><PredictedStateCovarianceMatrix><Matrix nbRows=\"2\" nbCols=\"2\" diagDefault=\"1\"/>\
         </PredictedStateCovarianceMatrix></StateSpaceModel>"
    );
    let rows = forecasts("StateSpaceModel", "1", &space);
    near(&predictions(&rows), &[3.5, 4.5, 5.5]);
    near(&[rows[0][2], rows[1][2]], &[2.0, 8f64.sqrt()]);
}

#[test]
fn a_covariance_of_what_was_seen_moves_before_the_first_step() {
    // y(t) = 0.5 y(t-1) + e(t): the last value is known, so that the state does not vary at all.
    let one = |number: &str| format!("<Matrix nbRows=\"1\" nbCols=\"1\">{REAL}{number}</Array></Matrix>");
    let space = format!(
        "<StateSpaceModel variance=\"4\"><StateVector>{REAL}3</Array></StateVector><TransitionMatrix>{}</TransitionMatrix>\
         <MeasurementMatrix>{}</MeasurementMatrix><PredictedStateCovarianceMatrix>{}</PredictedStateCovarianceMatrix>\
         <SelectedStateCovarianceMatrix>{}</SelectedStateCovarianceMatrix></StateSpaceModel>",
        one("0.5"),
        one("1"),
        one("0"),
        one("1")
    );
    let rows = forecasts("StateSpaceModel", "1", &space);
    near(&[rows[0][2], rows[1][2]], &[2.0, 2.0 * 1.25f64.sqrt()]);
    let seen = space.replace(&format!("{REAL}0</Array>"), &format!("{REAL}1</Array>"));
    near(&[forecasts("StateSpaceModel", "1", &seen)[0][2]], &[2.0]);
}

#[test]
fn a_state_space_that_was_written_from_a_fitted_model_answers_as_that_does() {
    // An ARMA(1, 1) with a constant, as nyoka writes it of statsmodels, and what statsmodels forecasts.
    let square = |rows: [&str; 2]| {
        let arrays = rows.map(|row| format!("{REAL}{row}</Array>")).concat();
        format!("<Matrix nbRows=\"2\" nbCols=\"2\">{arrays}</Matrix>")
    };
    let vector = |name: &str, values: &str| format!("<{name}>{REAL}{values}</Array></{name}>");
    let noise = "2.6913596900713466 1.9856128836875768";
    let space = [
        "<StateSpaceModel intercept=\"0\">".to_owned(),
        vector("StateVector", "7.4761147739910365 0.0"),
        format!("<TransitionMatrix>{}</TransitionMatrix>", square(["0.49800625345178773 1.0", "0.0 0.0"])),
        format!("<MeasurementMatrix><Matrix nbRows=\"1\" nbCols=\"2\">{REAL}1.0 0.0</Array></Matrix></MeasurementMatrix>"),
        vector("InterceptVector", "4.142270097991887 0.0"),
        format!(
            "<PredictedStateCovarianceMatrix>{}</PredictedStateCovarianceMatrix>",
            square(["3.647950232821233 2.6913596900713466", noise])
        ),
        format!(
            "<SelectedStateCovarianceMatrix>{}</SelectedStateCovarianceMatrix>",
            square(["3.6479502328212328 2.6913596900713466", noise])
        ),
        "</StateSpaceModel>".to_owned(),
    ]
    .concat();
    let rows = forecasts("StateSpaceModel", "1", &space);
    near(&predictions(&rows), &[7.4761147739910365, 7.8654220069627225, 8.059299443496634]);
    let upper: Vec<f64> = rows.iter().map(|row| row[1]).collect();
    near(&upper, &[11.219569141193116, 13.816396847092578, 14.440653679014588]);
}

#[test]
fn a_horizon_may_be_supplementary() {
    let smoothing = "<ExponentialSmoothing><Level smoothedValue=\"10\"/></ExponentialSmoothing>";
    let document = document_of("ExponentialSmoothing", "1", smoothing)
        .replace("<MiningField name=\"h\"/>", "<MiningField name=\"h\" usageType=\"supplementary\"/>");
    assert!(document.contains("supplementary"));
    assert_eq!(answers(&document, "h\n2\n")[1].split(',').next(), Some("10"));
}

#[test]
fn lags_stop_where_a_block_begins() {
    let fields = "<DataField name=\"b\" optype=\"categorical\" dataType=\"string\"/>\
        <DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    let model = linear(
        "<LocalTransformations><DerivedField name=\"before\" optype=\"continuous\" dataType=\"double\">\
         <Lag field=\"x\"><BlockIndicator field=\"b\"/></Lag></DerivedField></LocalTransformations>",
        "<NumericPredictor name=\"before\" coefficient=\"1\"/>",
    )
    .replace("<MiningField name=\"x\"/>", "<MiningField name=\"x\"/><MiningField name=\"b\"/>");
    let got = answers(&with_fields(fields, &model), "b,x\nA,5\nA,6\nB,7\nB,8\n");
    assert_eq!(got, ["y", "", "6", "", "8"]);
}

#[test]
fn rows_of_one_group_are_one_record_for_every_model() {
    let fields = "<DataField name=\"who\" optype=\"categorical\" dataType=\"string\"/>\
        <DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>";
    let total = |function: &str| {
        let model = linear(
            &format!(
                "<LocalTransformations><DerivedField name=\"t\" optype=\"continuous\" dataType=\"double\">\
                 <Aggregate field=\"x\" function=\"{function}\" groupField=\"who\"/></DerivedField></LocalTransformations>"
            ),
            "<NumericPredictor name=\"t\" coefficient=\"10\"/>",
        )
        .replace("<MiningField name=\"x\"/>", "<MiningField name=\"x\"/><MiningField name=\"who\" usageType=\"group\"/>");
        answers(&with_fields(fields, &model), "who,x\nA,1\nB,5\nA,3\n")
    };
    assert_eq!(total("sum"), ["y", "41", "51"]);
    assert_eq!(total("average"), ["y", "21", "51"]);
    assert_eq!(total("count"), ["y", "21", "11"]);
    assert_eq!(total("max"), ["y", "31", "51"]);
}

#[test]
fn a_function_may_call_itself_where_a_condition_ends_it() {
    let dictionary = "<TransformationDictionary><DefineFunction name=\"factorial\" optype=\"continuous\" dataType=\"double\">\
        <ParameterField name=\"n\" dataType=\"double\"/><Apply function=\"if\"><Apply function=\"greaterThan\"><FieldRef field=\"n\"/>\
        <Constant dataType=\"double\">1</Constant></Apply><Apply function=\"*\"><FieldRef field=\"n\"/><Apply function=\"factorial\">\
        <Apply function=\"-\"><FieldRef field=\"n\"/><Constant dataType=\"double\">1</Constant></Apply></Apply></Apply>\
        <Constant dataType=\"double\">1</Constant></Apply></DefineFunction>\
        <DerivedField name=\"d\" optype=\"continuous\" dataType=\"double\"><Apply function=\"factorial\"><FieldRef field=\"x\"/></Apply>\
        </DerivedField></TransformationDictionary>";
    let model = linear("", "<NumericPredictor name=\"d\" coefficient=\"1\"/>");
    let got = answers(&document(dictionary, &model), "x\n5\n0\n1000\n");
    assert_eq!(got[..3], ["y", "121", "2"]);
    assert!(got[3].contains("calls itself more than"), "{}", got[3]);
}

#[test]
fn an_event_in_the_noise_goes_on_as_noises_do() {
    // y(t) = 0.5 y(t-1) + e(t) + 0.25 e(t-1): a noise counts 1, then 0.75, 0.375, 0.1875.
    let method = format!(
        "<ARIMA constantTerm=\"0\"><NonseasonalComponent p=\"1\" d=\"0\" q=\"1\"><AR>{REAL}0.5</Array></AR><MA>\
         <MACoefficients>{REAL}0.25</Array></MACoefficients><Residuals>{REAL}0</Array></Residuals></MA>\
         </NonseasonalComponent><OutlierEffect type=\"innovational\" startTime=\"3\" magnitude=\"8\"/></ARIMA>"
    );
    // What is left of the series is 0, 0, 0: only the event goes on.
    near(&predictions(&forecasts("ARIMA", "0 0 8", &method)), &[6.0, 3.0, 1.5]);
}

#[test]
fn the_constant_of_arima_is_the_mean_of_its_differences() {
    let method = format!(
        "<ARIMA constantTerm=\"10\"><NonseasonalComponent p=\"1\" d=\"0\" q=\"0\"><AR>{REAL}0.5</Array></AR>\
         </NonseasonalComponent></ARIMA>"
    );
    // 10 + 0.5 (14 - 10), and so on towards 10.
    near(&predictions(&forecasts("ARIMA", "12 14", &method)), &[12.0, 11.0, 10.5]);
    let method = method.replace("d=\"0\"", "d=\"1\"");
    // The differences 2; then 10 + 0.5 (2 - 10) = 6, 8, 9.
    near(&predictions(&forecasts("ARIMA", "12 14", &method)), &[20.0, 28.0, 37.0]);
}

#[test]
fn the_exact_method_filters_the_series_where_no_state_is_given() {
    // As statsmodels forecasts them: SARIMAX(series, order).smooth(coefficients and a variance of 1).forecast(3), the last of
    // the differences less their mean of 0.1.
    let of = |values: &str, noises: &str| {
        let (p, q) = (values.split_whitespace().count(), noises.split_whitespace().count());
        (
            format!("p=\"{p}\" d=\"0\" q=\"{q}\""),
            format!(
                "<AR>{REAL}{values}</Array></AR><MA><MACoefficients>{REAL}{noises}</Array></MACoefficients></MA>"
            ),
        )
    };
    let exact = |constant: f64, components: String| {
        format!(
            "<ARIMA constantTerm=\"{constant}\" predictionMethod=\"exactLeastSquares\">{components}</ARIMA>"
        )
    };
    for (series, values, noises, expected) in [
        ("1 1.5 2 1.8 2.2", "0.5", "0.3", [1.4451385409, 0.7225692705, 0.36128463525]),
        ("2 1 -1 0.5 3 2.5", "0.6 -0.2", "0.5 0.3", [1.09547507, -0.05880228, -0.25437638]),
    ] {
        let (orders, factors) = of(values, noises);
        let components = format!("<NonseasonalComponent {orders}>{factors}</NonseasonalComponent>");
        let found = predictions(&forecasts("ARIMA", series, &exact(0.0, components)));
        assert!(found.iter().zip(expected).all(|(found, own)| (found - own).abs() < 1e-8), "{found:?}");
    }
    let (_, factors) = of("0.4", "-0.3");
    let components = format!(
        "<NonseasonalComponent p=\"1\" d=\"1\" q=\"1\">{factors}</NonseasonalComponent><SeasonalComponent P=\"0\" D=\"1\" \
         Q=\"1\" period=\"4\"><MA><MACoefficients>{REAL}0.25</Array></MACoefficients></MA></SeasonalComponent>"
    );
    let found = predictions(&forecasts("ARIMA", "3 5 4 7 6 9 8 12 10 13 11 16", &exact(0.1, components)));
    near(&found, &[13.867176451748449, 16.902307102126557, 14.739485327575224]);
}

#[test]
fn the_final_noise_counts_as_far_as_it_was_not_predicted() {
    let exact = |noise: &str, predicted: &str| {
        format!(
            "<ARIMA predictionMethod=\"exactLeastSquares\"><NonseasonalComponent p=\"0\" d=\"1\" q=\"1\"><MA><MACoefficients>\
             {REAL}0.5</Array></MACoefficients></MA></NonseasonalComponent><MaximumLikelihoodStat method=\"thetaRecursion\">\
             <ThetaRecursionState><FinalNoise>{REAL}{noise}</Array></FinalNoise><FinalPredictedNoise>{REAL}{predicted}</Array>\
             </FinalPredictedNoise><FinalTheta><Theta i=\"0\" j=\"0\" theta=\"0.5\"/></FinalTheta><FinalNu>{REAL}1</Array></FinalNu>\
             </ThetaRecursionState></MaximumLikelihoodStat></ARIMA>"
        )
    };
    // The last difference was 3 where 1 was expected: y(t+1) = 5 + 0.5 · 2.
    near(&predictions(&forecasts("ARIMA", "2 5", &exact("3", "1"))), &[6.0; 3]);
    let uneven = crate::files::load(document_of("ARIMA", "2 5", &exact("3", "1 2")).as_bytes());
    let problem = uneven.err().map(|problem| problem.to_string()).unwrap_or_default();
    assert!(problem.contains("<FinalPredictedNoise> have not as many"), "{problem}");
}

#[test]
fn a_final_state_goes_on_by_the_matrices_beside_it() {
    let exact = |matrices: &str| {
        format!(
            "<ARIMA RMSE=\"2\" constantTerm=\"1\" predictionMethod=\"exactLeastSquares\"><NonseasonalComponent p=\"1\" d=\"0\" \
             q=\"0\"><AR>{REAL}0.5</Array></AR></NonseasonalComponent><MaximumLikelihoodStat method=\"kalman\"><KalmanState>\
             <FinalOmega><Matrix nbRows=\"1\" nbCols=\"1\">{REAL}0</Array></Matrix></FinalOmega><FinalStateVector>{REAL}8\
             </Array></FinalStateVector>{matrices}</KalmanState></MaximumLikelihoodStat></ARIMA>"
        )
    };
    let matrices = format!(
        "<TransitionMatrix><Matrix nbRows=\"1\" nbCols=\"1\">{REAL}0.5</Array></Matrix></TransitionMatrix><MeasurementMatrix>\
         <Matrix nbRows=\"1\" nbCols=\"1\">{REAL}1</Array></Matrix></MeasurementMatrix>"
    );
    let rows = forecasts("ARIMA", "3 17", &exact(&matrices));
    near(&predictions(&rows), &[9.0, 5.0, 3.0]);
    // Noises count 1, then a half: deviations of 2 and of 2 times the root of 1.25.
    near(&[rows[0][2], rows[1][2]], &[2.0, 2.0 * 1.25f64.sqrt()]);
    let (transition, _) = matrices.split_at(matrices.find("<MeasurementMatrix>").unwrap());
    let one = crate::files::load(document_of("ARIMA", "3 17", &exact(transition)).as_bytes());
    let problem = one.err().map(|problem| problem.to_string()).unwrap_or_default();
    assert!(problem.contains("without the other"), "{problem}");
}

/// A state of two numbers that is seen by two targets.
fn of_two_targets(rest: &str, targets: &[&str], outputs: &str) -> String {
    let fields: String = ["y", "z"]
        .iter()
        .map(|name| format!("<DataField name=\"{name}\" optype=\"continuous\" dataType=\"double\"/>"))
        .collect();
    let schema: String = targets
        .iter()
        .map(|name| format!("<MiningField name=\"{name}\" usageType=\"target\"/>"))
        .chain(["<MiningField name=\"h\"/>".to_owned()])
        .collect();
    let matrix = |first: &str, second: &str| {
        format!("<Matrix nbRows=\"2\" nbCols=\"2\">{REAL}{first}</Array>{REAL}{second}</Array></Matrix>")
    };
    let model = format!(
        "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"StateSpaceModel\"><MiningSchema>{schema}</MiningSchema>\
         <Output>{outputs}</Output><StateSpaceModel intercept=\"10\"><StateVector>{REAL}1 2</Array></StateVector>\
         <TransitionMatrix>{}</TransitionMatrix><MeasurementMatrix>{}</MeasurementMatrix>{rest}</StateSpaceModel>\
         </TimeSeriesModel>",
        matrix("0.5 0", "1 1"),
        matrix("1 0", "1 -1"),
    );
    with_fields(&(fields + "<DataField name=\"h\" optype=\"continuous\" dataType=\"integer\"/>"), &model)
}

#[test]
fn a_state_is_seen_by_each_of_several_targets() {
    let observed = format!("<InterceptVector type=\"observation\">{REAL}1 2</Array></InterceptVector>");
    let outputs = "<OutputField name=\"second\" optype=\"continuous\" dataType=\"double\" feature=\"predictedValue\" \
                   targetField=\"z\"/>";
    // The state (1, 2) moves to (0.5, 3); y sees its first number, z the first less the second.
    let lines = answers(&of_two_targets(&observed, &["y", "z"], outputs), "h\n1\n2\nNA\n");
    assert_eq!(lines, ["y,z,second", "12,11,11", "11.5,9.5,9.5", ",,"]);
    let refused = crate::files::load(of_two_targets("", &["y"], "").as_bytes()).err().unwrap().to_string();
    assert!(refused.contains("predicts 2 targets, its model has 1"), "{refused}");
}

#[test]
fn weights_of_noises_make_a_variance() {
    let deviation =
        "<OutputField name=\"se\" optype=\"continuous\" dataType=\"double\" feature=\"standardError\"/>";
    let of = |attributes: &str, weights: &str| {
        let psi = format!("<PsiVector {attributes}>{REAL}{weights}</Array></PsiVector>");
        let lines = answers(&of_two_targets(&psi, &["y", "z"], deviation), "h\n1\n2\n3\n").split_off(1);
        let cell = |line: &String| line.rsplit(',').next().and_then(|cell| cell.parse::<f64>().ok());
        lines.iter().map(cell).collect::<Vec<_>>()
    };
    // 4, 4 (1 + 0.25), and no weight for a third step.
    let errors = [Some(2.0), Some(5f64.sqrt()), None];
    assert_eq!(of("variance=\"4\"", "1 0.5"), errors);
    assert_eq!(of("variance=\"4\" targetField=\"y\"", "1 0.5"), errors);
    // The weight of the step itself is 1, whether it is written or not.
    assert_eq!(of("variance=\"4\"", "0.5"), errors);
    // Of the second target: no deviation of the first.
    assert_eq!(of("variance=\"4\" targetField=\"z\"", "1 0.5"), [None; 3]);
    let psi = format!("<PsiVector targetField=\"w\">{REAL}1</Array></PsiVector>");
    let refused =
        crate::files::load(of_two_targets(&psi, &["y", "z"], "").as_bytes()).err().unwrap().to_string();
    assert!(refused.contains("targetField=\"w\""), "{refused}");
}

#[test]
fn a_horizon_is_a_number_of_steps_and_no_date() {
    let of = |schema: &str| {
        let fields = "<DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>\
                      <DataField name=\"day\" optype=\"ordinal\" dataType=\"date\"/>\
                      <DataField name=\"h\" optype=\"continuous\" dataType=\"integer\"/>";
        let model = format!(
            "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"ExponentialSmoothing\"><MiningSchema>\
             <MiningField name=\"y\" usageType=\"target\"/>{schema}</MiningSchema><ExponentialSmoothing>\
             <Level smoothedValue=\"10\"/><Trend_ExpoSmooth trend=\"additive\" smoothedValue=\"2\"/>\
             </ExponentialSmoothing></TimeSeriesModel>"
        );
        with_fields(fields, &model)
    };
    let day = "<MiningField name=\"day\" usageType=\"order\"/>";
    let refused = crate::files::load(of(day).as_bytes()).err().unwrap().to_string();
    assert!(refused.contains("a horizon that is a date") && refused.contains("line "), "{refused}");
    let beside = of(&format!("{day}<MiningField name=\"h\" usageType=\"supplementary\"/>"));
    assert_eq!(answers(&beside, "day,h\n2020-01-31,3\n")[1], "16");
}
