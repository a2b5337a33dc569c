"""The flags of `landfall tensorflow-model-server`, each held against the verdict that the page gives it."""
import concurrent.futures
import gzip
import json
import re
import shutil
import socket
import time

import grpc
import numpy as np
import requests

from expect import near, same
from model_server import example, started, until
from server import ROOT
from test_tfs_grpc import request
from test_tensorflow import models
from test_tfs_model_server import IMAGE, answers, predicted, refusal, refuses
from test_tfs_saved_model import asked, prediction, serving, with_tensorflow

PAGE = ROOT / "docs/from-tensorflow-serving.md"
ROW = re.compile(r"\| `(\w+)` \| (?:`([^`]*)`|empty) \| (works|accepted|refused) \|")
# A value of each kind that is not the default.
OTHER = {"true": "false", "false": "true", "": "/nowhere"}


def flags(verdict):
    """Flags of a verdict, each with another value than its default."""
    rows = [match.groups() for match in map(ROW.match, PAGE.read_text().splitlines()) if match]
    same(len(rows), 48)
    return {name: OTHER.get(default or "", "7") for name, default, found in rows if found == verdict}


def digits(folder):
    return ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}"]


def flags_without_effect_are_accepted_and_said(server):
    accepted = flags("accepted")
    assert len(accepted) >= 10, accepted
    with started(server, lambda folder: digits(folder) + [f"--{name}={value}" for name, value in accepted.items()]) as at:
        near(answers(at), IMAGE[1]["probabilities"])
        for name in accepted:
            assert at.said(f"--{name} has no effect: "), name


def flags_that_cannot_be_had_refuse_the_start_by_name(server):
    refused = flags("refused")
    assert len(refused) >= 3, refused
    for name, value in refused.items():
        code, out, _ = refusal(server, "--model_base_path=/m", f"--{name}={value}")
        same(code, 255)
        assert f"--{name} is not supported: " in out, out


def every_flag_is_known_to_the_usage(server):
    _, out, _ = refusal(server, "--help")
    for verdict in ("works", "accepted", "refused"):
        for name in flags(verdict):
            assert f"--{name}=" in out, name


def the_socket_alone_suffices(server):
    with started(server, lambda folder: [*digits(folder), "--port=0", f"--grpc_socket_path={folder}/s.sock"], wait=False) as at:
        until(lambda: at.said("Exporting HTTP/REST API at:"))
        same(predicted(grpc.insecure_channel(f"unix:{at.folder}/s.sock")).model_spec.version.value, 1)
        assert not at.said("ModelServer at 0.0.0.0")
        near(answers(at), IMAGE[1]["probabilities"])


def the_metrics_page_lies_where_its_file_says(server):
    def made(folder):
        (folder / "page").write_text('prometheus_config { enable: true path: "/numbers" }')
        return [*digits(folder), f"--monitoring_config_file={folder}/page"]
    with started(server, made) as at:
        answers(at)
        page = requests.get(at.url("/numbers"), timeout=60)
        same((page.status_code, page.headers["content-type"]), (200, "text/plain"))
        assert ':tensorflow:serving:request_count{model_name="digits",status="OK"} 1' in page.text, page.text
        same(requests.get(at.url("/monitoring/prometheus/metrics"), timeout=60).status_code, 404)


def a_file_that_is_not_there_is_named(server):
    for name in ("model_config_file", "monitoring_config_file", "ssl_config_file"):
        code, out, _ = refusal(server, f"--{name}=/nowhere/file", "--model_base_path=/m")
        same(code, 255)
        assert "NOT_FOUND" in out and "/nowhere/file" in out, out


def a_port_that_is_taken_is_said_before_models_load(server):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for flag in ("port", "rest_api_port"):
            # A folder without versions is waited for without end.
            code, out, _ = refusal(server, "--model_base_path=/nowhere", f"--{flag}={port}")
            same(code, 255)
            assert f"cannot listen on 0.0.0.0:{port}" in out, out


def folders_of_other_machines_are_refused(server):
    for path in ("gs://bucket/m", "s3://bucket/m", "hdfs://host/m"):
        code, out, _ = refusal(server, f"--model_base_path={path}")
        same(code, 255)
        assert path in out and "copy it into" in out, out


def a_configuration_of_sessions_is_held_against_its_fields(server):
    def made(text):
        def flags(folder):
            (folder / "session").write_text(text)
            return [*digits(folder), f"--tensorflow_session_config_file={folder}/session"]
        return flags
    with started(server, made("intra_op_parallelism_threads: 1 gpu_options { allow_growth: true }")) as at:
        near(answers(at), IMAGE[1]["probabilities"])
        assert at.said("gpu_options has no effect")
    with started(server, made("intra_op_threads: 1"), wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "it has no field named \"intra_op_threads\"" in out, out


def a_browser_that_asks_whether_it_may_call_is_told_so(server):
    ask = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    for more, headers in ((("--rest_api_enable_cors_support",), ("*", "POST, GET", "Content-Type")), ((), (None, None, None))):
        with started(server, lambda folder: [*digits(folder), *more]) as at:
            url = at.url("/v1/models/digits:predict")
            for answer in (requests.options(url, headers=ask, timeout=60), requests.post(url, timeout=60)):
                told = [answer.headers.get(f"Access-Control-Allow-{name}") for name in ("Origin", "Methods", "Headers")]
                same(tuple(told), headers)
            same(requests.options(url, headers=ask, timeout=60).status_code, 200)
            same(requests.options(url, timeout=60).status_code, 400)


def packed_bodies_and_long_ones_are_read(server):
    body = json.dumps({"instances": IMAGE[1]["image"].tolist()}).encode()
    with started(server, digits) as at:
        url = at.url("/v1/models/digits:predict")
        packed = requests.post(url, data=gzip.compress(body), headers={"Content-Encoding": "gzip"}, timeout=60)
        near([row["probabilities"] for row in packed.json()["predictions"]], IMAGE[1]["probabilities"])
        broken = requests.post(url, data=b"no gzip", headers={"Content-Encoding": "gzip"}, timeout=60)
        same((broken.status_code, broken.json()["error"]), (400, "JSON Parse error: The document is empty"))
        long = requests.post(url, data=b" " * 70_000_000 + body, timeout=120)
        same(long.status_code, 200)


@with_tensorflow
def a_run_beyond_its_time_is_given_up(server):
    with serving(server, "slow", "--rest_api_timeout_in_ms=300") as at:
        began = time.monotonic()
        late = asked(at, {"instances": [3000.0]})
        same(late.status_code, 504)
        assert "error" in late.json() and time.monotonic() - began < 5, "it was waited for"
        rounds = {"rounds": np.array([3000], np.float32)}
        refuses(grpc.StatusCode.DEADLINE_EXCEEDED, "", lambda: prediction(at).Predict(request("m", rounds), 0.3))
        # What was given up still runs to its end.
        near(until(lambda: asked(at, {"instances": [1.0]}).json().get("predictions")), [1.0])


@with_tensorflow
def a_light_model_is_preferred_where_the_flag_says_so(server):
    def made(*more):
        def flags(folder):
            shutil.copytree(models() / "saved_model", folder / "m/1")
            shutil.copy(models() / "tflite/model.tflite", folder / "m/1/model.tflite")
            return ["--model_name=m", f"--model_base_path={folder}/m", *more]
        return flags
    for more, engine in (((), "engine tensorflow"), (("--prefer_tflite_model",), "engine litert")):
        with started(server, made(*more)) as at:
            assert at.said(engine), "".join(at.log)


def field(number, value):
    """One field of a message: bytes, text or a whole number."""
    def whole(number):
        return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + whole(number >> 7)
    if isinstance(value, int):
        return whole(number << 3) + whole(value)
    value = value.encode() if isinstance(value, str) else value
    return whole(number << 3 | 2) + whole(len(value)) + value


def profiler(at, method, message):
    call = grpc.insecure_channel(at.grpc).unary_unary(f"/tensorflow.ProfilerService/{method}")
    return call(message, timeout=30)


def asked_for(folder, milliseconds, session="one"):
    """A `ProfileRequest`; its trace goes to `FOLDER/SESSION/here_8500.xplane.pb`."""
    return field(4, field(9, milliseconds)) + field(5, str(folder)) + field(6, session) + field(7, "here:8500")


def requests_are_traced_while_a_client_asks_for_it(server):
    with started(server, digits) as at:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            trace = pool.submit(profiler, at, "Profile", asked_for(at.folder, 20_000))
            file = at.folder / "one/here_8500.xplane.pb"
            # What is asked before the trace has begun is not in it.
            time.sleep(1)
            answers(at)
            refuses(grpc.StatusCode.INTERNAL, "Another profiling session active.", lambda: profiler(at, "Profile", asked_for(at.folder, 1, "two")))
            profiler(at, "Terminate", field(1, "one"))
            same(trace.result(15), b"")
        written = file.read_bytes()
        for part in (b"/host:CPU", b"digits/1 #1", b"digits serving_default", b"queue", b"compute"):
            assert part in written, written
        same(profiler(at, "Profile", asked_for(at.folder, 1, "quiet")), b"")
        same((at.folder / "quiet/here_8500.xplane.pb").read_bytes().count(b"trace"), 2)
        refuses(grpc.StatusCode.INVALID_ARGUMENT, "session_id", lambda: profiler(at, "Profile", asked_for(at.folder, 1, "../up")))
        refuses(grpc.StatusCode.INVALID_ARGUMENT, "repository_root", lambda: profiler(at, "Profile", asked_for("relative", 1)))
        refuses(grpc.StatusCode.UNIMPLEMENTED, "unimplemented.", lambda: profiler(at, "Monitor", b""))
    with started(server, lambda folder: [*digits(folder), "--enable_profiler=false"]) as at:
        refuses(grpc.StatusCode.UNIMPLEMENTED, "", lambda: profiler(at, "Profile", asked_for(at.folder, 1)))


@with_tensorflow
def operators_are_timed_while_a_client_traces(server):
    with serving(server, "linear") as at:
        near(asked(at, {"instances": [1.0]}).json()["predictions"], [2.0])
        with concurrent.futures.ThreadPoolExecutor() as pool:
            trace = pool.submit(profiler, at, "Profile", asked_for(at.folder, 20_000))
            # Before the trace has begun nothing is kept.
            time.sleep(1)
            near(asked(at, {"instances": [1.0, 2.0]}).json()["predictions"], [2.0, 5.0])
            profiler(at, "Terminate", field(1, "one"))
            same(trace.result(15), b"")
        written = (at.folder / "one/here_8500.xplane.pb").read_bytes()
        same([written.count(part) for part in (b"m/1 #1", b"m/1 operators #1", b"PartitionedCall/mul:Mul")], [1, 1, 1])
        near(asked(at, {"instances": [1.0]}).json()["predictions"], [2.0])
