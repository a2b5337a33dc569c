"""What operators do to a server: links flipped under it, its process killed, a second one beside it."""
import importlib.util
import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests

from expect import has, near, same
from server import ROOT, Running, golden
from test_tfs_rest import predict
from test_versions import until

DIGITS = ROOT / "examples/models/digits"
KILLS = 4


def once(test):
    """On one engine: which one does not matter here."""
    test.engine = "embedded"
    return test


@contextmanager
def folder():
    path = Path(tempfile.mkdtemp(prefix="landfall-operation-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def serving(server, models, state, *more):
    running = Running([server.landfall, "serve", str(models), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--engine", server.engine, "--state", str(state), *more])
    try:
        yield running
    finally:
        running.stop()


def answers_of(running):
    answer = predict(running, "digits", {"instances": golden("digits", 1)["image"].tolist()})
    same(answer.status_code, 200)
    return [row["probabilities"] for row in answer.json()["predictions"]]


def promoted(running):
    models = requests.get(running.url("/control/models"), timeout=20).json()["models"]
    return next(model["promoted"] for model in models if model["name"] == "digits")


def promote(running, version):
    return requests.post(running.url("/control/models/digits/promote"), json={"version": version}, timeout=20).status_code


def publish(top, name, version):
    """As Kubernetes brings a ConfigMap: a folder of its own, then the link `..data` in one step, then the old one goes."""
    shutil.copytree(DIGITS / str(version), top / name / "digits/1")
    (top / "..new").symlink_to(name)
    os.replace(top / "..new", top / "..data")


@once
def a_link_that_is_flipped_brings_what_lies_behind_it_without_a_failed_call(server):
    with folder() as top:
        publish(top, "..first", 1)
        (top / "digits").symlink_to("..data/digits")
        with serving(server, top, top / "..state") as running:
            near(answers_of(running), golden("digits", 1)["probabilities"])
            before = answers_of(running)
            publish(top, "..second", 2)
            shutil.rmtree(top / "..first")
            near(until(lambda: (found := answers_of(running)) != before and found), golden("digits", 2)["probabilities"])


def promoting(running, acknowledged):
    """Promotes in turn until the server is gone; counts what it answered."""
    version = 1
    while True:
        try:
            if promote(running, version) == 200:
                acknowledged.append(version)
            version = 3 - version
        except requests.RequestException:
            return


@once
def what_a_server_acknowledged_is_there_after_it_was_killed(server):
    with folder() as top:
        shutil.copytree(DIGITS, top / "models/digits")
        total = 0
        for round_number in range(KILLS):
            with serving(server, top / "models", top / "state") as running:
                acknowledged = []
                caller = threading.Thread(target=promoting, args=(running, acknowledged))
                caller.start()
                until(lambda: len(acknowledged) > 3)
                time.sleep(0.01 * round_number)
                running.process.kill()
                caller.join()
            total += len(acknowledged)
            with serving(server, top / "models", top / "state") as again:
                history = requests.get(again.url("/control/history"), timeout=20).json()["history"]
                # The call that was under way may be there too.
                assert total <= len(history) <= total + 1, f"{len(history)} entries, {total} acknowledged"
                same(promoted(again), history[-1]["version"])
                total = len(history)


@once
def two_servers_on_one_state_folder_keep_to_themselves_until_they_start_again(server):
    with folder() as top:
        shutil.copytree(DIGITS, top / "models/digits")
        with serving(server, top / "models", top / "state") as one, serving(server, top / "models", top / "state") as other:
            for version in (1, 2, 1):
                same((promote(one, version), promote(other, 3 - version)), (200, 200))
            same((promoted(one), promoted(other)), ("1", "2"))
        with serving(server, top / "models", top / "state") as again:
            same(promoted(again), "2")
            history = requests.get(again.url("/control/history"), timeout=20).json()["history"]
            same([entry["version"] for entry in history], ["1", "2", "2", "1", "1", "2"])
            has("".join(again.log), "control over the network is on")


def with_onnx(test):
    """Marks a test that writes an ONNX file."""
    test.left_out = None if importlib.util.find_spec("onnx") else "onnx is not installed"
    return test


def rounds(path, weights, count):
    """Writes y = x W W … W, over rows of matrices."""
    from onnx import TensorProto, helper, numpy_helper, save
    names = ["x", *(f"h{i}" for i in range(1, count)), "y"]
    nodes = [helper.make_node("MatMul", [before, "w"], [after]) for before, after in zip(names, names[1:])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *weights.shape]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "rounds", values[:1], values[1:], [numpy_helper.from_array(weights, "w")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@with_onnx
def a_model_whose_rows_take_long_runs_on_all_threads_and_answers_the_same(server):
    size, count, callers = 256, 200, 8
    dice = np.random.default_rng(5)
    # A rotation: values stay as large as they are.
    weights = np.linalg.qr(dice.normal(size=(size, size)))[0].astype(np.float32)
    rows = dice.normal(size=(callers, size, size)).astype(np.float32)
    expected = rows.astype(np.float64) @ np.linalg.matrix_power(weights.astype(np.float64), count)
    with folder() as top:
        rounds(top / "rounds.onnx", weights, count)
        key = {"onnxruntime": "intra_op_num_threads", "embedded": "num_threads"}[server.engine]
        for more, is_said in (((), True), ((f"--set={key}=1",), False)):
            with serving(server, top / "rounds.onnx", top / "state", "--threads=2", *more) as running, ThreadPoolExecutor(callers) as pool:
                same("each run takes 2 threads" in "".join(running.log), is_said)
                answers = pool.map(lambda row: predict(running, "rounds", {"instances": [row.tolist()]}), rows)
                for answer, row in zip(answers, expected):
                    near(answer.json()["predictions"][0], row)
