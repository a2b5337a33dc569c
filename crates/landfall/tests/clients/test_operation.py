"""What operators do to a server: links flipped under it, its process killed, a second one beside it."""
import os
import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

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
def serving(server, models, state):
    running = Running([server.landfall, "serve", str(models), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--engine", "embedded", "--state", str(state)])
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
