"""SavedModels of many forms, and broken ones that come as new versions while a good one serves."""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import requests
import tritonclient.grpc as triton

from expect import has, same
from server import ROOT
from test_tensorflow import convert, made_by, served, with_tensorflow
from test_tensorflow_shared import asked_by_grpc
from test_tensorflow_shared import served as served_together
from test_tensorflow_shared import state_of, table

PATIENCE_SECONDS = 60
TEXTS = ROOT / "crates/landfall-tensorflow/tests/litert/fixtures/texts.tflite"
# What each broken model is to be refused with.
FAULTS = {"unknown_operator": "NobodysOwnOp", "other_tags": "{train}", "no_variables": "variables.index", "flipped_variables": "hecksum",
          "cut": "saved_model.pb", "warm_up_that_fails": "warm-up call 0", "writes_files": "WriteFile"}


def forms():
    return made_by("tensorflow_forms.py")


def rows_of(name):
    arrays = dict(np.load(forms() / f"{name}.npz"))
    return {key: value for key, value in arrays.items() if not key.startswith("want_")}, \
           {key.removeprefix("want_"): value for key, value in arrays.items() if key.startswith("want_")}


def difference(found, wanted):
    """What is wrong with the outputs of an answer; `None` where nothing is."""
    for name, want in wanted.items():
        if name not in found:
            return f"{name} is missing among {sorted(found)}"
        got = found[name].astype("S") if want.dtype.kind == "S" else found[name]
        if (got.dtype.kind, got.shape) != (want.dtype.kind, want.shape):
            return f"{name}: {got.dtype} {got.shape}, expected {want.dtype} {want.shape}"
        exact = want.dtype.kind not in "fc"
        if not (np.array_equal(got, want) if exact else np.allclose(got, want, rtol=1e-5, atol=1e-6)):
            return f"{name}: {got.ravel()[:4]}, expected {want.ravel()[:4]}"
    return None


@with_tensorflow
def saved_models_of_every_form_answer_as_tensorflow_does(server):
    names = sorted(path.parent.name for path in forms().glob("*/m"))
    assert len(names) > 20, names
    options = {"first_version": [("tags", "serve,gpu")]}
    wrong = []
    with served_together(server, [table(name, forms() / name / "m", options.get(name, ())) for name in names]) as running:
        for name in names:
            rows, wanted = rows_of(name)
            state, message = state_of(running, name)
            why = difference(asked_by_grpc(running, name, None, rows), wanted) if state == "AVAILABLE" else f"{state}: {message}"
            wrong += [f"{name}: {why}"] if why else []
        log = "".join(running.log)
    same(wrong, [])
    has(log, 'input "s": a tensor that is made of several', 'output "q" is left out: a tensor of DT_QINT8', "AssignAddVariableOp changes the model")


@with_tensorflow
def a_light_file_whose_shapes_show_in_a_run_answers_at_each_door_alone_and_together(server):
    rows, wanted = rows_of("highest")
    with served(server, forms() / "light/highest.tflite") as running:
        same(difference(asked_by_grpc(running, "m", None, rows), wanted), None)
        one = lambda at: asked_by_grpc(running, "m", None, {"x": rows["x"][at % 3:at % 3 + 1]})["highest"].tolist()  # noqa: E731
        with concurrent.futures.ThreadPoolExecutor(8) as callers:
            same(list(callers.map(one, range(24))), [wanted["highest"][at % 3:at % 3 + 1].tolist() for at in range(24)])
    with served(server, forms() / "light/positive.tflite") as running:
        for x, places in (([1.0, -1.0, 2.0], [[0], [2]]), ([-1.0], []), ([3.0] * 500, [[at] for at in range(500)])):
            answer = requests.post(running.url("/v1/models/m:predict"), json={"inputs": x}, timeout=20)
            same(answer.json(), {"outputs": places})
            same(asked_by_grpc(running, "m", None, {"x": np.array(x, np.float32)})["places"].tolist(), places)


@with_tensorflow
def a_division_that_the_processor_does_not_take_ends_no_server(server):
    # LiteRT looks for zeros, and not for the least number by -1.
    with served(server, forms() / "light/rest.tflite") as running:
        ask = lambda a, b: requests.post(running.url("/v1/models/m:predict"), json={"inputs": {"a": a, "b": b}}, timeout=20)  # noqa: E731
        for _ in range(3):
            same(ask([-2 ** 31, 7, -7, 5], [-1, -2, 2, -1]).json(), {"outputs": [0, -1, 1, 0]})
            answer = ask([1, 2], [1, 0])
            same(answer.status_code >= 400, True)
            has(answer.text, "Division by 0")


@with_tensorflow
def conversions_that_answer_otherwise_for_values_seldom_met_are_found_out(server):
    stays, goes = "runs on tensorflow, not on ONNX", "runs on ONNX, converted by"
    said = {"floored": goes, "wrapped": goes, "greatest": stays, "normed": goes, "divided_by": goes, "halved": stays, "begun": stays, "flagged": goes, "looked_up": goes}
    with served(server, forms() / "seldom/model", "--prefer", "onnx") as running:
        for name, where in said.items():
            rows, wanted = rows_of(f"seldom_{name}")
            same((name, difference(asked_by_grpc(running, "m", name, rows), wanted)), (name, None))
            has("".join(running.log), f'signature "{name}" {where}')
        for beyond in (-1, 3):
            body = {"signature_name": "looked_up", "inputs": [0, beyond]}
            same(requests.post(running.url("/v1/models/m:predict"), json=body, timeout=20).status_code >= 400, True)


@with_tensorflow
def a_factor_and_a_term_for_each_channel_become_one_operator(server):
    import onnx
    with tempfile.TemporaryDirectory() as folder:
        done = convert(server, forms() / "seldom/model", f"{folder}/m.onnx", "--signature", "normed")
        same((done.returncode, done.stderr), (0, done.stderr))
        operators = [node.op_type for node in onnx.load(f"{folder}/m.onnx").graph.node]
        same([name for name in operators if name in ("Mul", "Add", "BatchNormalization")], ["BatchNormalization"])


@with_tensorflow
def a_signature_that_reads_what_another_one_writes_stays_with_tensorflow(server):
    rows, wanted = rows_of("learned")
    with served(server, forms() / "learned/m", "--prefer", "onnx") as running:
        same(difference(asked_by_grpc(running, "m", None, rows), wanted), None)
        asked_by_grpc(running, "m", "learn", {"d": np.array([10, 20], np.float32)})
        same(difference(asked_by_grpc(running, "m", None, rows), {"y": np.array([[11, 22]], np.float32)}), None)
        has("".join(running.log), "AssignAddVariableOp changes the model")


@with_tensorflow
def a_light_file_of_strings_answers_at_each_door_alone_and_together(server):
    eye = np.eye(3, dtype=np.float32)
    labels = [b"cat", b"dog", "Vögel".encode()]
    with served(server, TEXTS) as running:
        asked = {"signature_name": "pick", "inputs": {"words": ["a", "", "Grüße"], "at": [2, 0, 2, 1]}}
        same(requests.post(running.url("/v1/models/m:predict"), json=asked, timeout=20).json(), {"outputs": ["Grüße", "a", "Grüße", ""]})
        same(asked_by_grpc(running, "m", "label", {"x": eye})["label"].tolist(), labels)
        caller = triton.InferenceServerClient(running.grpc)

        def one(number):
            row = triton.InferInput("x", [1, 3], "FP32")
            row.set_data_from_numpy(eye[number % 3:number % 3 + 1])
            return caller.infer("m", [row], parameters={"signature_name": "label"}).as_numpy("label").tolist()

        with concurrent.futures.ThreadPoolExecutor(8) as callers:
            same(list(callers.map(one, range(48))), [[labels[number % 3]] for number in range(48)])
        word = "long " * 2000
        answer = requests.post(running.url("/v1/models/m:predict"), json={"signature_name": "often", "instances": [[word], ["b"]]}, timeout=20)
        same([set(row) for row in answer.json()["predictions"]], [{word}, {"b"}])


@with_tensorflow
def what_changes_with_each_call_stays_with_tensorflow(server):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([server.landfall, "convert", str(forms() / "state/m"), f"{folder}/m.onnx"], capture_output=True, text=True,
                              timeout=240, env={**os.environ, "LANDFALL_PYTHON": sys.executable})
        same(done.returncode, 1)
        has(done.stderr, "AssignAddVariableOp changes the model", "keeps nothing from call to call")


@with_tensorflow
def a_path_of_a_library_that_is_wrong_is_an_error_and_no_other_is_taken(server):
    rows, _ = rows_of("good")
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/rows.npz", **rows)
        for path, fault in ((f"{folder}/none.so", "none.so is missing"), (f"{folder}/rows.npz", "tried --tensorflow")):
            done = subprocess.run([server.landfall, "predict", str(forms() / "bad/good"), "-i", f"{folder}/rows.npz", "-o", f"{folder}/out.npz", "--tensorflow", path],
                                  capture_output=True, text=True, timeout=60, env={**os.environ, "LANDFALL_PYTHON": sys.executable})
            same(done.returncode, 1)
            has(done.stderr, fault, path)


def status(running, version):
    found = requests.get(running.url("/v1/models/m"), timeout=20).json()["model_version_status"]
    return next((one for one in found if one["version"] == str(version)), None)


def until_it_ends(running, version):
    """Waits until a version has been given up; gives its error."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        one = status(running, version)
        if one and one["state"] == "END":
            return one["status"]["error_message"]
        assert not one or one["state"] != "AVAILABLE", f"version {version} serves"
        time.sleep(0.1)
    raise AssertionError(f"version {version}: {status(running, version)}")


@with_tensorflow
def broken_versions_say_what_is_wrong_and_the_good_one_goes_on_serving(server):
    rows, wanted = rows_of("good")
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "m"
        shutil.copytree(forms() / "bad/good", model / "1")
        with served(server, model) as running:
            for version, (name, fault) in enumerate(FAULTS.items(), start=2):
                # Beside its place first, so that it comes whole.
                shutil.copytree(forms() / "bad" / name, Path(scratch) / name)
                (Path(scratch) / name).rename(model / str(version))
                has(until_it_ends(running, version), fault)
                same(difference(asked_by_grpc(running, "m", None, rows), wanted), None)
            answer = requests.post(running.url("/v1/models/m/versions/2:predict"), json={"instances": [[1, 1, 1]]}, timeout=20)
            same(answer.status_code, 404)
            same(running.process.poll(), None)
    assert not (forms() / "written").exists(), "a model has written a file"


@with_tensorflow
def a_model_without_a_signature_loads_and_says_so_when_it_is_called(server):
    with served(server, forms() / "bad/no_signature") as running:
        answer = requests.post(running.url("/v1/models/m:predict"), json={"instances": [[1, 1, 1]]}, timeout=20)
        assert answer.status_code >= 400, answer.text
        has(answer.json()["error"], "serving_default")


@with_tensorflow
def a_library_that_is_not_there_is_said_with_how_to_get_it(server):
    with tempfile.TemporaryDirectory() as folder:
        rows, _ = rows_of("good")
        np.savez(f"{folder}/rows.npz", **rows)
        environment = {"PATH": "/usr/bin:/bin", "LANDFALL_PYTHON": "/no/such/python"}
        done = subprocess.run([server.landfall, "predict", str(forms() / "bad/good"), "-i", f"{folder}/rows.npz", "-o", f"{folder}/out.npz"],
                              capture_output=True, text=True, timeout=60, env=environment)
        same(done.returncode, 1)
        has(done.stderr, "libtensorflow_cc", "pip install tensorflow-cpu", "/no/such/python")
