"""TensorFlow's shared cases and the movie recommenders: rows and answers that TensorFlow itself has given."""
import csv
import functools
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import requests
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_service_pb2_grpc

from expect import refused_by_grpc, same
from server import SHARED, Running
from tensors import array_of, proto_of

CASES = SHARED / "conformance/tensorflow"
MOVIES = SHARED / "data/movielens"
STARTING_SECONDS = 300
# What TensorFlow Serving's JSON has no form for, and what it says: these cases are answered over gRPC alone.
WITHOUT_JSON = {"dtype_all_ints": "to type: uint16", "dtype_float16": "to type: half", "dtype_complex64": "Failed to write JSON value",
                "dtype_binary_string": "is no UTF-8", "no_rows": "ndims"}
# Converting a Keras file takes seconds; these hold layers that other files have too.
LEFT_OUT = ("keras_h5_", "keras_v3_mlp", "keras_v3_cnn", "keras_v3_transformer")


def with_shared(folder):
    """Once, where TensorFlow and the shared folder are; `run.py` says what is missing."""
    def marked(test):
        test.engine = "onnxruntime"
        there = importlib.util.find_spec("tensorflow") and (SHARED / folder).is_dir()
        test.left_out = None if there else "TensorFlow or shared cases are missing"
        return test
    return marked


@functools.cache
def unpacked(archive):
    """The folder that a shared archive lies unpacked in; made once, removed with this process."""
    folder = tempfile.TemporaryDirectory(prefix="landfall-shared-")
    unpacked.kept = [*getattr(unpacked, "kept", []), folder]
    with tarfile.open(archive) as tar:
        tar.extractall(folder.name, filter="data")
    return Path(folder.name)


@contextmanager
def served(server, tables, *flags):
    """A server of the models of a landfall.toml."""
    with tempfile.TemporaryDirectory(prefix="landfall-state-") as state:
        config = Path(state) / "landfall.toml"
        config.write_text("\n".join(tables))
        running = Running([server.landfall, "serve", "--config", str(config), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--state", state,
                           "--python", sys.executable, *flags], STARTING_SECONDS)
        try:
            yield running
        finally:
            running.stop()


def table(name, path, options=()):
    lines = [f"[models.{name}]", f"path = {json.dumps(str(path))}", f"[models.{name}.options]"]
    return "\n".join(lines + [f"{key} = {json.dumps(value)}" for key, value in options])


def asked_by_grpc(running, model, signature, arrays):
    """Outputs by name."""
    question = predict_pb2.PredictRequest()
    question.model_spec.name, question.model_spec.signature_name = model, signature or ""
    for key, value in arrays.items():
        question.inputs[key].CopyFrom(proto_of(value))
    with grpc.insecure_channel(running.grpc) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(question, 60)
    return {key: array_of(value) for key, value in answer.outputs.items()}


# ------------------------------------------------------------------------------------------------ the shared cases

def checker():
    """The comparison that comes with the cases."""
    spec = importlib.util.spec_from_file_location("landfall_shared_check", CASES / "check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options_of(case):
    options = []
    if case.get("tags", ["serve"]) != ["serve"]:
        options.append(("tags", ",".join(case["tags"])))
    if case["kind"] == "graph_def" and case["inputs"]:
        options += [(side, ",".join(one["tensor"] for one in case[side])) for side in ("inputs", "outputs")]
    return options


def arrays(folder, name):
    path = folder / name
    return dict(np.load(path)) if path.is_file() else {}


def texts(value):
    """An array as JSON has it: bytes as text, or as {"b64"} where they are none."""
    import base64
    if isinstance(value, list):
        return [texts(one) for one in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


def asked_by_rest(running, case, folder):
    """Outputs as the answer has them, or the refusal's text as `str`."""
    recorded = folder / "rest.json"
    if recorded.is_file():
        body = json.loads(recorded.read_text())
        verb, body = body["verb"], body["body"]
    else:
        rows = arrays(folder, "rows.npz")
        verb, body = "predict", {"inputs": {key: texts(value.tolist()) for key, value in rows.items()}}
        if case.get("signature"):
            body["signature_name"] = case["signature"]
    answer = requests.post(running.url(f"/v1/models/{case['name']}:{verb}"), data=json.dumps(body), timeout=60)
    return answer.json() if answer.ok else answer.json()["error"]


def difference(check, running, case, folder):
    """What is wrong with a case, over both doors; `None` where nothing is."""
    by_rest = asked_by_rest(running, case, folder)
    if not case["expect"].startswith("ok"):
        return None if isinstance(by_rest, str) and by_rest else f"answered, an error is due: {by_rest}"
    golden, answers = arrays(folder, "golden.npz"), []
    without_json = WITHOUT_JSON.get(case["name"])
    if isinstance(by_rest, dict):
        answers = [("REST", check.from_json(by_rest, case, golden))]
    elif case["expect"] == "ok_or_error" and by_rest:
        return None
    elif without_json is None or without_json not in by_rest:
        return f"REST: {by_rest}"
    if not case.get("method", "").endswith(("classify", "regress")):
        try:
            answers.append(("gRPC", asked_by_grpc(running, case["name"], case.get("signature"), arrays(folder, "rows.npz"))))
        except grpc.RpcError as error:
            return f"gRPC: {error.details()}"
    for door, found in answers:
        for key, want in golden.items():
            why = check.compare(np.asarray(found[key]), want, case["tolerance"]) if key in found else "missing"
            if why:
                return f"{door}, output {key}: {why}"
    return None


def state_of(running, model):
    """State and error text of a model's only version."""
    answer = requests.get(running.url(f"/v1/models/{model}"), timeout=60).json()
    status = answer["model_version_status"][0]
    return status["state"], status["status"]["error_message"]


@with_shared("conformance/tensorflow")
def shared_cases_are_answered_or_refused_over_both_doors_of_one_server(server):
    check, root = checker(), unpacked(CASES / "cases.tar.xz") / "cases"
    cases = [json.loads(path.read_text()) for path in sorted(root.glob("*/case.json"))]
    cases = [case for case in cases if not case["name"].startswith(LEFT_OUT)]
    assert len(cases) > 80, len(cases)
    tables = [table(case["name"], os.path.normpath(root / case["name"] / case["path"]), options_of(case)) for case in cases]
    wrong = []
    with served(server, tables) as running:
        for case in cases:
            state, message = state_of(running, case["name"])
            is_there = state == "AVAILABLE"
            if case["expect"] == "load_error" and (is_there or not message):
                wrong.append(f"{case['name']}: {state} {message!r}, a load error is due")
            if case["expect"] in ("ok", "predict_error") and not is_there:
                wrong.append(f"{case['name']}: {state}: {message}")
                continue
            why = difference(check, running, case, root / case["name"])
            wrong += [f"{case['name']}: {why}"] if why else []
    same(wrong, [])


def example(**features):
    """A tf.Example: bytes, whole numbers or reals by what the lists hold."""
    message = example_pb2.Example()
    for name, values in features.items():
        feature = message.features.feature[name]
        field = {bytes: feature.bytes_list, int: feature.int64_list, float: feature.float_list}[type(values[0])]
        field.value.extend(values)
    return message


@with_shared("conformance/tensorflow")
def examples_of_wrong_types_are_refused_and_good_ones_answered_after(server):
    model = unpacked(CASES / "cases.tar.xz") / "cases/example_classify/model"
    good = example(x=[1.0, 2.0, 3.0, 4.0], kind=[b"old"])
    wrong = {"x as text": example(x=[b"1"] * 4, kind=[b"old"]), "x as whole numbers": example(x=[1, 2, 3, 4], kind=[b"old"]),
             "x too short": example(x=[1.0], kind=[b"old"]), "no x": example(kind=[b"old"]), "kind as a number": example(x=[1.0] * 4, kind=[3])}
    with served(server, [table("m", model)]) as running, grpc.insecure_channel(running.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def classified(*examples):
            question = classification_pb2.ClassificationRequest()
            question.model_spec.name, question.model_spec.signature_name = "m", "classify"
            question.input.example_list.examples.extend(examples)
            return stub.Classify(question, 60)

        before = classified(good)
        for name, bad in wrong.items():
            # A good one beside it does not save it.
            refused_by_grpc(grpc.StatusCode.INVALID_ARGUMENT, lambda: classified(good, bad), "x" if "x" in name else "kind")
            same(classified(good).result, before.result)


# ------------------------------------------------------------------------------------------------ movie recommenders

RECOMMENDERS = ("MLPRec/002", "MLPRec/004", "MLPRec/005", "neuralcf/001", "neuralcf/002")
NUMPY = {"DT_FLOAT": np.float32, "DT_INT32": np.int32, "DT_STRING": object}


def as_served(path):
    return path.replace("/", "_")


def close(found, want):
    found = np.asarray(found, np.float32)
    same(found.shape, want.shape)
    assert np.allclose(found, want, rtol=1e-5, atol=1e-5), np.abs(found - want).max()


def metadata(running, model):
    """Inputs of the default signature: name, type, number of axes."""
    answer = requests.get(running.url(f"/v1/models/{model}/metadata"), timeout=60).json()
    inputs = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
    return {key: (value["dtype"], len(value["tensor_shape"]["dim"])) for key, value in inputs.items()}


def cell(text, dtype):
    """A cell as the signature has its column; one that is empty is missing."""
    if text == "":
        return None
    return text if dtype == "DT_STRING" else int(text) if dtype == "DT_INT32" else float(text)


@with_shared("data/movielens")
def recommenders_answer_200_rows_with_empty_cells_over_all_doors(server):
    models, golden = unpacked(MOVIES / "models.tar.xz"), np.load(MOVIES / "golden.npz")
    table_of_rows = MOVIES / "testSamples.first200.csv"
    with open(table_of_rows, newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(1 for row in rows for text in row.values() if text == "") > 50, "rows without empty cells prove nothing"
    tables = [table(as_served(path), models / path) for path in RECOMMENDERS]
    with served(server, tables, "--on-missing", "zero") as running:
        for path in RECOMMENDERS:
            name, want = as_served(path), golden[as_served(path)]
            inputs = metadata(running, name)
            shaped = lambda value, axes: [value] if axes == 2 else value  # noqa: E731
            instances = [{key: shaped(cell(row[key], dtype), axes) for key, (dtype, axes) in inputs.items()} for row in rows]
            answer = requests.post(running.url(f"/v1/models/{name}:predict"), json={"instances": instances}, timeout=60)
            close(answer.json()["predictions"], want)
            columns = {key: filled([cell(row[key], dtype) for row in rows], dtype, axes) for key, (dtype, axes) in inputs.items()}
            close(*asked_by_grpc(running, name, None, columns).values(), want)
            close(predicted(server, models / path, table_of_rows), want)


def filled(cells, dtype, axes):
    """A column as gRPC clients send it, who know no missing value."""
    empty = b"" if dtype == "DT_STRING" else 0
    cells = [empty if one is None else one.encode() if isinstance(one, str) else one for one in cells]
    return np.array(cells, NUMPY[dtype]).reshape([len(cells)] + [1] * (axes - 1))


def predicted(server, model, rows):
    """`landfall predict` over the table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [server.landfall, "predict", str(model), "-i", str(rows), "-o", f"{folder}/out.npz", "--on-missing", "zero", "--python", sys.executable]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        same((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        return next(iter(dict(np.load(f"{folder}/out.npz")).values()))
