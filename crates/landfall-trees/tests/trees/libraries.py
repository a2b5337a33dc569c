"""Random models of XGBoost, LightGBM and CatBoost, rows that are hard on them, and the libraries' own answers.

    libraries.py FOLDER SECONDS [FIRST_SEED]

Writes FOLDER/<library>/<case>/ with the model's files, rows.npy or rows.csv, an array for each kind of output, and
case.json: files, options and what is allowed. Seeds ascend from FIRST_SEED on, so that a case can be made again.
"""
import csv
import json
import os
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
TINY = [0.0, -0.0, 1e-45, -1e-45, 1e-38, 1e-35, -1e-35, 1.0000000180025095e-35, 1.1e-35, 3.4e38, -3.4e38]
WORDS = ["red", "green", "blue", "é", "日本", "a,b", "", "x" * 9, "ab" * 12, "0123456789" * 5, "long " * 30, "7", "-3", "007", "1.5"]


def numbers(rng, rows, features):
    """Columns of different kinds, some rough, with missing values."""
    columns = []
    for _ in range(features):
        kind = rng.integers(6)
        if kind == 0:
            column = rng.normal(size=rows)
        elif kind == 1:
            column = rng.integers(-3, 4, size=rows).astype(float)
        elif kind == 2:
            column = np.exp(rng.normal(size=rows) * 5)
        elif kind == 3:
            column = rng.normal(size=rows) * 1e-3 * (rng.random(rows) < 0.5)
        elif kind == 4:
            column = rng.normal(size=rows) * 1e30
        else:
            column = np.round(rng.normal(size=rows), 1)
        if rng.random() < 0.6:
            column[rng.random(rows) < rng.random() * 0.4] = np.nan
        columns.append(column)
    return np.array(columns).T.astype(np.float32).astype(np.float64)


def hard_rows(rng, x, thresholds, infinite, dtype):
    """Rows like x, with thresholds and their neighbours, zeros, denormals and what else is rarely met."""
    rows = x[rng.integers(len(x), size=80)].copy()
    for row in rows[10:]:
        for place in rng.integers(rows.shape[1], size=1 + rng.integers(4)):
            near = thresholds.get(int(place), [])
            kind = rng.integers(5)
            if kind < 3 and len(near):
                value = dtype(near[rng.integers(len(near))])
                row[place] = [value, np.nextafter(value, dtype(np.inf)), np.nextafter(value, dtype(-np.inf))][kind]
            elif kind == 3:
                row[place] = TINY[rng.integers(len(TINY))]
            elif infinite:
                row[place] = [np.inf, -np.inf][rng.integers(2)]
            else:
                row[place] = np.nan
    return rows.astype(dtype)


def target(rng, x, kind):
    rows = len(x)
    if x.shape[1]:
        with np.errstate(all="ignore"):
            scaled = np.arctan(np.nan_to_num(x, nan=0.3, posinf=0, neginf=0))
        score = scaled @ rng.normal(size=x.shape[1]) + rng.normal(size=rows) * 0.3
    else:
        score = rng.normal(size=rows)
    if kind == "binary":
        return (score > np.median(score)).astype(int)
    if kind == "classes":
        edges = np.quantile(score, [0.3, 0.6, 0.8])
        y = np.digitize(score, edges)
        y[:4] = [0, 1, 2, 3]
        return y
    if kind == "positive":
        return np.exp(score / (1 + np.abs(score).max()))
    if kind == "share":
        return 1 / (1 + np.exp(-score))
    if kind == "many":
        return np.array([score, -score + rng.normal(size=rows), score**2]).T
    if kind == "labels":
        return (np.array([score, rng.normal(size=rows)]).T > 0).astype(int)
    return score


class Case:
    """One case under way."""

    def __init__(self, root, family, seed):
        self.id = f"{family}-{seed}"
        self.folder = os.path.join(root, family, self.id)
        os.makedirs(self.folder, exist_ok=True)
        self.formats, self.tolerances, self.options = {}, {}, {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def model(self, name, form):
        self.formats[name] = form
        return self.path(name)

    def answer(self, kind, array, rule):
        array = np.ascontiguousarray(array)
        if kind == "class":
            array = array.reshape(len(array), -1).astype(str)
        np.save(self.path(kind + ".npy"), array)
        self.tolerances[kind] = rule

    def finish(self, params):
        case = {"id": self.id, "status": "scored", "formats": self.formats, "options": self.options,
                "tolerances": self.tolerances, "params": {k: str(v) for k, v in params.items()}}
        with open(self.path("case.json"), "w") as file:
            json.dump(case, file, indent=1)


def xgboost_case(root, seed):
    import xgboost as xgb

    rng = np.random.default_rng(seed)
    case = Case(root, "xgboost", seed)
    objectives = [("reg:squarederror", "number"), ("binary:logistic", "binary"), ("multi:softprob", "classes"),
                  ("multi:softmax", "classes"), ("count:poisson", "positive"), ("reg:tweedie", "positive"),
                  ("reg:gamma", "positive"), ("reg:logistic", "share"), ("binary:hinge", "binary"),
                  ("binary:logitraw", "binary"), ("reg:absoluteerror", "number"), ("reg:squaredlogerror", "positive"),
                  ("reg:pseudohubererror", "number"), ("rank:pairwise", "binary"), ("reg:squarederror", "many"),
                  ("binary:logistic", "labels"), ("survival:cox", "positive"), ("reg:quantileerror", "number")]
    objective, kind = objectives[rng.integers(len(objectives))]
    x = numbers(rng, 200, int(rng.integers(1, 9)))
    types = ["q"] * x.shape[1]
    for place in range(x.shape[1]):
        if rng.random() < 0.2:
            types[place] = "c"
            x[:, place] = rng.integers(0, rng.integers(2, 60), size=len(x))
    booster = ["gbtree", "gbtree", "gbtree", "dart", "gblinear"][rng.integers(5)]
    params = {"objective": objective, "booster": booster, "seed": seed, "max_depth": int(rng.integers(1, 8)),
              "eta": float(rng.choice([0.1, 0.3, 1.0])), "verbosity": 0, "nthread": 1}
    if kind == "classes":
        params["num_class"] = 4
    if booster == "gblinear":
        types, params["updater"] = ["q"] * x.shape[1], "coord_descent"
        if kind in ("many", "labels"):
            return
    else:
        params["tree_method"] = "hist"
        if rng.random() < 0.3:
            params["num_parallel_tree"] = 2
            params["subsample"] = 0.6
        if rng.random() < 0.3:
            params["grow_policy"], params["max_leaves"] = "lossguide", int(rng.integers(2, 40))
        if rng.random() < 0.5:
            params["max_cat_to_onehot"] = int(rng.choice([1, 100]))
        if kind == "many" and booster == "gbtree" and rng.random() < 0.5 and "c" not in types:
            params["multi_strategy"] = "multi_output_tree"
    if booster == "dart":
        params["rate_drop"] = 0.3
    if rng.random() < 0.4 and kind in ("number", "many"):
        params["base_score"] = float(rng.choice([0.5, -1234.0, 1e-3]))
    if objective == "reg:quantileerror":
        params["quantile_alpha"] = [0.1, 0.5, 0.9]
        if booster == "gblinear":
            return
    y = target(rng, x, kind)
    data = xgb.DMatrix(x, y, feature_types=types, enable_categorical=True)
    if objective == "rank:pairwise":
        data.set_group([50, 50, 100])
    rounds = int(rng.integers(1, 12))
    model = xgb.train(params, data, rounds)
    thresholds = {}
    if booster != "gblinear":
        for tree in json.loads(model.save_raw("json"))["learner"]["gradient_booster"].get("model", {}).get("trees", []):
            for place, value in zip(tree["split_indices"], tree["split_conditions"]):
                thresholds.setdefault(place, []).append(value)
    # Prediction in place, which alone takes infinite values, rounds differently with dart, and knows no gblinear.
    infinite = rng.random() < 0.4 and booster == "gbtree"
    rows = hard_rows(rng, x, thresholds, infinite, np.float32)
    for place, name in enumerate(types):
        if name == "c":
            rows[::7, place] = rng.choice([-1, -0.5, 0.5, 1.9, 59, 200, 2**24, 1e9, np.nan], size=len(rows[::7]))
    missing = np.nan
    if rng.random() < 0.2 and "c" not in types:
        missing = float(rng.choice([0.0, -1.0]))
        case.options["missing"] = missing
    window = (0, 0)
    if booster != "gblinear" and rounds > 3 and rng.random() < 0.3:
        window = (int(rng.integers(0, 2)), int(rng.integers(2, rounds)))
        case.options["iteration_range"] = list(window)
    np.save(case.path("rows.npy"), rows)
    if infinite:
        given = {"iteration_range": window, "missing": missing, "validate_features": False}
        case.answer("margin", model.inplace_predict(rows, predict_type="margin", **given), "exact")
        case.answer("prediction", model.inplace_predict(rows, **given), {"rel": 1e-6})
    else:
        described = {"missing": missing, "nthread": 1, "feature_types": types, "enable_categorical": True}
        matrix = xgb.DMatrix(rows, **described)
        case.answer("margin", model.predict(matrix, output_margin=True, iteration_range=window), "exact")
        case.answer("prediction", model.predict(matrix, iteration_range=window), {"rel": 1e-6})
    if not infinite and window[0] == 0:
        if booster != "gblinear":
            leaf = model.predict(matrix, pred_leaf=True, iteration_range=window)
            case.answer("leaf", leaf.reshape(len(rows), -1).astype(np.int32), "exact")
        # The library's float32 sums lose what a large base takes away again.
        if params.get("multi_strategy") is None and params.get("base_score") != -1234.0:
            few = xgb.DMatrix(rows[:12], **described)
            case.answer("contributions", model.predict(few, pred_contribs=True, iteration_range=window), {"row": 1e-5})
            if booster != "gblinear":
                case.answer("interactions", model.predict(few, pred_interactions=True, iteration_range=window), {"row": 1e-5})
    model.save_model(case.model("model.json", "json"))
    model.save_model(case.model("model.ubj", "ubj"))
    case.finish(params)


def lightgbm_case(root, seed):
    import lightgbm as lgb

    rng = np.random.default_rng(seed)
    case = Case(root, "lightgbm", seed)
    objectives = [("regression", "number"), ("regression_l1", "number"), ("huber", "number"), ("poisson", "positive"),
                  ("binary", "binary"), ("multiclass", "classes"), ("multiclassova", "classes"), ("gamma", "positive"),
                  ("tweedie", "positive"), ("cross_entropy", "share"), ("cross_entropy_lambda", "share"),
                  ("lambdarank", "binary"), ("mape", "positive"), ("quantile", "number"), ("fair", "number"), ("none", "number")]
    objective, kind = objectives[rng.integers(len(objectives))]
    x = numbers(rng, 300, int(rng.integers(1, 9)))
    boosting = ["gbdt", "gbdt", "dart", "rf", "goss"][rng.integers(5)]
    params = {"objective": objective, "boosting": boosting, "seed": seed, "verbosity": -1, "num_threads": 1,
              "num_leaves": int(rng.integers(2, 40)), "min_data_in_leaf": int(rng.integers(1, 20)),
              "learning_rate": float(rng.choice([0.1, 0.5])), "use_missing": bool(rng.random() < 0.8),
              "zero_as_missing": bool(rng.random() < 0.25), "max_bin": int(rng.choice([15, 255])),
              "deterministic": True, "force_row_wise": True}
    if boosting == "rf":
        params["bagging_freq"], params["bagging_fraction"] = 1, 0.6
        if objective in ("lambdarank", "none"):
            params["objective"] = objective = "regression"
            kind = "number"
    if kind == "classes":
        params["num_class"] = 4
    if objective == "binary":
        params["sigmoid"] = float(rng.choice([1.0, 0.7, 2.5]))
    if objective == "regression" and rng.random() < 0.3:
        params["reg_sqrt"] = True
    categorical = [place for place in range(x.shape[1]) if rng.random() < 0.25]
    for place in categorical:
        x[:, place] = rng.integers(0, rng.integers(2, 50), size=len(x))
        params["min_data_per_group"] = 5
        params["cat_smooth"] = 1.0
    linear = rng.random() < 0.2 and boosting == "gbdt" and objective in ("regression", "huber")
    if linear:
        params["linear_tree"] = True
    y = target(rng, x, kind)
    data = lgb.Dataset(x, y, categorical_feature=categorical, params=params)
    if objective == "lambdarank":
        data.set_group([100, 100, 100])
    if objective == "none":
        params["objective"] = lambda preds, data: (preds - data.get_label(), np.ones(len(preds)))
    rounds = int(rng.integers(1, 15))
    model = lgb.train(params, data, rounds)
    params["objective"] = objective
    thresholds = {}

    def walk(node):
        if "split_feature" in node:
            if node["decision_type"] == "<=":
                thresholds.setdefault(node["split_feature"], []).append(node["threshold"])
            walk(node["left_child"])
            walk(node["right_child"])

    dump = model.dump_model()
    for tree in dump["tree_info"]:
        walk(tree["tree_structure"])
    rows = hard_rows(rng, x, thresholds, True, np.float64)
    for place in categorical:
        rows[::5, place] = rng.choice([-1, -0.5, 0.5, 1.9, 49, 200, 1e9, 1e12, -1e12, np.inf, np.nan], size=len(rows[::5]))
    np.save(case.path("rows.npy"), rows)
    chosen = {}
    if rng.random() < 0.3:
        chosen = {"start_iteration": int(rng.integers(0, rounds)), "num_iteration": int(rng.integers(-1, rounds + 2))}
        case.options.update(chosen)
    case.answer("margin", model.predict(rows, raw_score=True, **chosen), "exact")
    case.answer("prediction", model.predict(rows, **chosen), {"rel": 1e-12})
    leaf = np.asarray(model.predict(rows, pred_leaf=True, **chosen))
    if leaf.size:
        case.answer("leaf", leaf.reshape(len(rows), -1).astype(np.int32), "exact")
    if not linear:
        case.answer("contributions", model.predict(rows[:12], pred_contrib=True, **chosen), {"row": 1e-9})
    model.save_model(case.model("model.txt", "txt"), num_iteration=-1)
    with open(case.model("dump.json", "dump"), "w") as file:
        json.dump(model.dump_model(num_iteration=-1), file)
    case.finish(params)


def catboost_case(root, seed):
    from catboost import CatBoost, Pool

    rng = np.random.default_rng(seed)
    case = Case(root, "catboost", seed)
    losses = [("RMSE", "number", ["RawFormulaVal"]), ("MAE", "number", ["RawFormulaVal"]), ("Quantile:alpha=0.3", "number", ["RawFormulaVal"]),
              ("Poisson", "positive", ["Exponent", "RawFormulaVal"]), ("Tweedie:variance_power=1.3", "positive", ["Exponent"]),
              ("Logloss", "binary", ["Probability", "RawFormulaVal", "LogProbability", "Class"]),
              ("CrossEntropy", "share", ["Probability", "LogProbability"]),
              ("MultiClass", "classes", ["Probability", "LogProbability", "Class", "RawFormulaVal"]),
              ("MultiClassOneVsAll", "classes", ["Probability", "LogProbability", "Class"]),
              ("MultiRMSE", "many", ["RawFormulaVal"]), ("MultiLogloss", "labels", ["Probability", "RawFormulaVal", "Class"]),
              ("RMSEWithUncertainty", "number", ["RMSEWithUncertainty", "RawFormulaVal"]),
              ("YetiRank", "binary", ["RawFormulaVal"]), ("PairLogit", "binary", ["RawFormulaVal"]),
              ("LogCosh", "number", ["RawFormulaVal"]), ("Huber:delta=1.0", "number", ["RawFormulaVal"]),
              ("MultiQuantile:alpha=0.1,0.5,0.9", "number", ["RawFormulaVal"])]
    loss, kind, types = losses[rng.integers(len(losses))]
    x = numbers(rng, 200, int(rng.integers(1, 6)))
    y = target(rng, x, kind)
    names, columns, categorical = [], [], []
    for place in range(x.shape[1]):
        names.append(f"n{place}")
        columns.append(x[:, place].astype(np.float32))
    for place in range(int(rng.integers(0, 4))):
        values = [str(int(v)) for v in rng.integers(-5, 40, size=len(x))] if rng.random() < 0.5 else \
            [WORDS[i] for i in rng.integers(0, rng.integers(2, len(WORDS)), size=len(x))]
        at = int(rng.integers(0, len(names) + 1))
        names.insert(at, f"c{place}")
        columns.insert(at, np.array(values, dtype=object))
    categorical = [i for i, name in enumerate(names) if name.startswith("c")]
    params = {"loss_function": loss, "iterations": int(rng.integers(1, 25)), "depth": int(rng.integers(1, 7)),
              "random_seed": seed, "thread_count": 1, "verbose": 0, "allow_writing_files": False,
              "nan_mode": str(rng.choice(["Min", "Max"])), "border_count": int(rng.choice([1, 32, 254])),
              "one_hot_max_size": int(rng.choice([2, 10, 60])), "max_ctr_complexity": int(rng.integers(1, 4))}
    if rng.random() < 0.5:
        params["grow_policy"] = str(rng.choice(["Depthwise", "Lossguide", "SymmetricTree"]))
    if categorical and rng.random() < 0.6:
        kinds = ["Borders", "Buckets", "BinarizedTargetMeanValue", "Counter"]
        params["simple_ctr"] = [f"{k}:Prior={p}" for k, p in zip(rng.permutation(kinds)[:2], [0.3, 1])]
        params["combinations_ctr"] = [str(rng.choice(kinds))]
    if categorical and rng.random() < 0.3 and loss == "RMSE":
        params["simple_ctr"] = ["Borders:TargetBorderCount=3", "Buckets:TargetBorderCount=4"]
    if loss in ("YetiRank", "PairLogit"):
        params.pop("grow_policy", None)
    if loss == "MultiClass" and rng.random() < 0.3:
        params["class_names"] = ["w", "x", "y", "z"]
        y = np.array(params["class_names"])[y]

    def pool(columns, labels=None):
        data = [[column[i] for column in columns] for i in range(len(columns[0]))]
        group = [i // 20 for i in range(len(data))] if loss in ("YetiRank", "PairLogit") else None
        return Pool(data, labels, cat_features=categorical, feature_names=names, group_id=group)

    model = CatBoost(params)
    model.fit(pool(columns, y))
    thresholds = {}
    model.save_model(case.path("model.json"), format="json", pool=pool(columns, y) if categorical else None)
    with open(case.path("model.json")) as file:
        info = json.load(file)["features_info"]
    allowed = set()
    for feature in info.get("float_features") or []:
        thresholds[feature["flat_feature_index"]] = feature["borders"] or []
        if feature["has_nans"]:
            allowed.add(feature["flat_feature_index"])
    numeric = [i for i in range(len(names)) if i not in categorical]
    plain = hard_rows(rng, x, {j: thresholds.get(i, []) for j, i in enumerate(numeric)}, True, np.float32)
    for j, i in enumerate(numeric):
        if i not in allowed:
            plain[np.isnan(plain[:, j]), j] = 0.5
    fresh = []
    for i, column in enumerate(columns):
        if i in categorical:
            values = column[rng.integers(len(column), size=len(plain))].copy()
            for place in rng.integers(len(values), size=12):
                values[place] = ["never seen", "", "é" * 20, "-17", "x" * 70, "y" * 130][rng.integers(6)]
            fresh.append(values)
        else:
            fresh.append(plain[:, numeric.index(i)])
    if categorical:
        with open(case.path("rows.csv"), "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            for i in range(len(plain)):
                writer.writerow(["" if isinstance(c[i], np.floating) and np.isnan(c[i]) else
                                 (repr(float(c[i])) if isinstance(c[i], np.floating) else c[i]) for c in fresh])
    else:
        np.save(case.path("rows.npy"), plain)
    data = pool(fresh)
    chosen = {}
    if params["iterations"] > 4 and model.tree_count_ > 4 and rng.random() < 0.3:
        chosen = {"ntree_start": int(rng.integers(0, 3)), "ntree_end": int(rng.integers(3, model.tree_count_ + 1))}
        case.options.update(chosen)
    prediction = str(types[rng.integers(len(types))])
    case.options["prediction_type"] = prediction
    margin = model.predict(data, prediction_type="RawFormulaVal", **chosen)
    case.answer("margin", margin, "exact")
    predicted = model.predict(data, prediction_type=prediction, **chosen)
    if prediction != "Class":
        case.answer("prediction", predicted, {"rel": 1e-12})
    if loss.startswith(("Logloss", "MultiClass")):
        labels = model.predict(data, prediction_type="Class", **chosen)
        case.answer("class", np.asarray(labels).reshape(len(plain), -1)[:, 0], "exact")
        case.answer("log_probability", model.predict(data, prediction_type="LogProbability", **chosen), {"rel": 1e-12})
    case.answer("leaf", np.asarray(model.calc_leaf_indexes(data, **chosen)).reshape(len(plain), -1).astype(np.int32), "exact")
    if not chosen:
        few = pool([column[:12] for column in fresh])
        # Of some unbalanced trees the library's contributions are wrong: they do not even add up to its own margin.
        if params.get("grow_policy", "SymmetricTree") == "SymmetricTree":
            told = model.get_feature_importance(few, type="ShapValues", thread_count=1)
            case.answer("contributions", told, {"row": 1e-9})
    model.save_model(case.model("model.cbm", "cbm"))
    # The JSON does not say which of several targets a statistic belongs to.
    if not categorical or np.ndim(y) == 1:
        case.model("model.json", "json")
    case.finish(params)


def main():
    root, seconds = sys.argv[1], float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    import catboost  # noqa: F401
    import lightgbm  # noqa: F401
    import xgboost  # noqa: F401

    makers = {"xgboost": xgboost_case, "lightgbm": lightgbm_case, "catboost": catboost_case}
    counts = dict.fromkeys(makers, 0)
    refused = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, make in makers.items():
            # A process for each case: the libraries abort on some combinations.
            child = os.fork()
            if child == 0:
                try:
                    make(root, seed)
                    os._exit(0)
                except Exception as error:  # a combination that the library itself refuses
                    print(f"{name} {seed} refused: {str(error).strip()[:200]}", flush=True)
                    os._exit(1)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status == 0:
                counts[name] += 1
            else:
                refused[f"{name}: exit status {status}"] = refused.get(f"{name}: exit status {status}", 0) + 1
        seed += 1
    print("made", counts, "next seed", seed)
    for what, count in sorted(refused.items()):
        print("refused", count, what)


if __name__ == "__main__":
    main()
