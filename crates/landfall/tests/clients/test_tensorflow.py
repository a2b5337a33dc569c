"""Keras's and TensorFlow's models, each served with one command, against the answers of Keras and TensorFlow themselves."""
import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests

from expect import has, near, same
from server import Running

HERE = Path(__file__).resolve().parent
CONVERTING_SECONDS = 240


def with_tensorflow(test):
    """Once, and only where TensorFlow is."""
    test.engine = "onnxruntime"
    test.left_out = None if importlib.util.find_spec("keras") else "Keras is not installed"
    return test


@functools.cache
def made_by(script):
    """The folder of the models that a script makes; made once, removed with this process."""
    folder = tempfile.mkdtemp(prefix="landfall-tensorflow-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = subprocess.run([sys.executable, str(HERE / script), folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return Path(folder)


def models():
    return made_by("tensorflow_models.py")


def rows_of(name):
    """Inputs and expected outputs of a model, by name."""
    arrays = np.load(models() / f"{name}.npz")
    wanted = {key.removeprefix("want_"): arrays[key] for key in arrays.files if key.startswith("want_")}
    return {key: arrays[key] for key in arrays.files if not key.startswith("want_")}, wanted


@contextmanager
def served(server, path, *flags):
    """`landfall serve m=PATH`, with the log that it wrote."""
    state = tempfile.mkdtemp(prefix="landfall-state-")
    python = [] if "--python" in flags else ["--python", sys.executable]
    running = Running([server.landfall, "serve", f"m={path}", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--state", state, *python, *flags],
                      CONVERTING_SECONDS)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


def answers(running, rows):
    """A columnar answer, by output."""
    answer = requests.post(running.url("/v1/models/m:predict"), json={"inputs": {key: value.tolist() for key, value in rows.items()}}, timeout=60)
    same(answer.status_code, 200)
    return answer.json()["outputs"]


def as_keras(server, name, path, *flags):
    """Serves a model, compares its answers, gives the log."""
    rows, wanted = rows_of(name)
    with served(server, path, *flags) as running:
        found = answers(running, rows)
        if len(wanted) == 1:
            near(found, next(iter(wanted.values())))
        else:
            same(sorted(found), sorted(wanted))
            for output, want in wanted.items():
                near(found[output], want)
        return "".join(running.log)


@with_tensorflow
def a_saved_model_is_served_with_one_command(server):
    as_keras(server, "saved_model", models() / "saved_model")


@with_tensorflow
def a_keras_file_is_served_with_one_command_and_converted_once(server):
    path = models() / "keras/model.keras"
    has(as_keras(server, "keras", path), "was converted to a SavedModel by Keras")
    # What was made is used again: no Python is asked any more.
    state = tempfile.mkdtemp(prefix="landfall-state-")
    done = predict(server, path, "keras", env={"LANDFALL_PYTHON": "/no/such/python", "XDG_STATE_HOME": state}, flags=library())
    same(done.returncode, 0)


def library():
    """TensorFlow's library by its path, for a command that is not to find a Python."""
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    return ["--tensorflow", str(folder / "libtensorflow_cc.so.2")]


def predict(server, path, name, flags=(), env=None):
    rows, _ = rows_of(name)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/rows.npz", **rows)
        return subprocess.run([server.landfall, "predict", str(path), "-i", f"{folder}/rows.npz", "-o", f"{folder}/out.npz", *flags],
                              capture_output=True, text=True, timeout=CONVERTING_SECONDS, env={**os.environ, "LANDFALL_PYTHON": sys.executable, **(env or {})})


@with_tensorflow
def an_h5_file_is_served_with_one_command(server):
    as_keras(server, "h5", models() / "h5/model.h5")


@with_tensorflow
def several_inputs_and_outputs_are_named_as_their_layers(server):
    as_keras(server, "two_ends", models() / "two_ends/model.keras")


@with_tensorflow
def ends_in_dicts_and_lists_are_named_as_keys_and_else_as_layers(server):
    as_keras(server, "nested", models() / "nested/model.keras")


@with_tensorflow
def keras_files_without_a_model_for_others_are_refused_with_a_way_out(server):
    for file, *words in (("own.keras", "'Doubled'", "model.export"), ("own.h5", "Doubled", "model.export"), ("own.weights.h5", "weights alone", "model.save"),
                         ("half.keras", "the archive ends early"), ("half.h5", "ends early, or is damaged"), ("no_json.keras", "holds no config.json"),
                         ("no_weights.keras", "holds no model.weights.h5"), ("folder.keras", "not in a folder"), ("notes.keras", "neither a zip archive")):
        done = predict(server, models() / "unreadable" / file, "unreadable")
        same(done.returncode, 1)
        has(done.stderr, file, *words)


@with_tensorflow
def a_keras_file_is_read_by_what_is_in_it_whatever_its_name_says(server):
    for name, file in (("two_ends", "archive.h5"), ("two_ends", "anew.keras"), ("h5", "hdf5.keras")):
        done = predict(server, models() / "misnamed" / file, name)
        same((done.returncode, done.stderr if done.returncode else ""), (0, ""))


@with_tensorflow
def a_frozen_graph_is_served_with_one_command(server):
    as_keras(server, "frozen", models() / "frozen/model.pb")


@with_tensorflow
def a_tensorflow_lite_file_is_served_with_one_command(server):
    as_keras(server, "tflite", models() / "tflite/model.tflite")


@with_tensorflow
def a_model_with_python_code_is_refused_until_it_is_trusted(server):
    path = models() / "code/model.keras"
    done = predict(server, path, "code")
    same(done.returncode, 1)
    has(done.stderr, "Lambda", "safe_mode=false")
    same(predict(server, path, "code", ["--set", "safe_mode=false"]).returncode, 0)


@with_tensorflow
def a_keras_file_without_keras_says_what_to_do(server):
    copy = models() / "copy.keras"
    shutil.copy(models() / "keras/model.keras", copy)
    done = predict(server, copy, "keras", env={"LANDFALL_PYTHON": "/no/such/python"})
    same(done.returncode, 1)
    has(done.stderr, "--python", "/no/such/python")


@with_tensorflow
def a_converted_model_answers_as_its_original(server):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "m.onnx"
        for name, path in (("saved_model", "saved_model"), ("modern", "modern"), ("taught", "taught"), ("keras", "keras/model.keras"), ("frozen", "frozen/model.pb"), ("tflite", "tflite/model.tflite")):
            done = convert(server, models() / path, target)
            same((name, done.returncode), (name, 0))
            has(done.stdout, "all within rtol")
            as_keras(server, name, target)
            target.unlink()


def convert(server, path, target, *flags):
    return subprocess.run([server.landfall, "convert", str(path), str(target), "--python", sys.executable, *flags],
                          capture_output=True, text=True, timeout=CONVERTING_SECONDS)


@with_tensorflow
def what_cannot_be_converted_leaves_no_file(server):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "m.onnx"
        done = convert(server, models() / "text/model.keras", target)
        same(done.returncode, 1)
        has(done.stderr, "StringSplit")
        done = convert(server, models() / "saved_model", target, "--rtol", "0", "--atol", "0")
        same(done.returncode, 1)
        has(done.stderr, "differ")
        same(sorted(path.name for path in Path(folder).iterdir()), [])


@with_tensorflow
def onnx_is_preferred_where_it_is_exact_and_the_log_says_why_not(server):
    log = as_keras(server, "saved_model", models() / "saved_model", "--prefer", "onnx")
    has(log, "runs on ONNX, converted by tf2onnx")
    log = as_keras(server, "text", models() / "text/model.keras", "--prefer", "onnx")
    has(log, "runs on tensorflow, not on ONNX", "StringSplit")


@with_tensorflow
def one_python_converts_all_signatures(server):
    copy, starts = models() / "counted", models() / "starts"
    shutil.copytree(models() / "saved_model", copy, ignore=shutil.ignore_patterns(".landfall-*"))
    python = models() / "python"
    python.write_text(f"#!/bin/sh\n[ -p /dev/stdin ] && echo start >> {starts}\nexec {sys.executable} \"$@\"\n")
    python.chmod(0o755)
    log = as_keras(server, "saved_model", copy, "--prefer", "onnx", "--python", str(python), *library())
    same(log.count("runs on ONNX, converted by tf2onnx"), 2)
    same(starts.read_text().count("start"), 1)
