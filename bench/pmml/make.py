"""Makes the models and rows that the PMML benchmark runs: `make.py FOLDER`.

Each NAME.pmml gets NAME.csv (its rows); boosted trees get their library's own file beside them. Needs the packages of
requirements.txt and a Java runtime.
"""

import sys
from pathlib import Path

import numpy
import pandas
from lightgbm import LGBMClassifier
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline
from xgboost import XGBClassifier

ROWS, TRAINED_ON, FEATURES = 20_000, 5_000, 28


def table(missing: float) -> tuple[pandas.DataFrame, numpy.ndarray]:
    random = numpy.random.default_rng(7)
    x = random.normal(size=(ROWS, FEATURES)).astype("float32").astype("float64")
    y = (x[:, 0] * x[:, 1] + x[:, 2] + random.normal(size=ROWS) > 0).astype(int)
    x[random.random(x.shape) < missing] = numpy.nan
    return pandas.DataFrame(x, columns=[f"x{i}" for i in range(FEATURES)]), y


def fitted(estimator, missing: float, folder: Path, name: str) -> None:
    x, y = table(missing)
    pipeline = PMMLPipeline([("model", estimator)])
    pipeline.fit(x[:TRAINED_ON], pandas.Series(y[:TRAINED_ON], name="y"))
    sklearn2pmml(pipeline, str(folder / f"{name}.pmml"))
    x.to_csv(folder / f"{name}.csv", index=False)


def scorecard(folder: Path) -> None:
    """A scorecard of ten characteristics with five ranges each."""
    fields = [f"x{i}" for i in range(10)]
    declared = "".join(f'<DataField name="{f}" optype="continuous" dataType="double"/>' for f in fields)
    schema = "".join(f'<MiningField name="{f}"/>' for f in fields)
    bounds = [-1.0, -0.25, 0.25, 1.0]
    parts = []
    for place, field in enumerate(fields):
        ranges = []
        for step in range(5):
            tests = []
            if step > 0:
                tests.append(f'<SimplePredicate field="{field}" operator="greaterOrEqual" value="{bounds[step - 1]}"/>')
            if step < 4:
                tests.append(f'<SimplePredicate field="{field}" operator="lessThan" value="{bounds[step]}"/>')
            test = tests[0] if len(tests) == 1 else f'<CompoundPredicate booleanOperator="and">{"".join(tests)}</CompoundPredicate>'
            ranges.append(f'<Attribute partialScore="{(place * 7 + step * 11) % 40}" reasonCode="R{place}{step}">{test}</Attribute>')
        parts.append(f'<Characteristic name="c{place}" baselineScore="20">{"".join(ranges)}</Characteristic>')
    (folder / "scorecard.pmml").write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f'<DataDictionary>{declared}<DataField name="score" optype="continuous" dataType="double"/></DataDictionary>'
        '<Scorecard functionName="regression" initialScore="100" useReasonCodes="true" reasonCodeAlgorithm="pointsBelow">'
        f'<MiningSchema>{schema}<MiningField name="score" usageType="target"/></MiningSchema>'
        '<Output><OutputField name="Score" feature="predictedValue" optype="continuous" dataType="double"/>'
        '<OutputField name="Reason" feature="reasonCode" rank="1" optype="categorical" dataType="string"/></Output>'
        f'<Characteristics>{"".join(parts)}</Characteristics></Scorecard></PMML>'
    )
    table(0.0)[0][fields].to_csv(folder / "scorecard.csv", index=False)


def clusters(folder: Path) -> None:
    x, _ = table(0.0)
    pipeline = PMMLPipeline([("model", KMeans(8, n_init=2, random_state=1))])
    pipeline.fit(x[:TRAINED_ON])
    sklearn2pmml(pipeline, str(folder / "kmeans.pmml"))
    x.to_csv(folder / "kmeans.csv", index=False)


def general(folder: Path) -> None:
    """A logistic regression as R's writer has it: a parameter for each field, and one of two fields."""
    x, y = table(0.0)
    model = LogisticRegression(max_iter=500).fit(x[:TRAINED_ON], y[:TRAINED_ON])
    fields = list(x.columns)
    declared = "".join(f'<DataField name="{f}" optype="continuous" dataType="double"/>' for f in fields)
    schema = "".join(f'<MiningField name="{f}" usageType="active"/>' for f in fields)
    betas = [model.intercept_[0], *model.coef_[0], 0.5]
    parameters = "".join(f'<Parameter name="p{i}" label="{i}"/>' for i in range(len(betas)))
    cells = "".join(f'<PPCell value="1" predictorName="{f}" parameterName="p{i + 1}"/>' for i, f in enumerate(fields))
    cells += "".join(f'<PPCell value="1" predictorName="{f}" parameterName="p{len(fields) + 1}"/>' for f in fields[:2])
    matrix = "".join(f'<PCell targetCategory="1" parameterName="p{i}" df="1" beta="{b}"/>' for i, b in enumerate(betas))
    covariates = "".join(f'<Predictor name="{f}"/>' for f in fields)
    (folder / "general.pmml").write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f'<DataDictionary><DataField name="y" optype="categorical" dataType="string"><Value value="0"/><Value value="1"/>'
        f"</DataField>{declared}</DataDictionary>"
        '<GeneralRegressionModel modelType="generalizedLinear" functionName="classification" distribution="binomial" '
        'linkFunction="logit"><MiningSchema><MiningField name="y" usageType="predicted"/>'
        f'{schema}</MiningSchema><Output><OutputField name="Probability_1" optype="continuous" dataType="double" '
        'feature="probability" value="1"/><OutputField name="Predicted_y" optype="categorical" dataType="string" '
        f'feature="predictedValue"/></Output><ParameterList>{parameters}</ParameterList><FactorList/>'
        f"<CovariateList>{covariates}</CovariateList><PPMatrix>{cells}</PPMatrix><ParamMatrix>{matrix}</ParamMatrix>"
        "</GeneralRegressionModel></PMML>"
    )
    x.to_csv(folder / "general.csv", index=False)


def numbers(fields: list[str]) -> str:
    return "".join(f'<DataField name="{f}" optype="continuous" dataType="double"/>' for f in fields)


def rules(folder: Path) -> None:
    """A rule set of forty rules, the first of which that fits answers; each asks four fields."""
    fields = [f"x{i}" for i in range(10)]
    parts = []
    for rule in range(40):
        tests = []
        for at in range(4):
            operator = "lessThan" if (rule + at) % 2 else "greaterOrEqual"
            bound = ((rule * 7 + at * 3) % 9 - 4) / 10
            field = fields[(rule * 3 + at * (1 + rule % 3)) % 10]
            tests.append(f'<SimplePredicate field="{field}" operator="{operator}" value="{bound}"/>')
        parts.append(
            f'<SimpleRule id="r{rule}" score="c{rule % 4}" confidence="{0.5 + rule / 100}">'
            f'<CompoundPredicate booleanOperator="and">{"".join(tests)}</CompoundPredicate></SimpleRule>'
        )
    classes = "".join(f'<Value value="c{i}"/>' for i in range(4))
    schema = "".join(f'<MiningField name="{f}"/>' for f in fields)
    (folder / "rules.pmml").write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f'<DataDictionary>{numbers(fields)}<DataField name="y" optype="categorical" dataType="string">{classes}</DataField>'
        '</DataDictionary><RuleSetModel functionName="classification">'
        f'<MiningSchema>{schema}<MiningField name="y" usageType="target"/></MiningSchema>'
        '<Output><OutputField name="Rule" feature="entityId" optype="categorical" dataType="string"/></Output>'
        '<RuleSet defaultScore="c0" defaultConfidence="0.1"><RuleSelectionMethod criterion="firstHit"/>'
        f'{"".join(parts)}</RuleSet></RuleSetModel></PMML>'
    )
    table(0.0)[0][fields].to_csv(folder / "rules.csv", index=False)


def surrogates(folder: Path) -> None:
    """A tree of depth 7 as R's writer has them: each split asks a second field where the first one is missing."""
    fields = [f"x{i}" for i in range(10)]

    def test(node: int, less: bool) -> str:
        first, second = fields[node * 7 % 10], fields[(node * 7 + 1 + node % 5) % 10]
        operator = "lessThan" if less else "greaterOrEqual"
        bound = (node * 5 % 11 - 5) / 6
        asked = [f'<SimplePredicate field="{f}" operator="{operator}" value="{bound}"/>' for f in (first, second)]
        return f'<CompoundPredicate booleanOperator="surrogate">{"".join(asked)}</CompoundPredicate>'

    def node(number: int, condition: str) -> str:
        yes = number * 37 % 100 / 100
        inner = node(2 * number, test(number, True)) + node(2 * number + 1, test(number, False)) if number < 128 else ""
        shares = f'<ScoreDistribution value="yes" recordCount="{yes * 100:.0f}"/>'
        shares += f'<ScoreDistribution value="no" recordCount="{100 - yes * 100:.0f}"/>'
        score = "yes" if yes >= 0.5 else "no"
        return f'<Node id="{number}" score="{score}" recordCount="100">{condition}{shares}{inner}</Node>'

    schema = "".join(f'<MiningField name="{f}"/>' for f in fields)
    (folder / "surrogates.pmml").write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f'<DataDictionary>{numbers(fields)}<DataField name="y" optype="categorical" dataType="string">'
        '<Value value="yes"/><Value value="no"/></DataField></DataDictionary>'
        '<TreeModel functionName="classification" missingValueStrategy="lastPrediction" splitCharacteristic="binarySplit">'
        f'<MiningSchema>{schema}<MiningField name="y" usageType="target"/></MiningSchema>'
        '<Output><OutputField name="Probability_yes" feature="probability" value="yes" optype="continuous" dataType="double"/>'
        f"</Output>{node(1, '<True/>')}</TreeModel></PMML>"
    )
    table(0.05)[0][fields].to_csv(folder / "surrogates.csv", index=False)


def cox(folder: Path) -> None:
    """A Cox regression of ten fields, with a hundred times in its table."""
    fields = [f"x{i}" for i in range(10)]
    parameters = "".join(f'<Parameter name="p{i}" label="{f}" referencePoint="0.1"/>' for i, f in enumerate(fields))
    cells = "".join(f'<PPCell value="1" predictorName="{f}" parameterName="p{i}"/>' for i, f in enumerate(fields))
    matrix = "".join(f'<PCell parameterName="p{i}" df="1" beta="{0.3 - i / 20}"/>' for i in range(10))
    hazard = "".join(f'<BaselineCell time="{t}" cumHazard="{0.002 * t * (1 + t / 50)}"/>' for t in range(1, 101))
    schema = "".join(f'<MiningField name="{f}"/>' for f in [*fields, "time"])
    covariates = "".join(f'<Predictor name="{f}"/>' for f in fields)
    (folder / "cox.pmml").write_text(
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f'<DataDictionary>{numbers([*fields, "time", "hazard"])}</DataDictionary>'
        '<GeneralRegressionModel modelType="CoxRegression" functionName="regression" endTimeVariable="time">'
        f'<MiningSchema>{schema}<MiningField name="hazard" usageType="target"/></MiningSchema>'
        '<Output><OutputField name="Hazard" feature="predictedValue" optype="continuous" dataType="double"/></Output>'
        f"<ParameterList>{parameters}</ParameterList><FactorList/><CovariateList>{covariates}</CovariateList>"
        f"<PPMatrix>{cells}</PPMatrix><ParamMatrix>{matrix}</ParamMatrix>"
        f'<BaseCumHazardTables maxTime="100">{hazard}</BaseCumHazardTables></GeneralRegressionModel></PMML>'
    )
    x = table(0.0)[0][fields]
    x["time"] = numpy.random.default_rng(8).uniform(0.5, 100, size=ROWS).round(2)
    x.to_csv(folder / "cox.csv", index=False)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    boosted = {"n_estimators": 100, "max_depth": 6, "learning_rate": 0.1, "n_jobs": 1}
    xgboost = XGBClassifier(**boosted)
    fitted(xgboost, 0.02, folder, "xgboost")
    xgboost.get_booster().save_model(folder / "xgboost.json")
    lightgbm = LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1)
    fitted(lightgbm, 0.02, folder, "lightgbm")
    lightgbm.booster_.save_model(folder / "lightgbm.txt")
    fitted(RandomForestClassifier(50, max_depth=8, random_state=1), 0.0, folder, "forest")
    fitted(LogisticRegression(max_iter=500), 0.0, folder, "logistic")
    fitted(MLPClassifier((32, 16), max_iter=40, random_state=1), 0.0, folder, "network")
    fitted(SVC(probability=False, random_state=1, C=0.5), 0.0, folder, "svm")
    fitted(GaussianNB(), 0.0, folder, "bayes")
    fitted(DecisionTreeClassifier(max_depth=8, random_state=1), 0.0, folder, "tree")
    fitted(KNeighborsClassifier(5), 0.0, folder, "neighbors")
    clusters(folder)
    general(folder)
    scorecard(folder)
    rules(folder)
    surrogates(folder)
    cox(folder)
    fitted(RandomForestClassifier(227, max_depth=12, random_state=1), 0.0, folder, "large")


main()
