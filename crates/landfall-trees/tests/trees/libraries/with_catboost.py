"""Random models of CatBoost's, and what it predicts."""
import json

import numpy as np
from common import Case, hard_rows, numbers, one_of, sometimes, target, write_table

WORDS = ["red", "green", "blue", "é", "日本", "a,b", "", "x" * 9, "ab" * 12, "0123456789" * 5, "long " * 30, "7", "-3",
         "007", "1.5", "True", "nan", "y" * 63, "z" * 64, "w" * 65, "v" * 16, "u" * 32, "t" * 33, "s" * 128]
RAW, PROBABILITY, LOG, CLASS, EXPONENT = "RawFormulaVal", "Probability", "LogProbability", "Class", "Exponent"
LOSSES = [
    ("RMSE", "number", [RAW, EXPONENT, PROBABILITY]), ("MAE", "number", [RAW]), ("Quantile:alpha=0.3", "number", [RAW]),
    ("Expectile:alpha=0.3", "number", [RAW]), ("Lq:q=1.5", "number", [RAW]), ("MAPE", "positive", [RAW]),
    ("LogLinQuantile:alpha=0.5", "positive", [EXPONENT, RAW]), ("Poisson", "positive", [EXPONENT, RAW]),
    ("Tweedie:variance_power=1.3", "positive", [EXPONENT, RAW]), ("Logloss", "binary", [PROBABILITY, RAW, LOG, CLASS]),
    ("Focal:focal_alpha=0.5;focal_gamma=1.2", "binary", [PROBABILITY, RAW]),
    ("CrossEntropy", "share", [PROBABILITY, LOG, CLASS]),
    ("MultiClass", "classes", [PROBABILITY, LOG, CLASS, RAW, EXPONENT]),
    ("MultiClassOneVsAll", "classes", [PROBABILITY, LOG, CLASS]), ("MultiRMSE", "many", [RAW, EXPONENT]),
    ("MultiRMSEWithMissingValues", "many", [RAW]), ("MultiLogloss", "labels", [PROBABILITY, RAW, CLASS, LOG]),
    ("MultiCrossEntropy", "shares", [PROBABILITY, RAW, CLASS, LOG]),
    ("RMSEWithUncertainty", "number", ["RMSEWithUncertainty", RAW]), ("YetiRank", "binary", [RAW]),
    ("YetiRankPairwise", "binary", [RAW]), ("PairLogit", "binary", [RAW]), ("PairLogitPairwise", "binary", [RAW]),
    ("QueryRMSE", "number", [RAW]), ("QuerySoftMax", "binary", [RAW]),
    ("StochasticRank:metric=DCG", "binary", [RAW]), ("LambdaMart:metric=NDCG", "binary", [RAW]),
    ("LogCosh", "number", [RAW]), ("Huber:delta=1.0", "number", [RAW]), ("Cox", "positive", [RAW]),
    ("SurvivalAft", "interval", [RAW]), ("MultiQuantile:alpha=0.1,0.5,0.9", "number", [RAW]),
]
GROUPED = ("YetiRank", "PairLogit", "Query", "StochasticRank", "LambdaMart")
LABELS = {"binary": [["no", "yes"], [-1, 1], [0.25, 1.5], [False, True], [3, 9]],
          "classes": [["w", "x", "y", "z"], [5, -1, 7, 100], [0.5, 1.5, 2.5, 4.0], ["10", "2", "1.0", "é"]]}
SIX = ["a", "b", "c", "d", "e", "f"]


def make(root, seed):
    rng = np.random.default_rng(seed)
    case = Case(root, "catboost", seed)
    loss, kind, types = one_of(rng, LOSSES)
    table = Table(rng, loss)
    y = labels(rng, table.x, kind)
    params = settings(rng, seed, loss, kind, table, y)
    if kind in LABELS and not loss.startswith(GROUPED) and rng.random() < 0.4:
        names = one_of(rng, LABELS[kind])
        if kind == "classes" and rng.random() < 0.3:
            # More classes than the data has, some of them between those that it has.
            params["class_names"] = SIX
            names = [SIX[place] for place in sorted(rng.permutation(len(SIX))[:4])]
        y = np.array(names, dtype=object if isinstance(names[0], str) else None)[y]
        sometimes(rng, 0.5 if "class_names" not in params else 0.0, params, "class_names", [names])
    model = trained(rng, params, table, y, loss)
    model.save_model(case.path("model.json"), format="json", pool=table.pool(table.columns, y) if table.categorical else None)
    with open(case.path("model.json")) as file:
        info = json.load(file)["features_info"]
    fresh = table.fresh(rng, info)
    if table.categorical:
        write_table(case.path("rows.csv"), table.names, fresh)
    else:
        np.save(case.path("rows.npy"), np.array(fresh, dtype=np.float32).T)
    answers(case, rng, model, table, fresh, params, loss, types)
    model.save_model(case.model("model.cbm", "cbm"))
    # The JSON does not say which of several targets a statistic belongs to.
    if not table.categorical or np.ndim(y) == 1:
        case.model("model.json", "json")
    case.finish(params)


class Table:
    """Columns of numbers and of categories in any order."""

    def __init__(self, rng, loss):
        self.x = numbers(rng, 200, int(rng.integers(1, 6)))
        self.grouped = loss.startswith(GROUPED)
        self.names, self.columns = [], []
        if rng.random() < 0.9:
            self.names = [f"n{place}" for place in range(self.x.shape[1])]
            self.columns = [self.x[:, place].astype(np.float32) for place in range(self.x.shape[1])]
        fewest = 0 if self.names else 1
        for place in range(int(rng.integers(fewest, 4 + fewest))):
            values = [str(int(v)) for v in rng.integers(-5, 40, size=len(self.x))] if rng.random() < 0.5 else \
                [WORDS[i] for i in rng.integers(0, rng.integers(2, len(WORDS)), size=len(self.x))]
            at = int(rng.integers(0, len(self.names) + 1))
            self.names.insert(at, f"c{place}")
            self.columns.insert(at, np.array(values, dtype=object))
        self.categorical = [i for i, name in enumerate(self.names) if name.startswith("c")]

    def pool(self, columns, y=None):
        from catboost import Pool

        data = [[column[i] for column in columns] for i in range(len(columns[0]))]
        group = [i // 20 for i in range(len(data))] if self.grouped else None
        return Pool(data, y, cat_features=self.categorical, feature_names=self.names, group_id=group)

    def fresh(self, rng, info):
        """New rows: numbers at the borders, categories never seen; NaN only where the library takes it."""
        borders, takes_nan = {}, set()
        for feature in info.get("float_features") or []:
            borders[feature["flat_feature_index"]] = feature["borders"] or []
            if feature["has_nans"]:
                takes_nan.add(feature["flat_feature_index"])
        numeric = [i for i in range(len(self.names)) if i not in self.categorical]
        x = np.array([self.columns[i] for i in numeric]).T if numeric else np.zeros((len(self.x), 1), np.float32)
        plain = hard_rows(rng, x, {j: borders.get(i, []) for j, i in enumerate(numeric)}, True, np.float32)
        fresh = []
        for i, column in enumerate(self.columns):
            if i in self.categorical:
                values = column[rng.integers(len(column), size=len(plain))].copy()
                for place in rng.integers(len(values), size=12):
                    values[place] = one_of(rng, ["never seen", "", "é" * 20, "-17", "x" * 70, "y" * 130])
                fresh.append(values)
            else:
                values = plain[:, numeric.index(i)]
                fresh.append(values if i in takes_nan else np.where(np.isnan(values), np.float32(0.5), values))
        return fresh


def labels(rng, x, kind):
    if kind == "shares":
        return 1 / (1 + np.exp(-target(rng, x, "many")))
    if kind == "interval":
        y = target(rng, x, "positive")
        return np.array([y, np.where(rng.random(len(y)) < 0.3, -1, y * 1.1)]).T
    return target(rng, x, kind)


def settings(rng, seed, loss, kind, table, y):
    params = {"loss_function": loss, "iterations": int(rng.integers(1, 25)),
              "depth": int(rng.integers(1, 8 if loss.endswith("Pairwise") or rng.random() < 0.7 else 12)),
              "random_seed": seed, "thread_count": 1, "verbose": 0, "allow_writing_files": False,
              "nan_mode": str(rng.choice(["Min", "Max"])), "border_count": int(rng.choice([1, 3, 32, 254, 255, 1000])),
              "one_hot_max_size": int(rng.choice([2, 10, 60])), "max_ctr_complexity": int(rng.integers(1, 4))}
    numeric = [place for place in range(len(table.names)) if place not in table.categorical]
    if numeric and rng.random() < 0.5:
        params["per_float_feature_quantization"] = [
            f"{place}:nan_mode={one_of(rng, ['Min', 'Max'])},border_count={one_of(rng, [1, 5, 40])}"
            for place in numeric if rng.random() < 0.7 or place == numeric[0]
        ]
    pairwise = loss in ("YetiRankPairwise", "PairLogitPairwise")
    if pairwise:
        params["one_hot_max_size"] = 1
    if rng.random() < 0.5 and not table.grouped and np.ndim(y) == 1:
        params["grow_policy"] = one_of(rng, ["Depthwise", "Lossguide", "SymmetricTree"])
        if params["grow_policy"] == "Lossguide":
            params["max_leaves"] = int(rng.integers(2, 40))
    if table.categorical and rng.random() < 0.6:
        kinds = ["Borders", "Buckets", "BinarizedTargetMeanValue", "Counter"]
        params["simple_ctr"] = [f"{k}:Prior={p}" for k, p in zip(rng.permutation(kinds)[:2], [0.3, 1])]
        params["combinations_ctr"] = [one_of(rng, kinds)]
    if table.categorical and rng.random() < 0.3 and loss == "RMSE":
        params["simple_ctr"] = ["Borders:TargetBorderCount=3", "Buckets:TargetBorderCount=4"]
    if table.categorical:
        sometimes(rng, 0.2, params, "counter_calc_method", ["Full", "SkipTest"])
        sometimes(rng, 0.2, params, "model_size_reg", [0.0])
        sometimes(rng, 0.2, params, "ctr_leaf_count_limit", [2, 5])
        sometimes(rng, 0.2, params, "store_all_simple_ctr", [True])
    if not pairwise and loss != "Cox" and params.get("grow_policy", "SymmetricTree") == "SymmetricTree":
        sometimes(rng, 0.3, params, "boosting_type", ["Plain", "Ordered"])
    sometimes(rng, 0.2, params, "bootstrap_type", ["Bernoulli", "MVS", "No"])
    sometimes(rng, 0.2, params, "l2_leaf_reg", [0.1, 30.0])
    sometimes(rng, 0.2, params, "random_strength", [0.0, 5.0])
    sometimes(rng, 0.2, params, "feature_border_type", ["Uniform", "MinEntropy", "Median"])
    sometimes(rng, 0.2 if loss == "RMSE" else 0.0, params, "boost_from_average", [False, True])
    sometimes(rng, 0.1, params, "model_shrink_rate", [0.1])
    return params


def trained(rng, params, table, y, loss):
    from catboost import CatBoost, CatBoostClassifier, sum_models

    # A classifier alone has a threshold.
    is_classifier = loss == "Logloss"
    model = CatBoostClassifier(**params) if is_classifier else CatBoost(params)
    model.fit(table.pool(table.columns, y))
    if not table.grouped and rng.random() < (0.3 if loss == "RMSE" else 0.1):
        other = CatBoost({**params, "random_seed": params["random_seed"] + 1, "iterations": 3})
        other.fit(table.pool(table.columns, y))
        policy = one_of(rng, ["IntersectingCountersAverage", "LeaveMostDiversifiedTable"])
        model = sum_models([model, other], weights=[0.7, 0.4], ctr_merge_policy=policy)
    elif model.tree_count_ > 3 and params.get("grow_policy", "SymmetricTree") == "SymmetricTree" and rng.random() < 0.1:
        model.shrink(ntree_start=1, ntree_end=model.tree_count_ - 1)
    if is_classifier and rng.random() < 0.2:
        model.set_probability_threshold(float(rng.choice([0.3, 0.8])))
    if np.ndim(y) == 1 and not loss.startswith(("Multi", "RMSEWith")) and rng.random() < 0.2:
        model.set_scale_and_bias(float(rng.choice([0.5, -2.0])), float(rng.choice([0.0, 100.0])))
    return model


def answers(case, rng, model, table, fresh, params, loss, types):
    data, rows = table.pool(fresh), len(fresh[0])
    chosen = {}
    if model.tree_count_ > 4 and rng.random() < 0.3:
        chosen = {"ntree_start": int(rng.integers(0, 3)), "ntree_end": int(rng.integers(3, model.tree_count_ + 1))}
        case.options.update(chosen)
    prediction = one_of(rng, types)
    case.options["prediction_type"] = prediction
    case.answer("margin", model.predict(data, prediction_type="RawFormulaVal", **chosen), "exact")
    predicted = np.asarray(model.predict(data, prediction_type=prediction, **chosen))
    if prediction == "Class":
        predicted = predicted.reshape(rows, -1).astype(str)
    case.answer("prediction", predicted, "exact" if prediction == "Class" else {"rel": 1e-12})
    if loss.startswith(("Logloss", "MultiClass", "MultiLogloss", "CrossEntropy", "MultiCrossEntropy")):
        told = model.predict(data, prediction_type="Class", **chosen)
        case.answer("class", np.asarray(told).reshape(rows, -1), "exact")
        case.answer("log_probability", model.predict(data, prediction_type="LogProbability", **chosen), {"rel": 1e-12})
    leaf = np.asarray(model.calc_leaf_indexes(data, **chosen)).reshape(rows, -1)
    case.answer("leaf", leaf.astype(np.int32), "exact")
    # Of some unbalanced trees the library's contributions are wrong: they do not even add up to its own margin.
    # Of models with a scale it tells none.
    is_even = params.get("grow_policy", "SymmetricTree") == "SymmetricTree"
    if not chosen and is_even and model.get_scale_and_bias()[0] == 1.0:
        few = table.pool([column[:12] for column in fresh])
        case.answer("contributions", model.get_feature_importance(few, type="ShapValues", thread_count=1), {"row": 1e-9})
