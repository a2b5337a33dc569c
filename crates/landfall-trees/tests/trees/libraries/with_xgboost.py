"""Random models of XGBoost's, and what it predicts."""
import json

import numpy as np
from common import Case, hard_rows, numbers, one_of, sometimes, target, write_table

OBJECTIVES = [
    ("reg:squarederror", "number"), ("binary:logistic", "binary"), ("multi:softprob", "classes"),
    ("multi:softmax", "classes"), ("count:poisson", "positive"), ("reg:tweedie", "positive"),
    ("reg:gamma", "positive"), ("reg:logistic", "share"), ("binary:hinge", "binary"),
    ("binary:logitraw", "binary"), ("reg:absoluteerror", "number"), ("reg:squaredlogerror", "positive"),
    ("reg:pseudohubererror", "number"), ("rank:pairwise", "binary"), ("rank:ndcg", "binary"), ("rank:map", "binary"),
    ("reg:squarederror", "many"), ("binary:logistic", "labels"), ("survival:cox", "positive"),
    ("survival:aft", "positive"), ("reg:quantileerror", "number"),
    ("reg:absoluteerror", "many"), ("reg:logistic", "labels"),
]
# Names beyond ASCII come out broken in the library's own dictionaries.
NAMES = ["red", "green", "blue", "a,b", "x y", "7", "-3", "long " * 20, "q", "true", "nan", "None"]


def make(root, seed):
    rng = np.random.default_rng(seed)
    if rng.random() < 0.15:
        framed(root, seed, rng)
    else:
        plain(root, seed, rng)


def settings(rng, seed, objective, kind, booster):
    params = {"objective": objective, "booster": booster, "seed": seed, "max_depth": int(rng.integers(1, 9)),
              "eta": float(rng.choice([0.1, 0.3, 1.0])), "verbosity": 0, "nthread": 1}
    if kind == "classes":
        params["num_class"] = 4
    if booster == "gblinear":
        params["updater"] = one_of(rng, ["coord_descent", "shotgun"])
        params["lambda"] = float(rng.choice([0.0, 1.0]))
    else:
        params["tree_method"] = one_of(rng, ["hist", "hist", "approx", "exact"])
        if rng.random() < 0.3:
            params["num_parallel_tree"] = int(rng.integers(2, 4))
            params["subsample"] = 0.6
        if rng.random() < 0.3 and params["tree_method"] != "exact":
            params["grow_policy"], params["max_leaves"] = "lossguide", int(rng.integers(2, 40))
            sometimes(rng, 0.3, params, "max_depth", [0])
        sometimes(rng, 0.3, params, "gamma", [0.01, 0.5, 3.0])
        sometimes(rng, 0.3, params, "min_child_weight", [0.0, 0.1, 10.0])
        sometimes(rng, 0.2, params, "max_delta_step", [0.3])
        sometimes(rng, 0.2, params, "lambda", [0.0, 5.0])
        sometimes(rng, 0.2, params, "alpha", [0.5])
        sometimes(rng, 0.0 if params["tree_method"] == "exact" else 0.2, params, "colsample_bynode", [0.5])
        sometimes(rng, 0.5, params, "max_cat_to_onehot", [1, 100])
        sometimes(rng, 0.2, params, "max_bin", [2, 16, 4096])
    if booster == "dart":
        params["rate_drop"] = 0.3
        sometimes(rng, 0.5, params, "normalize_type", ["forest"])
        sometimes(rng, 0.3, params, "one_drop", [1])
    if kind in ("number", "many"):
        sometimes(rng, 0.4, params, "base_score", [0.5, -1234.0, 1e-3])
    if kind == "classes":
        sometimes(rng, 0.3, params, "base_score", [[0.1, -0.7, 2.0, 0.0], 0.7])
    if kind == "positive":
        sometimes(rng, 0.3, params, "base_score", [0.7, 3.0])
    if kind in ("binary", "labels", "share"):
        sometimes(rng, 0.3, params, "base_score", [0.5, 0.01, 0.99])
    sometimes(rng, 0.2 if kind == "binary" else 0.0, params, "scale_pos_weight", [3.0])
    if objective == "reg:quantileerror":
        params["quantile_alpha"] = one_of(rng, [[0.1, 0.5, 0.9], 0.3])
    if objective == "reg:tweedie":
        params["tweedie_variance_power"] = one_of(rng, [1.1, 1.5, 1.9])
    if objective == "survival:aft":
        params["aft_loss_distribution"] = one_of(rng, ["normal", "logistic", "extreme"])
    return params


def columns_of(rng, booster):
    """Columns, and which are categories: by their codes."""
    x = numbers(rng, 200, int(rng.integers(1, 9)) if rng.random() < 0.9 else 120)
    if x.shape[1] > 50:
        x[rng.random(x.shape) < 0.9] = np.nan
    types = ["q"] * x.shape[1]
    for place in range(x.shape[1] if booster != "gblinear" else 0):
        if rng.random() < 0.2:
            types[place] = "c"
            x[:, place] = rng.integers(0, rng.integers(2, 200), size=len(x))
    return x, types


def labelled(rng, objective, kind, data, y):
    if objective.startswith("rank:"):
        data.set_group([50, 50, 100])
    if objective == "survival:aft":
        data.set_float_info("label_lower_bound", y)
        data.set_float_info("label_upper_bound", np.where(rng.random(len(y)) < 0.3, np.inf, y))
    elif kind != "many" and kind != "labels" and not objective.startswith("rank:") and rng.random() < 0.2:
        data.set_weight(rng.random(len(np.asarray(y))))
    return data


def thresholds_of(model):
    thresholds = {}
    booster = json.loads(model.save_raw("json"))["learner"]["gradient_booster"]
    for tree in booster.get("gbtree", booster).get("model", {}).get("trees", []):
        for place, value in zip(tree["split_indices"], tree["split_conditions"]):
            thresholds.setdefault(place, []).append(value)
    return thresholds


def plain(root, seed, rng):
    import xgboost as xgb

    case = Case(root, "xgboost", seed)
    objective, kind = one_of(rng, OBJECTIVES)
    booster = one_of(rng, ["gbtree", "gbtree", "gbtree", "dart", "gblinear"])
    x, types = columns_of(rng, booster)
    params = settings(rng, seed, objective, kind, booster)
    if params.get("tree_method") == "exact" and "c" in types:
        params["tree_method"] = "hist"
    if kind == "many" and booster == "gbtree" and rng.random() < 0.5 and "c" not in types:
        params["multi_strategy"], params["tree_method"] = "multi_output_tree", "hist"
    if "c" not in types and booster != "gblinear" and kind not in ("many", "labels", "classes"):
        sometimes(rng, 0.2, params, "monotone_constraints", [lambda: str(tuple([1] + [0] * (x.shape[1] - 1)))])
    y = target(rng, x, kind)
    data = labelled(rng, objective, kind, xgb.DMatrix(x, y, feature_types=types, enable_categorical=True), y)
    rounds = int(rng.integers(0, 12))
    model = xgb.train(params, data, rounds)
    if rng.random() < 0.2 and rounds > 2 and booster != "gblinear":
        first, last, step = one_of(rng, [(0, rounds - 1, 1), (0, rounds, 2), (1, rounds, 1)])
        model = model[first:last:step]
    elif rng.random() < 0.1 and rounds and objective != "survival:cox":
        model = xgb.train(params, data, 2, xgb_model=model)
    rounds = rounds if booster == "gblinear" else model.num_boosted_rounds()
    if rng.random() < 0.2 and rounds:
        model.set_attr(best_iteration=str(rounds // 2))
    model = read_back(case, model)
    # Prediction in place, which alone takes infinite values, rounds differently with dart, and knows no gblinear.
    infinite = rng.random() < 0.4 and booster == "gbtree"
    rows = hard_rows(rng, x, {} if booster == "gblinear" else thresholds_of(model), infinite, np.float32)
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
        base = None
        if rng.random() < 0.2:
            groups = np.asarray(model.predict(xgb.DMatrix(rows, **described), output_margin=True)).reshape(len(rows), -1)
            base = rng.normal(size=groups.shape).astype(np.float32)
            np.save(case.path("base.npy"), base)
            case.options["base_margin"] = "base.npy"

        def matrix(count):
            given = None if base is None else base[:count] if base.shape[1] > 1 else base[:count, 0]
            return xgb.DMatrix(rows[:count], base_margin=given, **described)

        answers(case, model, params, matrix, len(rows), window)
    case.finish(params)


def read_back(case, model):
    """The model as its file has it: one that was never trained for a round predicts otherwise before it is written."""
    import xgboost as xgb

    model.save_model(case.model("model.json", "json"))
    model.save_model(case.model("model.ubj", "ubj"))
    return xgb.Booster({"nthread": 1}, model_file=case.path("model.json"))


def answers(case, model, params, matrix, rows, window):
    """All kinds of output, for the rows that `matrix` gives the first of."""
    all_rows, few = matrix(rows), matrix(12)
    case.answer("margin", model.predict(all_rows, output_margin=True, iteration_range=window), "exact")
    case.answer("prediction", model.predict(all_rows, iteration_range=window), {"rel": 1e-6})
    is_linear = params["booster"] == "gblinear"
    if window[0] != 0:
        return
    if not is_linear:
        leaf = model.predict(all_rows, pred_leaf=True, iteration_range=window)
        if leaf.size:
            case.answer("leaf", leaf.reshape(rows, -1).astype(np.int32), "exact")
    # The library's float32 sums lose what a large base takes away again.
    if params.get("multi_strategy") is None and params.get("base_score") != -1234.0:
        case.answer("contributions", model.predict(few, pred_contribs=True, iteration_range=window), {"row": 1e-5})
        if not is_linear:
            case.answer("interactions", model.predict(few, pred_interactions=True, iteration_range=window), {"row": 1e-5})


def framed(root, seed, rng):
    """A data frame with categories by name, which the file keeps."""
    import pandas as pd
    import xgboost as xgb

    case = Case(root, "xgboost", seed)
    objective, kind = one_of(rng, [("reg:squarederror", "number"), ("binary:logistic", "binary"), ("multi:softprob", "classes")])
    params = settings(rng, seed, objective, kind, one_of(rng, ["gbtree", "gbtree", "dart"]))
    params["tree_method"] = one_of(rng, ["hist", "approx"])
    x = numbers(rng, 300, int(rng.integers(1, 4)))
    y = target(rng, x, kind)
    names = [f"n {place}" for place in range(x.shape[1])]
    frame = {name: x[:, place].astype(np.float32) for place, name in enumerate(names)}
    for place in range(int(rng.integers(1, 4))):
        if rng.random() < 0.6:
            values = np.array(NAMES, dtype=object)[rng.permutation(len(NAMES))[: rng.integers(2, len(NAMES))]]
        else:
            values = rng.permutation(np.arange(-5, 40))[: rng.integers(2, 30)]
        codes = rng.integers(-1 if rng.random() < 0.5 else 0, len(values), size=len(x))
        frame[f"c{place}"] = pd.Categorical.from_codes(codes, categories=values)
    frame = pd.DataFrame(frame)
    model = xgb.train(params, xgb.DMatrix(frame, y, enable_categorical=True), int(rng.integers(1, 10)))
    model = read_back(case, model)
    fresh = frame.iloc[rng.integers(len(frame), size=60)].reset_index(drop=True)
    columns = [[None if pd.isna(v) else v for v in fresh[name]] for name in fresh.columns]
    write_table(case.path("rows.csv"), list(fresh.columns), columns)
    answers(case, model, params, lambda count: xgb.DMatrix(fresh.iloc[:count], enable_categorical=True), len(fresh), (0, 0))
    case.finish(params)
