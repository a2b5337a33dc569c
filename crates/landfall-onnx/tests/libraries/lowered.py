#!/usr/bin/env python3
"""Fresh models of scikit-learn, XGBoost and LightGBM as ONNX files: `landfall predict --engine embedded` against ONNX Runtime.

    python -m pip install -r requirements.txt
    python lowered.py PATH/TO/landfall [--seeds N] [--only NAME]

Every output must have ONNX Runtime's bits (one thread), but where functions behind the trees are next to them (`NEARLY`).
Rows hold NaN where the model takes them, infinities, zeros of both signs, values on thresholds, and unknown categories.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloat
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn import decomposition, ensemble, feature_selection, impute, linear_model, naive_bayes, neighbors, neural_network
from sklearn import pipeline, preprocessing, svm, tree
from sklearn.compose import ColumnTransformer

warnings.filterwarnings("ignore")
OPSETS = {"": 17, "ai.onnx.ml": 3}
NEARLY = {"isolation", "isolation_half", "poisson_xgb", "poisson_lgb", "multi_output_forest", "adaboost", "vote"}
NEARLY |= {f"pipeline_{name}" for name in ("pca", "power", "quantile", "products")}
NEARLY |= {"logistic_two", "logistic_names", "linear_vectors", "vectors_names", "neighbours", "bayes", "network", "ridge", "vectors_real"}
CITIES = np.array(["aix", "brno", "cork", "dax"], dtype=object)


def numbers(rng, rows, columns, missing):
    x = rng.normal(size=(rows, columns)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0] * 4) / 4
    if missing:
        x[rng.random(x.shape) < 0.1] = np.nan
    return x


def awkward(rng, x, missing):
    """Rows near those trained on, with edges of the type among them."""
    edges = [np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38] + ([np.nan] if missing else [])
    x = np.concatenate([x, rng.normal(scale=3, size=x.shape).astype(np.float32)])
    x[rng.random(x.shape) < 0.03] = 0.5
    at = rng.random(x.shape) < 0.02
    x[at] = rng.choice(np.array(edges, dtype=np.float32), at.sum())
    return x


def targets(rng, x):
    clean = np.nan_to_num(x)
    score = clean[:, 0] - clean[:, 1] * clean[:, 2] + rng.normal(scale=0.3, size=len(x))
    return {
        "two": (score > 0).astype(np.int64),
        "odd": np.where(score > 0, 7, -3),
        "text": np.where(score > 0, "yes", "no"),
        "three": np.digitize(score, [-0.7, 0.7]),
        "names": np.array(["low", "mid", "top"])[np.digitize(score, [-0.7, 0.7])],
        "sparse": np.array([2, 5, 11])[np.digitize(score, [-0.7, 0.7])],
        "real": score,
        "several": np.c_[score, clean[:, 1], score * 2],
        "both": np.c_[(score > 0).astype(int), np.digitize(score, [-0.7, 0.7])],
        "count": np.floor(np.abs(score) * 3),
    }


def plain_models(rng):
    """Models over a matrix: name, model, target, whether NaN is a value."""
    seed, trees, depth = int(rng.integers(1 << 30)), int(rng.integers(1, 30)), int(rng.integers(1, 9))
    forest = dict(n_estimators=trees, max_depth=depth, random_state=seed)
    boost = dict(n_estimators=trees, max_depth=min(depth, 4), random_state=seed)
    hist = dict(max_iter=trees, max_leaf_nodes=1 << depth, min_samples_leaf=3, random_state=seed)
    for target in ("two", "odd", "text", "three", "names", "sparse"):
        yield f"forest_{target}", ensemble.RandomForestClassifier(**forest), target, False
        yield f"extra_{target}", ensemble.ExtraTreesClassifier(**forest), target, False
        yield f"boost_{target}", ensemble.GradientBoostingClassifier(**boost), target, False
        yield f"tree_{target}", tree.DecisionTreeClassifier(max_depth=depth, random_state=seed), target, False
        yield f"hist_{target}", ensemble.HistGradientBoostingClassifier(**hist), target, True
    yield "forest_nan", ensemble.RandomForestClassifier(**forest), "three", True
    yield "tree_nan", tree.DecisionTreeRegressor(max_depth=depth, random_state=seed), "real", True
    yield "forest_real", ensemble.RandomForestRegressor(**forest), "real", False
    yield "forest_several", ensemble.RandomForestRegressor(**forest), "several", False
    yield "boost_real", ensemble.GradientBoostingRegressor(**boost), "real", False
    yield "boost_huber", ensemble.GradientBoostingRegressor(loss="huber", **boost), "real", False
    yield "hist_real", ensemble.HistGradientBoostingRegressor(**hist), "real", True
    yield "hist_poisson", ensemble.HistGradientBoostingRegressor(loss="poisson", **hist), "count", True
    yield "extra_tree", tree.ExtraTreeRegressor(max_depth=depth, random_state=seed), "several", False
    yield "multi_output_forest", ensemble.RandomForestClassifier(**forest), "both", False
    yield "bagging", ensemble.BaggingRegressor(n_estimators=5, random_state=seed), "real", False
    yield "vote", ensemble.VotingRegressor([("a", tree.DecisionTreeRegressor(max_depth=3)), ("b", ensemble.RandomForestRegressor(n_estimators=3))]), "real", False
    yield "adaboost", ensemble.AdaBoostClassifier(n_estimators=5, random_state=seed), "three", False
    yield "isolation", ensemble.IsolationForest(n_estimators=trees, random_state=seed), None, False
    yield "isolation_half", ensemble.IsolationForest(n_estimators=trees, max_samples=0.5, contamination=0.1, random_state=seed), None, False
    steps = {
        "standard": preprocessing.StandardScaler(),
        "minmax": preprocessing.MinMaxScaler(),
        "clipped": preprocessing.MinMaxScaler(clip=True),
        "largest": preprocessing.MaxAbsScaler(),
        "robust": preprocessing.RobustScaler(),
        "length": preprocessing.Normalizer(),
        "sum": preprocessing.Normalizer("l1"),
        "max": preprocessing.Normalizer("max"),
        "above": preprocessing.Binarizer(threshold=0.2),
        "mean": impute.SimpleImputer(),
        "bins": preprocessing.KBinsDiscretizer(4, encode="ordinal"),
        "select": feature_selection.SelectKBest(k=3),
        "pca": decomposition.PCA(2),
        "power": preprocessing.PowerTransformer(),
        "quantile": preprocessing.QuantileTransformer(n_quantiles=20),
        "products": preprocessing.PolynomialFeatures(2),
    }
    for name, step in steps.items():
        model = pipeline.make_pipeline(step, ensemble.RandomForestClassifier(**forest))
        yield f"pipeline_{name}", model, "three", name == "mean"


def models_without_trees(rng):
    """Models that are computed in steps alone where ONNX Runtime is not: name, model, target."""
    seed = int(rng.integers(1 << 30))
    yield "logistic_two", linear_model.LogisticRegression(), "two"
    yield "logistic_names", linear_model.LogisticRegression(), "names"
    yield "linear_vectors", svm.LinearSVC(random_state=seed), "three"
    yield "vectors_names", svm.SVC(probability=True, random_state=seed), "names"
    yield "neighbours", neighbors.KNeighborsClassifier(5), "three"
    yield "bayes", naive_bayes.GaussianNB(), "three"
    yield "network", neural_network.MLPClassifier((6,), max_iter=30, random_state=seed), "three"
    yield "ridge", linear_model.Ridge(), "real"
    yield "vectors_real", svm.SVR(), "real"


def foreign_models(rng):
    """Models that onnxmltools converts: name, model, target, converter."""
    seed, trees, depth = int(rng.integers(1 << 30)), int(rng.integers(1, 30)), int(rng.integers(1, 7))
    own = dict(n_estimators=trees, max_depth=depth, random_state=seed)
    quiet = dict(verbose=-1, min_child_samples=3, num_leaves=1 << depth, **own)
    for target in ("two", "three"):
        yield f"xgb_{target}", xgboost.XGBClassifier(**own), target, onnxmltools.convert_xgboost
        yield f"lgb_{target}", lightgbm.LGBMClassifier(**quiet), target, onnxmltools.convert_lightgbm
    yield "xgb_real", xgboost.XGBRegressor(**own), "real", onnxmltools.convert_xgboost
    yield "lgb_real", lightgbm.LGBMRegressor(**quiet), "real", onnxmltools.convert_lightgbm
    yield "lgb_forest", lightgbm.LGBMRegressor(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5, **quiet), "real", onnxmltools.convert_lightgbm
    yield "poisson_xgb", xgboost.XGBRegressor(objective="count:poisson", **own), "count", onnxmltools.convert_xgboost
    yield "poisson_lgb", lightgbm.LGBMRegressor(objective="poisson", **quiet), "count", onnxmltools.convert_lightgbm


def column_models(rng):
    """Pipelines over named columns of numbers, integers and texts."""
    seed = int(rng.integers(1 << 30))
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore")
    yield "columns_onehot", ColumnTransformer([
        ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), ["a", "b"]),
        ("texts", one_hot, ["city", "kind"]),
    ], remainder="passthrough"), ensemble.GradientBoostingClassifier(n_estimators=7, random_state=seed)
    yield "columns_ordinal", ColumnTransformer([
        ("texts", preprocessing.OrdinalEncoder(), ["city"]),
        ("numbers", preprocessing.RobustScaler(), ["a", "b", "c"]),
    ]), ensemble.RandomForestClassifier(n_estimators=9, random_state=seed)
    yield "columns_hist", ColumnTransformer([
        ("texts", preprocessing.OrdinalEncoder(), ["city"]), ("numbers", "passthrough", ["a", "b"]),
    ]), ensemble.HistGradientBoostingRegressor(max_iter=9, random_state=seed)


def cases(seed):
    """Name, ONNX model, inputs by name."""
    rng = np.random.default_rng(seed)
    for name, model, target, missing in plain_models(rng):
        x = numbers(rng, 200, 4, missing)
        y = targets(rng, x)
        model.fit(x) if target is None else model.fit(x, y[target])
        rows = awkward(rng, x, missing)
        forms = ["plain"]
        if target not in (None, "both", "real", "several", "count") and rng.random() < 0.4:
            forms.append("raw" if "boost" in name and rng.random() < 0.5 else "matrix")
        if name in ("forest_real", "boost_real", "forest_three", "hist_two", "tree_odd"):
            forms.append("double")
        for form in forms:
            options = {"matrix": {"zipmap": False}, "raw": {"raw_scores": True, "zipmap": False}}.get(form)
            kind = DoubleTensorType if form == "double" else FloatTensorType
            if form == "double" and target in ("three", "two", "odd"):
                options = {"zipmap": False}
            if target == "both":
                options = {"zipmap": False}
            options = {id(model): options} if options else None
            onx = convert_sklearn(model, initial_types=[("X", kind([None, 4]))], options=options, target_opset=OPSETS)
            if form == "double":
                # The converter declares what the trees do not give: their scores are float32 whatever comes in.
                for output in onx.graph.output:
                    if output.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
                        output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
            yield f"{name}/{form}", onx, {"X": rows.astype(np.float64) if form == "double" else rows}
    for name, model, target in models_without_trees(rng):
        x = numbers(rng, 200, 4, False)
        model.fit(x, targets(rng, x)[target])
        onx = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, 4]))], target_opset=OPSETS)
        yield name, onx, {"X": rng.normal(scale=2, size=x.shape).astype(np.float32)}
    for name, model, target, convert in foreign_models(rng):
        x = numbers(rng, 200, 4, True)
        model.fit(x, targets(rng, x)[target])
        yield name, convert(model, initial_types=[("X", ToolsFloat([None, 4]))]), {"X": awkward(rng, x, True)}
    x = rng.normal(size=(200, 3)).astype(np.float32)
    x[:, 2] = rng.integers(0, 9, 200)
    model = lightgbm.LGBMClassifier(n_estimators=8, min_child_samples=3, max_cat_to_onehot=1, min_data_per_group=5, cat_smooth=1, verbose=-1)
    model.fit(x, (x[:, 2] % 3 == 1).astype(np.int64), categorical_feature=[2])
    yield "lgb_categories", onnxmltools.convert_lightgbm(model, initial_types=[("X", ToolsFloat([None, 3]))]), {"X": x}
    import pandas

    for name, columns, last in column_models(rng):
        frame = pandas.DataFrame(rng.normal(size=(200, 3)).astype(np.float32), columns=list("abc"))
        frame["city"], frame["kind"] = rng.choice(CITIES, 200), rng.integers(0, 4, 200)
        target = (frame.a + (frame.city == "brno") > 0).astype(np.int64)
        model = pipeline.make_pipeline(columns, last).fit(frame, target)
        used = [c for c in frame if name != "columns_ordinal" or c != "kind"]
        if name == "columns_hist":
            used = ["a", "b", "city"]
        kinds = {"city": StringTensorType([None, 1]), "kind": Int64TensorType([None, 1])}
        types = [(c, kinds.get(c, FloatTensorType([None, 1]))) for c in used]
        onx = convert_sklearn(model, initial_types=types, target_opset=OPSETS)
        feed = {c: frame[[c]].to_numpy(dtype={"city": object, "kind": np.int64}.get(c, np.float32)).copy() for c in used}
        if "onehot" in name:
            feed["city"][rng.random(200) < 0.1] = "elsewhere"
            feed["kind"][rng.random(200) < 0.1] = 99
            feed["a"][rng.random(200) < 0.1] = np.nan
        yield name, onx, feed


def reference(onx, feed):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(onx.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answers = {}
    for output, value in zip(session.get_outputs(), session.run(None, feed)):
        if isinstance(value, list) and isinstance(value[0], dict):
            value = np.array([list(row.values()) for row in value], dtype=np.float32)
        answers[output.name] = value
    return answers


def differs(found, expected, nearly):
    if expected.dtype == object:
        expected = np.array([str(v).encode() for v in expected.ravel()]).reshape(expected.shape)
        found = found.astype(expected.dtype)
    if found.shape != expected.shape:
        return f"shape {found.shape} for {expected.shape}"
    if expected.dtype.kind != "f":
        wrong = found != expected
    elif nearly:
        wrong = ~np.isclose(found, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    else:
        wrong = (found != expected) & ~(np.isnan(found) & np.isnan(expected))
    if not wrong.any():
        return None
    at = tuple(np.argwhere(wrong)[0])
    return f"{wrong.sum()} of {wrong.size}, first at {at}: {found[at]!r} for {expected[at]!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("landfall")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    passed, failed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for seed in range(given.seeds):
            for name, onx, feed in cases(seed):
                if given.only not in name:
                    continue
                case = f"{seed}/{name}"
                try:
                    expected = reference(onx, feed)
                except Exception as error:
                    print(f"{case}: ONNX Runtime itself refuses it: {str(error)[:120]}")
                    continue
                onnx.save(onx, folder / "model.onnx")
                np.savez(folder / "rows.npz", **{k: v.astype("U") if v.dtype == object else v for k, v in feed.items()})
                command = [given.landfall, "predict", folder / "model.onnx", "-i", folder / "rows.npz", "-o", folder / "out.npz", "--engine", "embedded", "--on-missing", "nan"]
                if any(v.dtype.kind not in "f" for v in feed.values()):
                    command = command[:-2]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    failed.append(f"{case}: {done.stderr.strip()[-300:]}")
                    continue
                found = np.load(folder / "out.npz")
                wrong = {n: differs(found[n], v, name.split("/")[0] in NEARLY) for n, v in expected.items()}
                wrong = {n: text for n, text in wrong.items() if text}
                failed += [f"{case} {n}: {text}" for n, text in wrong.items()]
                passed += not wrong
    for line in failed:
        print(line)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
