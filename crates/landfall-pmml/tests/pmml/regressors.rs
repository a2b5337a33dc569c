//! Dynamic regressors of time series, with answers calculated by hand.

use crate::cases::with_fields;
use crate::table::answers;

const REAL: &str = "<Array type=\"real\">";

/// A model of the series, whose rows have a horizon and a value of the regressor `x`.
fn document(best: &str, series: &str, method: &str) -> String {
    let fields = "<DataField name=\"y\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>\
        <DataField name=\"h\" optype=\"continuous\" dataType=\"integer\"/>";
    let model = format!(
        "<TimeSeriesModel functionName=\"timeSeries\" bestFit=\"{best}\"><MiningSchema>\
         <MiningField name=\"y\" usageType=\"target\"/><MiningField name=\"x\"/><MiningField name=\"h\"/></MiningSchema>\
         {}{method}</TimeSeriesModel>",
        time_series(series, "")
    );
    with_fields(fields, &model)
}

/// Values in their order; `index` begins the attribute of each, empty without.
fn time_series(values: &str, first: &str) -> String {
    let value = |(at, value): (usize, &str)| {
        let index =
            first.parse::<usize>().map(|first| format!(" index=\"{}\"", first + at)).unwrap_or_default();
        format!("<TimeValue{index} value=\"{value}\"/>")
    };
    let all: String = values.split_whitespace().enumerate().map(value).collect();
    format!("<TimeSeries usage=\"original\">{all}</TimeSeries>")
}

/// Why a document is refused.
fn refusal(document: &str) -> String {
    crate::files::load(document.as_bytes()).err().map(|problem| problem.to_string()).expect(document)
}

fn regressor(attributes: &str, within: &str) -> String {
    format!("<DynamicRegressor field=\"x\" {attributes}>{within}</DynamicRegressor>")
}

fn values(series: &str) -> String {
    format!("<RegressorValues>{}</RegressorValues>", time_series(series, ""))
}

fn numerator(coefficients: &str) -> String {
    format!("<Numerator><NonseasonalFactor>{REAL}{coefficients}</Array></NonseasonalFactor></Numerator>")
}

fn denominator(coefficients: &str) -> String {
    format!("<Denominator><NonseasonalFactor>{REAL}{coefficients}</Array></NonseasonalFactor></Denominator>")
}

/// An ARIMA without any part of its own, of the mean 10.
fn arima(regressor: &str) -> String {
    format!("<ARIMA constantTerm=\"10\">{regressor}</ARIMA>")
}

/// Answers of three steps, which come with 2, 5 and 3 of the regressor; not a number for none.
fn three(document: &str) -> Vec<f64> {
    let lines = answers(document, "h,x\n1,2\n2,5\n3,3\n").split_off(1);
    lines.iter().map(|line| line.parse().unwrap_or(f64::NAN)).collect()
}

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found:?} {expected:?}");
    }
}

#[test]
fn the_last_value_of_a_regressor_stays() {
    // 10 + 2 x(t) + 0.5 x(t-1), x = 3 4 | 4 4 4: 10 + 8 + 2 each time.
    let within = numerator("2 0.5") + &values("3 4");
    near(&three(&document("ARIMA", "1 1", &arima(&regressor("", &within)))), &[20.0, 20.0, 20.0]);
    // A step later: 2 x(t-1) + 0.5 x(t-2) is 8 + 1.5 first.
    let delayed = arima(&regressor("delay=\"1\" futureValuesMethod=\"constant\"", &within));
    near(&three(&document("ARIMA", "1 1", &delayed)), &[19.5, 20.0, 20.0]);
    // No value is kept: those of the rows are all there is.
    let bare = arima(&regressor("", &numerator("2")));
    near(&three(&document("ARIMA", "1 1", &bare)), &[14.0, 20.0, 16.0]);
    // Without coefficients it adds itself.
    near(&three(&document("ARIMA", "1 1", &arima(&regressor("", &values("4"))))), &[14.0, 14.0, 14.0]);
}

#[test]
fn a_denominator_goes_on_from_what_was_done() {
    // v(t) = 2 x(t) + 0.5 v(t-1): v = 8 of the past, then 8 + 4 = 12, 8 + 6 = 14, 15.
    let within = numerator("2") + &denominator("0.5") + &values("4");
    near(&three(&document("ARIMA", "1", &arima(&regressor("", &within)))), &[22.0, 24.0, 25.0]);
    // The document says what was done: 8 + 10 = 18, 8 + 9 = 17, 16.5.
    let told = format!(
        "<RegressorValues>{}<TransferFunctionValues>{REAL}20</Array></TransferFunctionValues></RegressorValues>",
        time_series("4", "")
    );
    let within = numerator("2") + &denominator("0.5") + &told;
    near(&three(&document("ARIMA", "1", &arima(&regressor("", &within)))), &[28.0, 27.0, 26.5]);
}

#[test]
fn values_to_come_are_stored_supplied_or_on_a_line() {
    // After the two of the target come 6 and 7; then there are none.
    let stored = regressor("futureValuesMethod=\"stored\"", &(numerator("1") + &values("3 4 6 7")));
    let found = three(&document("ARIMA", "1 1", &arima(&stored)));
    near(&found[..2], &[16.0, 17.0]);
    assert!(found[2].is_nan());
    // Fewer than the target has are all later ones.
    let later = regressor("futureValuesMethod=\"stored\"", &(numerator("1") + &values("6 7 8")));
    near(&three(&document("ARIMA", "1 1 1", &arima(&later))), &[16.0, 17.0, 18.0]);
    for method in ["userSupplied", "otherModel"] {
        let supplied =
            regressor(&format!("futureValuesMethod=\"{method}\""), &(numerator("1 0.5") + &values("3 4")));
        // 2 + 2, 5 + 1, 3 + 2.5: rows of earlier steps say what was before.
        near(&three(&document("ARIMA", "1 1", &arima(&supplied))), &[14.0, 16.0, 15.5]);
        // Alone the third step does not know the second.
        assert_eq!(answers(&document("ARIMA", "1 1", &arima(&supplied)), "h,x\n3,3\n"), ["y", ""]);
    }
    // x(t) = 1 + 0.5 t² at the times 3, 4, 5 of the series: 5.5, 9, 13.5.
    let trend = "<TrendCoefficients><REAL-SparseArray n=\"3\"><Indices>1 3</Indices><REAL-Entries>1 0.5</REAL-Entries>\
         </REAL-SparseArray></TrendCoefficients>";
    let within = numerator("2") + &format!("<RegressorValues>{trend}</RegressorValues>");
    let line = regressor("futureValuesMethod=\"trend\"", &within);
    near(&three(&document("ARIMA", "1 1", &arima(&line))), &[21.0, 28.0, 37.0]);
}

#[test]
fn indices_say_which_times_belong_together() {
    let indexed = |first: &str| {
        let within =
            numerator("1") + &format!("<RegressorValues>{}</RegressorValues>", time_series("3 4 6", first));
        let best = arima(&regressor("", &within));
        document("ARIMA", "1 1", &best).replace(&time_series("1 1", ""), &time_series("1 1", "11"))
    };
    // The target ends at 12: the regressor at 12, at 13, at 14 where 6 is known.
    near(&three(&indexed("10")), &[16.0, 16.0, 16.0]);
    near(&three(&indexed("11")), &[16.0, 16.0, 16.0]);
    near(&three(&indexed("12")), &[14.0, 16.0, 16.0]);
    near(&three(&indexed("13")), &[13.0, 14.0, 16.0]);
}

#[test]
fn noise_goes_on_beside_a_regressor() {
    // y = 10 + 2 x + n, n(t) = 0.5 n(t-1): the last y is 30 with x = 4, so n = 12, then 6, 3, 1.5.
    let method = |components: &str, regressor: &str| {
        format!(
            "<ARIMA constantTerm=\"10\"><NonseasonalComponent {components}</NonseasonalComponent>{regressor}</ARIMA>"
        )
    };
    let one = format!("p=\"1\"><AR>{REAL}0.5</Array></AR>");
    let kept = regressor("futureValuesMethod=\"userSupplied\"", &(numerator("2") + &values("3 4")));
    near(&three(&document("ARIMA", "7 30", &method(&one, &kept))), &[20.0, 23.0, 17.5]);
    // What it was is not known, and so the noise is not.
    let unknown = regressor("futureValuesMethod=\"userSupplied\"", &numerator("2"));
    assert!(three(&document("ARIMA", "7 30", &method(&one, &unknown))).iter().all(|x| x.is_nan()));
    // e(t) = y - 10 - 2 x where the document has no residuals: 30 - 10 - 8 = 12, of which a half counts once.
    let average = format!("q=\"1\"><MA><MACoefficients>{REAL}0.5</Array></MACoefficients></MA>");
    near(&three(&document("ARIMA", "16 30", &method(&average, &kept))), &[20.0, 20.0, 16.0]);
}

#[test]
fn a_regressor_acts_on_the_differences() {
    // y(t) - y(t-1) = 1 + 2 x(t): 30 + 5, + 11, + 7.
    let method = |regressor: &str| {
        format!("<ARIMA constantTerm=\"1\"><NonseasonalComponent d=\"1\"/>{regressor}</ARIMA>")
    };
    let supplied = regressor("futureValuesMethod=\"userSupplied\"", &numerator("2"));
    near(&three(&document("ARIMA", "7 30", &method(&supplied))), &[35.0, 46.0, 53.0]);
    let kept = regressor("futureValuesMethod=\"userSupplied\"", &(numerator("2") + &values("3 4")));
    near(&three(&document("ARIMA", "7 30", &method(&kept))), &[35.0, 46.0, 53.0]);
    // Differenced as the target is: 1 + 2 (x(t) - x(t-1)), x = 4 | 2 5 3: 30 + 1 - 4, + 1 + 6, + 1 - 4.
    let factor = format!(
        "<Numerator><NonseasonalFactor difference=\"1\" maximumOrder=\"0\">{REAL}2</Array></NonseasonalFactor></Numerator>"
    );
    let both = regressor("futureValuesMethod=\"userSupplied\"", &(factor + &values("3 4")));
    near(&three(&document("ARIMA", "7 30", &method(&both))), &[27.0, 34.0, 31.0]);
    // With autoregression: w(t) = y(t) - y(t-1) - 1 - 2 x(t); w = 30 - 7 - 1 - 8 = 14, then 7, 3.5, 1.75.
    let regressed = format!(
        "<ARIMA constantTerm=\"1\"><NonseasonalComponent p=\"1\" d=\"1\"><AR>{REAL}0.5</Array></AR></NonseasonalComponent>{kept}</ARIMA>"
    );
    near(&three(&document("ARIMA", "5 7 30", &regressed)), &[42.0, 56.5, 65.25]);
}

#[test]
fn factors_of_seasons_multiply() {
    let seasonal =
        |within: &str| format!("<ARIMA><SeasonalComponent period=\"2\"/>{}</ARIMA>", regressor("", within));
    let of = |name: &str, plain: &str, season: &str| {
        format!(
            "<{name}><NonseasonalFactor>{REAL}{plain}</Array></NonseasonalFactor><SeasonalFactor>{REAL}{season}</Array>\
             </SeasonalFactor></{name}>"
        )
    };
    // (1 + 2B)(1 + 3B²) = 1 + 2B + 3B² + 6B³ of 1 2 3 | 3 3 3: 3 + 6 + 6 + 6; 3 + 6 + 9 + 12; 3 + 6 + 9 + 18.
    let within = of("Numerator", "1 2", "3") + &values("1 2 3");
    near(&three(&document("ARIMA", "1 1 1", &seasonal(&within))), &[21.0, 30.0, 36.0]);
    // D = (1 - 0.5B)(1 - 0.2B²): v(t) = 4 + 0.5 v(t-1) + 0.2 v(t-2) - 0.1 v(t-3), after 1, 2, 3.
    let told = format!(
        "<RegressorValues>{}<TransferFunctionValues>{REAL}1 2 3</Array></TransferFunctionValues></RegressorValues>",
        time_series("4", "")
    );
    let first = 4.0 + 1.5 + 0.4 - 0.1;
    let second = 4.0 + 0.5 * first + 0.6 - 0.2;
    let third = 4.0 + 0.5 * second + 0.2 * first - 0.3;
    let within = of("Denominator", "0.5", "0.2") + &told;
    near(&three(&document("ARIMA", "1 1 1", &seasonal(&within))), &[first, second, third]);
    // Of a season alone the first number is that of lag 0, unless maximumOrder counts it as the first lag's.
    let alone = |order: &str| {
        let factor =
            format!("<Numerator><SeasonalFactor {order}>{REAL}5</Array></SeasonalFactor></Numerator>");
        three(&document("ARIMA", "1 1 1", &seasonal(&(factor + &values("1 2 3")))))
    };
    near(&alone(""), &[15.0, 15.0, 15.0]);
    near(&alone("maximumOrder=\"1\""), &[13.0, 18.0, 18.0]);
}

#[test]
fn regressors_and_targets_are_transformed() {
    // ln y = 1 + 0.5 √x.
    let within = numerator("0.5") + &values("16");
    let attributes = "transformation=\"squareroot\"";
    let method = format!(
        "<ARIMA constantTerm=\"1\" transformation=\"logarithmic\">{}</ARIMA>",
        regressor(attributes, &within)
    );
    near(&three(&document("ARIMA", "1", &method)), &[3f64.exp(), 3f64.exp(), 3f64.exp()]);
    // No logarithm of zero or less.
    let method = arima(&regressor("transformation=\"logarithmic\"", &numerator("1")));
    assert_eq!(answers(&document("ARIMA", "1", &method), "h,x\n1,-1\n"), ["y", ""]);
}

#[test]
fn a_state_space_has_regressors_too() {
    let one = |number: &str| format!("<Matrix nbRows=\"1\" nbCols=\"1\">{REAL}{number}</Array></Matrix>");
    let space = |attributes: &str| {
        let within = numerator("2") + &denominator("0.5") + &values("4");
        format!(
            "<StateSpaceModel><StateVector>{REAL}8</Array></StateVector><TransitionMatrix>{}</TransitionMatrix>\
             <MeasurementMatrix>{}</MeasurementMatrix>{}</StateSpaceModel>",
            one("0.5"),
            one("1"),
            regressor(attributes, &within)
        )
    };
    // 8, 4, 2 of the state, 12, 14, 15 of the regressor.
    near(&three(&document("StateSpaceModel", "1", &space("targetField=\"y\""))), &[20.0, 18.0, 17.0]);
    let other = refusal(&document("StateSpaceModel", "1", &space("targetField=\"z\"")));
    assert!(other.contains("targetField=\"z\""), "{other}");
}

#[test]
fn regressors_that_cannot_be_read_are_refused() {
    let refused = |attributes: &str, within: &str, said: &str| {
        let found = refusal(&document("ARIMA", "1 1", &arima(&regressor(attributes, within))));
        assert!(found.contains(said), "{found}");
    };
    refused("futureValuesMethod=\"trend\"", "", "<TrendCoefficients>");
    refused("futureValuesMethod=\"guess\"", "", "futureValuesMethod=\"guess\"");
    refused("delay=\"-1\"", "", "delay=\"-1\"");
    refused("delay=\"999999999\"", "", "delay=\"999999999\"");
    refused("", "<Numerator><SeasonalFactor/></Numerator>", "period");
    let lies = |name: &str, order: usize| {
        format!(
            "<{name}><NonseasonalFactor maximumOrder=\"{order}\">{REAL}1 2</Array></NonseasonalFactor></{name}>"
        )
    };
    refused("", &lies("Numerator", 2), "maximumOrder=\"2\"");
    refused("", &lies("Denominator", 1), "maximumOrder=\"1\"");
    let stranger =
        document("ARIMA", "1", &arima("<DynamicRegressor field=\"z\" futureValuesMethod=\"userSupplied\"/>"));
    assert!(refusal(&stranger).contains("\"z\""));
}
