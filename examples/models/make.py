#!/usr/bin/env python3
"""Makes the example models, their golden rows and the sample rows, all from data sets that scikit-learn carries.

    python -m pip install -r requirements.txt
    python make.py            trains, writes, prints how well each model does on rows that it has not seen
    python make.py --check    writes nothing; runs the models that lie here over their golden rows

The expected outputs in every `golden.npz` are ONNX Runtime's (CPU, one thread).
"""
import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nets import IR_VERSION, OPSET, Graph

MODELS = Path(__file__).resolve().parent
EXAMPLES = MODELS.parent
PIPELINES, ROWS = EXAMPLES / "pipelines", EXAMPLES / "rows"
SEED, GOLDEN_ROWS = 20240601, 12
IRIS_COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def split(x, y, share=0.25):
    return train_test_split(x, y, test_size=share, random_state=SEED, stratify=y)


def iris():
    """Logistic regression over four named columns."""
    data = load_iris()
    x, x_test, y, y_test = split(data.data.astype(np.float32), data.target)
    scaler = StandardScaler().fit(x)
    trained = LogisticRegression(max_iter=1000).fit(scaler.transform(x), y)

    graph = Graph("iris", "Species of an iris from four lengths in cm: setosa, versicolor, virginica")
    last = graph.weight("last_axis", np.array([1], dtype=np.int64))
    columns = [graph.step("Unsqueeze", graph.input(name), last) for name in IRIS_COLUMNS]
    features = graph.standardise(graph.step("Concat", *columns, axis=1), scaler)
    graph.classify(graph.dense(features, "linear", trained.coef_.T, trained.intercept_), classes=3)

    rows = {name: x_test[:, i].copy() for i, name in enumerate(IRIS_COLUMNS)}
    write(MODELS / "iris/1", graph.model(), rows, y_test, "label")
    write_csv(ROWS / "iris.csv", IRIS_COLUMNS, x_test)
    with open(ROWS / "iris.jsonl", "w", encoding="utf-8") as out:
        for row in x_test[:5]:
            out.write(json.dumps({n: round(float(v), 1) for n, v in zip(IRIS_COLUMNS, row)}) + "\n")


def breast_cancer():
    """A perceptron of two hidden layers over one input of 30 features; the answer is how probably a tumour is malignant."""
    data = load_breast_cancer()
    x, x_test, y, y_test = split(data.data.astype(np.float32), (data.target == 0).astype(int))
    scaler = StandardScaler().fit(x)
    trained = MLPClassifier((16, 8), alpha=0.1, max_iter=2000, random_state=SEED).fit(scaler.transform(x), y)

    graph = Graph("breast_cancer", "Probability that a breast tumour is malignant, from 30 measures of its cell nuclei")
    at = graph.standardise(graph.input("features", 30), scaler)
    layers = list(zip(trained.coefs_, trained.intercepts_))
    for i, (weights, bias) in enumerate(layers):
        at = graph.dense(at, f"layer{i}", weights, bias)
        if i + 1 < len(layers):
            at = graph.step("Relu", at)
    graph.step("Sigmoid", at, out="malignant")
    graph.output("malignant", TensorProto.FLOAT, 1)

    write(MODELS / "breast_cancer/1", graph.model(), {"features": x_test}, y_test, "malignant")
    write_csv(ROWS / "breast_cancer.csv", [f"features[{i}]" for i in range(30)], x_test[:60])


def digits():
    """Two versions under one signature: a linear model, and a convolution with filters found by k-means."""
    data = load_digits()
    x, x_test, y, y_test = split(data.images.astype(np.float32), data.target)
    digits_linear(x, x_test, y, y_test)
    digits_convolution(x, x_test, y, y_test)
    np.save(ROWS / "digits.npy", x_test[:64])


def digits_linear(x, x_test, y, y_test):
    trained = LogisticRegression(C=0.1, max_iter=5000).fit(x.reshape(len(x), -1) / 16, y)
    graph = Graph("digits", "Which digit an image of 8 by 8 grey levels (0 to 16) shows; a linear model")
    level = graph.step("Div", graph.input("image", 8, 8), graph.floats("white", 16.0))
    flat = graph.step("Flatten", level, axis=1)
    graph.classify(graph.dense(flat, "linear", trained.coef_.T, trained.intercept_), classes=10)
    write(MODELS / "digits/1", graph.model(), {"image": x_test}, y_test, "label")


def digits_convolution(x, x_test, y, y_test):
    filters, bias = patch_filters(x / 16)
    features = pooled(x / 16, filters, bias)
    trained = LogisticRegression(C=1.0, max_iter=5000).fit(features, y)
    graph = Graph("digits", "Which digit an image of 8 by 8 grey levels (0 to 16) shows; a small convolutional network")
    level = graph.step("Div", graph.input("image", 8, 8), graph.floats("white", 16.0))
    planes = graph.step("Unsqueeze", level, graph.weight("channel_axis", np.array([1], dtype=np.int64)))
    convolved = graph.step("Conv", planes, graph.floats("filters", filters[:, None]), graph.floats("thresholds", bias),
                           kernel_shape=[3, 3])
    small = graph.step("MaxPool", graph.step("Relu", convolved), kernel_shape=[2, 2], strides=[2, 2])
    flat = graph.step("Flatten", small, axis=1)
    graph.classify(graph.dense(flat, "linear", trained.coef_.T, trained.intercept_), classes=10)
    write(MODELS / "digits/2", graph.model(), {"image": x_test}, y_test, "label")


def patch_filters(images, count=24):
    """Centres of k-means over centred, normalised 3 by 3 patches (Coates, Ng, Lee 2011), each with a small threshold."""
    random = np.random.default_rng(SEED)
    chosen = images[random.choice(len(images), 400, replace=False)]
    patches = np.concatenate([extract_patches_2d(image, (3, 3)).reshape(-1, 9) for image in chosen])
    patches = patches - patches.mean(axis=1, keepdims=True)
    size = np.linalg.norm(patches, axis=1, keepdims=True)
    patches = (patches / np.maximum(size, 1e-6))[size[:, 0] > 0.3]
    centres = KMeans(count, n_init=3, random_state=SEED).fit(patches).cluster_centers_
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return centres.reshape(count, 3, 3).astype(np.float32), np.full(count, -0.1, dtype=np.float32)


def pooled(images, filters, bias):
    """What the network has before its last layer: convolution, Relu, the largest of each 2 by 2."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    planes = np.maximum(np.einsum("nhwij,cij->nchw", windows, filters) + bias[None, :, None, None], 0)
    n, c, h, w = planes.shape
    return planes.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5)).reshape(n, -1)


def iris_pipeline():
    """What skl2onnx writes of a pipeline with a column of words, and lengths that may be missing: `ai.onnx.ml`, functions of
    its own, strings, class names in a ZipMap."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    import pandas

    data = load_iris()
    frame = pandas.DataFrame(data.data.astype(np.float32), columns=IRIS_COLUMNS)
    width = frame.pop("petal_width")
    frame["petal"] = np.where(width < 0.8, "narrow", np.where(width < 1.75, "medium", "wide"))
    x, x_test, y, y_test = split(frame, data.target_names[data.target])
    numbers, words = IRIS_COLUMNS[:3], ["petal"]
    columns = ColumnTransformer([("numbers", make_pipeline(KNNImputer(), StandardScaler()), numbers), ("words", OneHotEncoder(handle_unknown="ignore"), words)])
    trained = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(x, y)

    kinds = [(n, FloatTensorType([None, 1])) for n in numbers] + [(n, StringTensorType([None, 1])) for n in words]
    model = to_onnx(trained, initial_types=kinds, target_opset={"": 18, "ai.onnx.ml": 3}, name="iris_pipeline")
    model.ir_version = IR_VERSION
    model.doc_string = "Species of an iris from three lengths in cm, NaN for unknown, and the petal's width in words: narrow, medium, wide"
    onnx.checker.check_model(model)

    rows = {n: x_test[[n]].to_numpy(np.float32) for n in numbers} | {n: x_test[[n]].to_numpy(object) for n in words}
    write(PIPELINES / "iris_pipeline/1", model, rows, y_test, "output_label")
    with open(ROWS / "iris_pipeline.csv", "w", newline="", encoding="utf-8") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(numbers + words)
        table.writerows([f"{v:.1f}" for v in row[:3]] + [row[3]] for row in x_test.itertuples(index=False))


def write(folder, model, rows, truth, answer):
    """The model, and golden rows as ONNX Runtime answers them; prints the share of right answers."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    found = answers(folder / "model.onnx", rows)
    guess = found[answer].reshape(len(truth), -1)[:, 0]
    right = accuracy_score(truth, guess > 0.5 if guess.dtype == np.float32 else guess)
    golden = {name: storable(array[:GOLDEN_ROWS]) for name, array in (rows | found).items()}
    np.savez(folder / "golden.npz", **golden)
    kib = (folder / "model.onnx").stat().st_size / 1024
    print(f"{folder.relative_to(EXAMPLES)}: {right:.3f} of {len(truth)} held-out rows right, {kib:.1f} KiB")


def answers(path, rows):
    """Outputs by name; a ZipMap's list of maps as one array [rows, classes]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = session.run(None, rows)
    flat = [np.array([list(row.values()) for row in v], np.float32) if isinstance(v, list) else v for v in found]
    return dict(zip([o.name for o in session.get_outputs()], flat))


def storable(array):
    """NPZ holds text as bytes of one width."""
    return np.char.encode(array.astype(str), "utf-8") if array.dtype.kind in "OU" else array


def write_csv(path, names, rows):
    with open(path, "w", newline="", encoding="utf-8") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(names)
        table.writerows([np.format_float_positional(v, trim="-") for v in row] for row in rows)


def check():
    """Runs every model that lies here over its golden rows; gives the number of those that differ."""
    wrong = 0
    for golden in sorted(EXAMPLES.glob("*/*/*/golden.npz")):
        held = dict(np.load(golden))
        model = golden.with_name("model.onnx")
        inputs = {i.name for i in onnxruntime.InferenceSession(str(model)).get_inputs()}
        text = lambda a: np.char.decode(a, "utf-8").astype(object) if a.dtype.kind == "S" else a
        found = answers(model, {name: text(held[name]) for name in inputs})
        bad = [n for n, a in found.items() if not same(storable(a), held[n])]
        wrong += bool(bad)
        print(f"{model.relative_to(EXAMPLES)}: {'differs in ' + ', '.join(bad) if bad else 'as expected'}")
    return wrong


def same(found, held):
    return np.allclose(found, held, rtol=1e-5, atol=1e-5) if held.dtype.kind == "f" else np.array_equal(found, held)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run the models that lie here over their golden rows")
    if parser.parse_args().check:
        return 1 if check() else 0
    for folder in (ROWS, PIPELINES):
        folder.mkdir(exist_ok=True)
    for make in (iris, breast_cancer, digits, iris_pipeline):
        make()
    settings()
    return 0


def settings():
    """Golden rows belong to one version: where a model has several, each says which are its own."""
    for folder in (MODELS / "iris", MODELS / "breast_cancer", PIPELINES / "iris_pipeline"):
        (folder / "model.toml").write_text('golden = "1/golden.npz"\n', encoding="utf-8")
    for version in ("1", "2"):
        (MODELS / "digits" / version / "model.toml").write_text('golden = "golden.npz"\n', encoding="utf-8")
    policy = "[versions]\nall = true\n\n[labels]\nstable = 1\ncanary = 2\n"
    (MODELS / "digits/model.toml").write_text(policy, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
