"""Trains the models that are measured, each library its own, on one made-up table; and writes the table's rows.

Small is 10 trees of depth 3, medium 100 of depth 6, large 1000 of depth 8 (XGBoost, CatBoost) or of 255 leaves (LightGBM).
LightGBM has one more, as it trains without settings: 100 trees of 31 leaves, as deep as they grow.
"""
import json
from pathlib import Path

import numpy as np

FEATURES = 28
ROWS = 60_000
SHAPES = {"small": (10, 3), "medium": (100, 6), "large": (1000, 8)}
# LightGBM's: the most leaves and levels, -1 for any.
LEAVES = {"small": (8, 3), "medium": (64, 6), "large": (255, -1), "default": (31, -1)}


def table(seed=7):
    """Rows with a missing value in fifty, and what is learned from them: sums of waves and products, and noise."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    target = sum(np.sin(3 * rows[:, f]) * rows[:, (f + 5) % FEATURES] for f in range(FEATURES))
    target = target + random.normal(size=ROWS)
    rows[random.random(rows.shape) < 0.02] = np.nan
    return rows, target.astype(np.float32)


def xgboost(folder, rows, target):
    import xgboost as xgb

    data = xgb.DMatrix(rows, target)
    for name, (trees, depth) in SHAPES.items():
        path = folder / f"xgboost-{name}.ubj"
        if not path.exists():
            settings = {"max_depth": depth, "eta": 0.1, "objective": "reg:squarederror", "min_child_weight": 1}
            booster = xgb.train(settings, data, trees)
            booster.save_model(path)
            (folder / f"xgboost-{name}.onnx").write_bytes(as_onnx(booster))
        as_json = path.with_suffix(".json")
        if not as_json.exists():
            xgb.Booster(model_file=path).save_model(as_json)


def lightgbm(folder, rows, target):
    import lightgbm as lgb

    for name, (leaves, depth) in LEAVES.items():
        path = folder / f"lightgbm-{name}.txt"
        if not path.exists():
            trees, _ = SHAPES.get(name, SHAPES["medium"])
            settings = {"num_leaves": leaves, "learning_rate": 0.1, "objective": "regression", "verbose": -1}
            lgb.train({**settings, "max_depth": depth}, lgb.Dataset(rows, target), trees).save_model(path)


def catboost(folder, rows, target):
    from catboost import CatBoostRegressor

    for name in ("medium", "large"):
        path = folder / f"catboost-{name}.cbm"
        if not path.exists():
            trees, depth = SHAPES[name]
            model = CatBoostRegressor(iterations=trees, depth=depth, allow_writing_files=False, verbose=False)
            model.fit(rows, target)
            model.save_model(str(path))


def ydf(folder, rows, target):
    import ydf as library

    columns = {f"f{f}": rows[:, f] for f in range(FEATURES)}
    for name in ("small", "medium"):
        path = folder / f"ydf-{name}"
        if not path.exists():
            trees, depth = SHAPES[name]
            # Depth counts nodes there.
            learner = library.GradientBoostedTreesLearner(
                label="y", task=library.Task.REGRESSION, num_trees=trees, max_depth=depth + 1,
                validation_ratio=0.0, early_stopping="NONE")
            learner.train({**columns, "y": target}, verbose=0).save(str(path))


def as_onnx(booster):
    """An XGBoost regression as `ai.onnx.ml.TreeEnsembleRegressor`."""
    from onnx import TensorProto, helper

    model = json.loads(booster.save_raw("json"))
    lists = {name: [] for name in (
        "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
        "nodes_falsenodeids", "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids",
        "target_weights")}
    for number, tree in enumerate(model["learner"]["gradient_booster"]["model"]["trees"]):
        for node, left in enumerate(tree["left_children"]):
            is_leaf = left < 0
            for key, value in (
                ("nodes_treeids", number), ("nodes_nodeids", node),
                ("nodes_featureids", 0 if is_leaf else tree["split_indices"][node]),
                ("nodes_modes", "LEAF" if is_leaf else "BRANCH_LT"),
                ("nodes_values", 0.0 if is_leaf else tree["split_conditions"][node]),
                ("nodes_truenodeids", 0 if is_leaf else left),
                ("nodes_falsenodeids", 0 if is_leaf else tree["right_children"][node]),
                ("nodes_missing_value_tracks_true", 0 if is_leaf else int(tree["default_left"][node])),
            ):
                lists[key].append(value)
            if is_leaf:
                lists["target_treeids"].append(number)
                lists["target_nodeids"].append(node)
                lists["target_ids"].append(0)
                lists["target_weights"].append(tree["split_conditions"][node])
    base = float(model["learner"]["learner_model_param"]["base_score"].strip("[]"))
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, base_values=[base], **lists)
    graph = helper.make_graph(
        [node], "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def make(folder):
    """All models and the rows; what is there already stays."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows, target = table()
    rows.tofile(folder / "rows.f32")
    for library in (xgboost, lightgbm, catboost, ydf):
        library(folder, rows, target)


if __name__ == "__main__":
    import sys

    make(sys.argv[1])
