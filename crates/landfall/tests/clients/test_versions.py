"""Versions that come, break, are promoted and rolled back while clients call. These tests change what is served."""
import shutil
import time

import requests

from expect import near, same
from server import golden
from test_tfs_rest import predict

PATIENCE_SECONDS = 30


def states(server, model):
    answer = requests.get(server.url(f"/v1/models/{model}"), timeout=20).json()
    return {one["version"]: one for one in answer["model_version_status"]}


def until(what):
    """Waits until `what` gives something true; gives that."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def answers_of(server, where=""):
    image = golden("digits", 1)["image"]
    answer = predict(server, "digits", {"instances": image.tolist()}, where)
    same(answer.status_code, 200)
    return [row["probabilities"] for row in answer.json()["predictions"]]


def a_version_copied_beside_is_served_without_a_failed_call(server):
    before = answers_of(server)
    beside = server.folder / "beside"
    shutil.copytree(server.models / "digits/1", beside)
    beside.rename(server.models / "digits/3")
    until(lambda: [answers_of(server)] and states(server, "digits").get("3", {}).get("state") == "AVAILABLE")
    near(until(lambda: (found := answers_of(server)) != before and found), golden("digits", 1)["probabilities"])


def a_broken_version_shows_its_error_and_leaves_the_good_one(server):
    before = answers_of(server)
    folder = server.models / "digits/4"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"no model at all")
    broken = until(lambda: (one := states(server, "digits").get("4")) and one["state"] == "END" and one)
    assert broken["status"]["error_code"] != "OK" and broken["status"]["error_message"], broken
    near(answers_of(server), before)
    shutil.rmtree(folder)


def promote_and_roll_back_move_calls_without_a_version(server):
    by_version = {version: answers_of(server, f"/versions/{version}") for version in (1, 2)}

    def control(verb, body):
        answer = requests.post(server.url(f"/control/models/digits/{verb}"), json=body, timeout=20)
        same((verb, answer.status_code), (verb, 200))

    control("promote", {"version": 2})
    near(answers_of(server), by_version[2])
    control("promote", {"version": 1})
    near(answers_of(server), by_version[1])
    control("rollback", {})
    near(answers_of(server), by_version[2])
    control("promote", {"version": 2, "label": "stable"})
    near(answers_of(server, "/labels/stable"), by_version[2])
    history = requests.get(server.url("/control/history"), timeout=20)
    same(history.status_code, 200)
    assert "rollback" in history.text and "promote" in history.text, history.text
