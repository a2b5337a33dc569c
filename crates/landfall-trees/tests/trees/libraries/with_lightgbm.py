"""Random models of LightGBM's, and what it predicts."""
import json

import numpy as np
from common import Case, hard_rows, numbers, one_of, sometimes, target, write_table

OBJECTIVES = [
    ("regression", "number"), ("regression_l1", "number"), ("huber", "number"), ("poisson", "positive"),
    ("binary", "binary"), ("multiclass", "classes"), ("multiclassova", "classes"), ("gamma", "positive"),
    ("tweedie", "positive"), ("cross_entropy", "share"), ("cross_entropy_lambda", "share"), ("lambdarank", "binary"),
    ("rank_xendcg", "binary"), ("mape", "positive"), ("quantile", "number"), ("fair", "number"), ("none", "number"),
]
NAMES = ["red", "green", "blue", "é", "日本", "a,b", "x y", "7", "-3", "long " * 20, "true", "nan"]


def make(root, seed):
    rng = np.random.default_rng(seed)
    if rng.random() < 0.2:
        framed(root, seed, rng)
    else:
        plain(root, seed, rng)


def settings(rng, seed, objective, kind, boosting):
    params = {"objective": objective, "boosting": boosting, "seed": seed, "verbosity": -1, "num_threads": 1,
              "num_leaves": int(rng.integers(2, 60)), "min_data_in_leaf": int(rng.integers(1, 20)),
              "learning_rate": float(rng.choice([0.1, 0.5])), "use_missing": bool(rng.random() < 0.8),
              "zero_as_missing": bool(rng.random() < 0.25), "max_bin": int(rng.choice([2, 15, 255, 5000])),
              "deterministic": True, "force_row_wise": True, "min_data_per_group": 5, "cat_smooth": 1.0}
    if boosting == "rf":
        params["bagging_freq"], params["bagging_fraction"] = 1, 0.6
    if kind == "classes":
        params["num_class"] = 4
    if objective in ("binary", "multiclassova"):
        sometimes(rng, 0.6, params, "sigmoid", [0.7, 2.5])
    if objective == "binary":
        sometimes(rng, 0.2, params, "is_unbalance", [True])
    if objective in ("regression", "regression_l1", "fair"):
        sometimes(rng, 0.3, params, "reg_sqrt", [True])
    if objective in ("quantile", "huber"):
        sometimes(rng, 0.5, params, "alpha", [0.1, 0.7])
    sometimes(rng, 0.2, params, "boost_from_average", [False])
    sometimes(rng, 0.2, params, "extra_trees", [True])
    sometimes(rng, 0.2, params, "path_smooth", [2.0])
    sometimes(rng, 0.2, params, "max_delta_step", [0.3])
    sometimes(rng, 0.2, params, "max_depth", [1, 3, 12])
    sometimes(rng, 0.2, params, "feature_fraction_bynode", [0.5])
    sometimes(rng, 0.3, params, "max_cat_to_onehot", [1, 100])
    sometimes(rng, 0.2, params, "max_cat_threshold", [2, 256])
    sometimes(rng, 0.2, params, "lambda_l1", [0.5])
    sometimes(rng, 0.1, params, "use_quantized_grad", [True])
    sometimes(rng, 0.1, params, "min_gain_to_split", [1.0, 1e6])
    sometimes(rng, 0.1, params, "enable_bundle", [False])
    sometimes(rng, 0.1, params, "bin_construct_sample_cnt", [50])
    if boosting == "dart":
        sometimes(rng, 0.3, params, "xgboost_dart_mode", [True])
        sometimes(rng, 0.3, params, "uniform_drop", [True])
    return params


def train(params, data, rounds, objective):
    import lightgbm as lgb

    if objective in ("lambdarank", "rank_xendcg"):
        data.set_group([100, 100, 100])
    if objective == "none":
        params = {**params, "objective": lambda preds, data: (preds - data.get_label(), np.ones(len(preds)))}
    return lgb.train(params, data, rounds)


def changed(rng, model, params, x, y, objective):
    """The model after what a user may do to a trained one."""
    import lightgbm as lgb

    if callable(objective) or objective in ("none", "lambdarank", "rank_xendcg"):
        return model
    kind = rng.random()
    if kind < 0.08:
        return model.refit(x, y, decay_rate=0.5)
    if kind < 0.16:
        model.shuffle_models()
    elif kind < 0.24 and params["boosting"] != "rf":
        data = lgb.Dataset(x, y, params=params)
        return lgb.train(params, data, 3, init_model=model, keep_training_booster=True)
    return model


def thresholds_of(model):
    thresholds = {}

    def walk(node):
        if "split_feature" in node:
            if node["decision_type"] == "<=":
                thresholds.setdefault(node["split_feature"], []).append(node["threshold"])
            walk(node["left_child"])
            walk(node["right_child"])

    for tree in model.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    return thresholds


def chosen_of(case, rng, rounds):
    """The rounds that are asked for, put into the case's options."""
    chosen = {}
    if rng.random() < 0.3:
        chosen = {"start_iteration": int(rng.integers(0, rounds)), "num_iteration": int(rng.integers(-1, rounds + 2))}
        case.options.update(chosen)
    return chosen


def answers(case, model, rows, count, chosen, is_linear):
    case.answer("margin", model.predict(rows, raw_score=True, **chosen), "exact")
    case.answer("prediction", model.predict(rows, **chosen), {"rel": 1e-12})
    leaf = np.asarray(model.predict(rows, pred_leaf=True, **chosen))
    if leaf.size:
        case.answer("leaf", leaf.reshape(count, -1).astype(np.int32), "exact")
    if not is_linear:
        case.answer("contributions", model.predict(rows[:12], pred_contrib=True, **chosen), {"row": 1e-9})


def save(case, model):
    # A model that was stopped early is written up to its best round, unless told.
    model.save_model(case.model("model.txt", "txt"), num_iteration=-1)
    with open(case.model("dump.json", "dump"), "w") as file:
        json.dump(model.dump_model(num_iteration=-1), file)


def plain(root, seed, rng):
    import lightgbm as lgb

    case = Case(root, "lightgbm", seed)
    objective, kind = one_of(rng, OBJECTIVES)
    boosting = one_of(rng, ["gbdt", "gbdt", "dart", "rf", "goss"])
    if boosting == "rf" and objective in ("lambdarank", "rank_xendcg", "none"):
        objective, kind = "regression", "number"
    x = numbers(rng, 300, int(rng.integers(1, 9)))
    params = settings(rng, seed, objective, kind, boosting)
    categorical = [place for place in range(x.shape[1]) if rng.random() < 0.25]
    for place in categorical:
        x[:, place] = rng.integers(0, one_of(rng, [2, 50, 300]), size=len(x)) * one_of(rng, [1, 1, 1000])
    is_linear = rng.random() < 0.25 and boosting != "rf" and objective not in ("regression_l1", "quantile", "mape", "none")
    if is_linear:
        params["linear_tree"], params["zero_as_missing"] = True, False
        sometimes(rng, 0.5, params, "linear_lambda", [0.1, 10.0])
        params.pop("use_quantized_grad", None)
    if not categorical and not is_linear and objective not in ("regression_l1", "quantile", "mape"):
        sometimes(rng, 0.2, params, "monotone_constraints", [lambda: [1] + [0] * (x.shape[1] - 1)])
        if "monotone_constraints" in params:
            params["monotone_constraints_method"] = one_of(rng, ["basic", "intermediate", "advanced"])
    y = target(rng, x, kind)
    if rng.random() < 0.05 and kind == "number":
        y = np.full(len(x), 3.25)
    names = [f"f{place}" for place in range(x.shape[1])] if rng.random() < 0.7 else [f"a=b/{place}é" for place in range(x.shape[1])]
    data = lgb.Dataset(x, y, categorical_feature=categorical, feature_name=names, params=params)
    rounds = int(rng.integers(1, 15))
    model = train(params, data, rounds, objective)
    if not categorical:
        model = changed(rng, model, params, x, y, objective)
        rounds = model.current_iteration()
    if rng.random() < 0.1 and not is_linear:
        model.set_leaf_output(0, 0, one_of(rng, [-0.0, 1e-300, 1e300, -123.456]))
    rows = hard_rows(rng, x, thresholds_of(model), True, np.float64)
    for place in categorical:
        rows[::5, place] = rng.choice([-1, -0.5, 0.5, 1.9, 49, 200, 1e9, 1e12, -1e12, np.inf, np.nan], size=len(rows[::5]))
    np.save(case.path("rows.npy"), rows)
    answers(case, model, rows, len(rows), chosen_of(case, rng, rounds), is_linear)
    save(case, model)
    case.finish({**params, "objective": objective})


def framed(root, seed, rng):
    """A data frame whose categories the file keeps, by name, as numbers or as truth values."""
    import lightgbm as lgb
    import pandas as pd

    case = Case(root, "lightgbm", seed)
    objective, kind = one_of(rng, [("regression", "number"), ("binary", "binary"), ("multiclass", "classes")])
    params = settings(rng, seed, objective, kind, one_of(rng, ["gbdt", "gbdt", "dart", "goss"]))
    x = numbers(rng, 300, int(rng.integers(1, 4)))
    y = target(rng, x, kind)
    columns = {f"n{place}": x[:, place] for place in range(x.shape[1])}
    names = list(columns)
    for place in range(int(rng.integers(1, 4))):
        form = rng.integers(4)
        if form < 2:
            values = np.array(NAMES, dtype=object)[rng.permutation(len(NAMES))[: rng.integers(2, len(NAMES))]]
        elif form == 2:
            values = rng.permutation(np.arange(-5, 40))[: rng.integers(2, 30)]
        else:
            values = np.array([0.5, 1.5, -2.25, 1e10, 3.0])
        name = f"c{place}"
        names.insert(int(rng.integers(len(names) + 1)), name)
        codes = rng.integers(-1 if rng.random() < 0.5 else 0, len(values), size=len(x))
        columns[name] = pd.Categorical.from_codes(codes, categories=values)
    frame = pd.DataFrame({name: columns[name] for name in names})
    rounds = int(rng.integers(1, 10))
    model = train(params, lgb.Dataset(frame, y, params=params), rounds, objective)
    fresh = frame.iloc[rng.integers(len(frame), size=60)].reset_index(drop=True)
    for name in names:
        if name.startswith("c") and rng.random() < 0.5:
            known = list(frame[name].cat.categories)
            unseen = "never seen" if isinstance(known[0], str) else 12345
            values = [unseen if i % 9 == 0 else None if pd.isna(v) else v for i, v in enumerate(fresh[name])]
            fresh[name] = pd.Categorical(values, categories=known + [unseen])
    cells = [[None if pd.isna(v) else v for v in fresh[name]] for name in names]
    write_table(case.path("rows.csv"), names, cells)
    answers(case, model, fresh, len(fresh), chosen_of(case, rng, rounds), False)
    save(case, model)
    case.finish(params)
