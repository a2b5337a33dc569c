"""`landfall tensorflow-model-server`: flags, files and messages of tensorflow_model_server, with its own stubs as client."""
import shutil
import struct
import subprocess
import time

import grpc
import numpy as np
import requests
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc, prediction_log_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from expect import near, refused_by_grpc, same
from model_server import CERTIFICATES, config, example, free_port, started, until
from server import golden
from test_tfs_grpc import request

IMAGE = {1: golden("digits", 1), 2: golden("digits", 2)}
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT


def answers(at, model="digits", where=""):
    """REST's answers to the rows of the first version; `None` for a refusal."""
    body = {"instances": IMAGE[1]["image"].tolist()}
    answer = requests.post(at.url(f"/v1/models/{model}{where}:predict"), json=body, timeout=60)
    return [row["probabilities"] for row in answer.json()["predictions"]] if answer.ok else None


def refuses(code, text, call):
    refused_by_grpc(code, call, text)


def is_first(found):
    return found is not None and np.allclose(found, IMAGE[1]["probabilities"], rtol=1e-4, atol=1e-4)


def predicted(channel, model="digits", **spec):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict(request(model, {"image": IMAGE[1]["image"]}, **spec), 30)


def reload(at, text):
    message = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(text, message.config)
    stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(at.grpc))
    return stub.HandleReloadConfigRequest(message, 60)


def refusal(server, *flags):
    """Exit code and message of a start that cannot be."""
    done = subprocess.run([server.landfall, "tensorflow-model-server", *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def one_model_by_flags_answers_over_both_doors_and_the_socket(server):
    def flags(folder):
        example("digits", {1: 1, "00000002": 1}, folder / "m")
        return ["--model_name=digits", f"--model_base_path={folder}/m", f"--grpc_socket_path={folder}/s.sock"]
    with started(server, flags) as at:
        near(answers(at), IMAGE[1]["probabilities"])
        same(at.states("digits"), {"2": "AVAILABLE"})
        answer = predicted(grpc.insecure_channel(at.grpc))
        same((answer.model_spec.name, answer.model_spec.version.value), ("digits", 2))
        same(predicted(grpc.insecure_channel(f"unix:{at.folder}/s.sock")).model_spec.version.value, 2)
        assert at.said(f"Running gRPC ModelServer at 0.0.0.0:{at.ports[0]} ...")
        assert at.said("Running gRPC ModelServer at UNIX socket") and at.said(f"localhost:{at.ports[1]} ...")


def a_start_that_cannot_be_says_why_and_exits_as_the_original(server):
    for flags, text in [
        ([], "Both server_options.model_base_path and server_options.model_config_file are empty!"),
        (["--port=0"], "At least one of server_options.grpc_port or server_options.grpc_socket_path must be set."),
        (["--model_base_path=relative"], "Expected model default to have an absolute path or URI; got base_path()=relative"),
        (["--model_base_path=/x", "--batching_parameters_file=/y"], "is set without setting server_options.enable_batching"),
        (["--model_base_path=/x", "--platform_config_file=/y"], "--platform_config_file is not supported"),
        (["--model_base_path=/x", "--mixed_precision=bfloat16"], "--mixed_precision is not supported"),
        (["--model_base_path=/x", "--use_alts_credentials"], "--use_alts_credentials is not supported"),
        (["--model_base_path=/x", "--use_alts_credentials", "--ssl_config_file=/y"], "Either use_alts_credentials must be false"),
    ]:
        code, out, _ = refusal(server, *flags)
        same(code, 255)
        assert f"Failed to start server. Error: INVALID_ARGUMENT: " in out and text in out, out
    code, out, _ = refusal(server, "--port=abc")
    same(code, 255)
    assert "port" in out and "--rest_api_port=0" in out, "the usage follows"
    code, out, _ = refusal(server, "--modle_name=x")
    assert code == 255 and "unknown argument: --modle_name=x" in out, out
    code, out, _ = refusal(server, "--version")
    assert code == 0 and out.startswith("TensorFlow ModelServer: "), out
    code, out, _ = refusal(server, "--help")
    assert code == 0 and "--tensorflow_session_parallelism" in out, out


def a_configuration_file_that_is_none_is_refused_with_line_and_column(server):
    with started(server, [], wait=False) as at:
        file = at.folder / "c"
        file.write_text("improperly formatted file")
        code, out, err = refusal(server, f"--model_config_file={file}")
        same(code, 255)
        assert "Invalid protobuf file" in out and "Error parsing text-format tensorflow.serving.ModelServerConfig" in err, (out, err)
        for text, why in [
            (config(("a", "/a"), ("a", "/b")), "Illegal to list model a multiple times in config list"),
            (config(("a", "/a", 'version_labels { key: "x" value: 1 }')), "assign label to version 1 of model a, which is not"),
            (config(("a", "/a", 'unheard_of: 3')), "unheard_of"),
        ]:
            file.write_text(text)
            code, out, err = refusal(server, f"--model_config_file={file}")
            same(code, 255)
            assert why in out + err, (out, err)


def the_start_waits_for_a_version_and_fails_when_one_cannot_be_loaded(server):
    def flags(folder):
        (folder / "m").mkdir()
        return ["--model_name=digits", f"--model_base_path={folder}/m", "--max_num_load_retries=1", "--load_retry_interval_micros=1000"]
    with started(server, flags, wait=False) as at:
        until(lambda: at.said("waiting for a version of model digits"))
        assert not at.said("Exporting HTTP/REST API")
        (at.folder / "beside").mkdir()
        (at.folder / "beside/model.onnx").write_bytes(b"no model at all")
        (at.folder / "beside").rename(at.folder / "m/1")
        code, out = at.ended()
        same(code, 255)
        assert "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{{name: digits version: 1} due to error:" in out, out
        until(lambda: at.said("trying again after 1ms (retry 1 of 1)"))


def a_folder_without_numbers_is_named_as_the_mistake(server):
    with started(server, lambda folder: [f"--model_base_path={example('digits', {'x': 1}, folder / 'm')}"], wait=False) as at:
        until(lambda: at.said("Did you forget to name your leaf directory as a number"))


def the_configuration_file_is_read_again_and_replaces_the_whole(server):
    def flags(folder):
        example("digits", {1: 1}, folder / "a"), example("digits", {1: 2}, folder / "b")
        (folder / "c").write_text(config(("a", folder / "a")))
        return [f"--model_config_file={folder}/c", "--model_config_file_poll_wait_seconds=1"]
    with started(server, flags) as at:
        assert is_first(answers(at, "a")) and answers(at, "b") is None
        (at.folder / "c").write_text(config(("b", at.folder / "b")))
        until(lambda: answers(at, "b"))
        until(lambda: answers(at, "a") is None)
        for broken in ["model_config_list { config {", config(("b", at.folder / "b"), ("b", at.folder / "a"))]:
            before = len(at.log)
            (at.folder / "c").write_text(broken)
            until(lambda: any("the configuration in force stays" in line for line in at.log[before:]))
            assert answers(at, "b"), "the last good one serves"
        reload(at, config(("a", at.folder / "a")))
        (at.folder / "c").write_text(config(("b", at.folder / "b")))
        until(lambda: answers(at, "b") and answers(at, "a") is None)


def versions_come_go_and_follow_their_policy(server):
    def flags(folder):
        example("digits", {1: 1, 2: 2}, folder / "m")
        (folder / "c").write_text(config(("digits", folder / "m", "model_version_policy { all {} }")))
        return [f"--model_config_file={folder}/c", "--file_system_poll_wait_seconds=1"]
    with started(server, flags) as at:
        until(lambda: at.states("digits") == {"2": "AVAILABLE", "1": "AVAILABLE"})
        assert is_first(answers(at, where="/versions/1"))
        example("digits", {3: 1}, at.folder / "m")
        until(lambda: at.states("digits").get("3") == "AVAILABLE")
        reload(at, config(("digits", at.folder / "m", "model_version_policy { specific { versions: 1 versions: 3 } }")))
        until(lambda: at.states("digits") == {"3": "AVAILABLE", "2": "END", "1": "AVAILABLE"})
        reload(at, config(("digits", at.folder / "m")))
        until(lambda: at.states("digits").get("1") == "END")
        shutil.rmtree(at.folder / "m/3")
        until(lambda: at.states("digits").get("3") == "END" and at.states("digits").get("2") == "AVAILABLE")


def folders_are_looked_at_once_where_polling_is_off(server):
    flags = lambda folder: [f"--model_base_path={example('digits', {1: 1}, folder / 'm')}", "--model_name=digits", "--file_system_poll_wait_seconds=0"]
    with started(server, flags) as at:
        example("digits", {2: 2}, at.folder / "m")
        time.sleep(3)
        same(at.states("digits"), {"1": "AVAILABLE"})
        # A replacement by the same configuration looks again.
        reload(at, config(("digits", at.folder / "m")))
        until(lambda: at.states("digits").get("2") == "AVAILABLE")


def a_base_path_that_goes_is_named_and_what_was_loaded_stays(server):
    flags = lambda folder: [f"--model_base_path={example('digits', {1: 1}, folder / 'm')}", "--model_name=digits"]
    with started(server, flags) as at:
        shutil.rmtree(at.folder / "m")
        until(lambda: at.said(f"Could not find base path {at.folder}/m for servable digits with error"))
        assert is_first(answers(at))


def a_client_replaces_the_whole_configuration_and_a_wrong_one_changes_nothing(server):
    def flags(folder):
        example("digits", {1: 1, 2: 2}, folder / "a"), example("digits", {7: 1}, folder / "b")
        return ["--model_name=a", f"--model_base_path={folder}/a"]
    with started(server, flags) as at:
        a, b = ("a", at.folder / "a"), ("b", at.folder / "b")
        same(reload(at, config(a, b)).status.error_code, 0)
        assert answers(at, "b"), "the answer comes when it serves"
        reload(at, config(b))
        until(lambda: answers(at, "a") is None)
        for text, code, why in [
            (config(b, b), INVALID, "Illegal to list model b multiple times in config list"),
            (config(("b", "relative")), INVALID, "absolute path or URI"),
            (config((*b, 'version_labels { key: "x" value: 9 }')), grpc.StatusCode.FAILED_PRECONDITION, "assign label to version 9 of model b"),
            ("", INVALID, "Only ModelConfigList is currently supported"),
            (config(b).replace('"tensorflow"', '"onnx"'), INVALID, "Illegal to change a model's platform"),
            (config(a).replace('"tensorflow"', '"abacus"'), INVALID, "requests unsupported platform abacus"),
        ]:
            refuses(code, why, lambda: reload(at, text))
            assert answers(at, "b") and answers(at, "a") is None
        (at.folder / "broken/1").mkdir(parents=True)
        (at.folder / "broken/1/model.onnx").write_bytes(b"no model")
        reload(at, config(a))
        until(lambda: answers(at, "b") is None)
        assert answers(at, "a"), "one that was unloaded comes back"


def a_model_that_cannot_be_loaded_fails_the_clients_call_and_no_other_model(server):
    def flags(folder):
        (folder / "broken/1").mkdir(parents=True)
        (folder / "broken/1/model.onnx").write_bytes(b"no model")
        return ["--model_name=a", f"--model_base_path={example('digits', {1: 1}, folder / 'a')}", "--max_num_load_retries=0"]
    with started(server, flags) as at:
        text = config(("a", at.folder / "a"), ("broken", at.folder / "broken"))
        refuses(grpc.StatusCode.UNKNOWN, "1 model(s) did not become available: {{{name: broken version: 1} due to error:", lambda: reload(at, text))
        assert answers(at, "a")


def labels_name_available_versions_and_others_by_leave(server):
    def flags(*more):
        def made(folder):
            example("digits", {1: 1, 2: 2}, folder / "m")
            (folder / "c").write_text(config(("digits", folder / "m", "model_version_policy { all {} }")))
            return [f"--model_config_file={folder}/c", *more]
        return made
    policy = "model_version_policy { all {} } "
    with started(server, flags()) as at:
        until(lambda: at.states("digits") == {"2": "AVAILABLE", "1": "AVAILABLE"})
        labelled = lambda *labels: config(("digits", at.folder / "m", policy + " ".join(f'version_labels {{ key: "{k}" value: {v} }}' for k, v in labels)))
        reload(at, labelled(("stable", 1), ("also", 1), ("canary", 2)))
        assert is_first(answers(at, where="/labels/stable")) and is_first(answers(at, where="/labels/also"))
        same(predicted(grpc.insecure_channel(at.grpc), version_label="canary").model_spec.version.value, 2)
        refuses(grpc.StatusCode.FAILED_PRECONDITION, "version 9 of model digits", lambda: reload(at, labelled(("stable", 9))))
        assert is_first(answers(at, where="/labels/stable")), "the old labels stay"
        reload(at, labelled(("canary", 2)))
        refused = requests.post(at.url("/v1/models/digits/labels/stable:predict"), json={"instances": [1]}, timeout=20)
        same((refused.status_code, refused.json()), (400, {"error": "Unrecognized servable version label: stable"}))
    with started(server, flags("--allow_version_labels_for_unavailable_models")) as at:
        labelled = lambda version: config(("digits", at.folder / "m", policy + f'version_labels {{ key: "next" value: {version} }}'))
        reload(at, labelled(3))
        absent = requests.post(at.url("/v1/models/digits/labels/next:predict"), json={"instances": [1]}, timeout=20)
        same((absent.status_code, absent.json()), (404, {"error": "Servable not found for request: Specific(digits, 3)"}))
        example("digits", {3: 1}, at.folder / "m")
        until(lambda: is_first(answers(at, where="/labels/next")))
        refuses(grpc.StatusCode.FAILED_PRECONDITION, "version 4 of model digits", lambda: reload(at, labelled(4)))


def calls_run_together_where_batching_is_on(server):
    def flags(folder):
        example("digits", {1: 1}, folder / "m")
        (folder / "b").write_text("max_batch_size { value: 4 }, batch_timeout_micros { value: 1000 } # small\nallowed_batch_sizes: 2 allowed_batch_sizes: 4")
        return ["--model_name=digits", f"--model_base_path={folder}/m", "--enable_batching", f"--batching_parameters_file={folder}/b"]
    with started(server, flags) as at:
        rows = IMAGE[1]["image"][:3]
        answer = requests.post(at.url("/v1/models/digits:predict"), json={"instances": rows.tolist()}, timeout=20).json()
        near([row["probabilities"] for row in answer["predictions"]], IMAGE[1]["probabilities"][:3])
        many = requests.post(at.url("/v1/models/digits:predict"), json={"instances": [rows[0].tolist()] * 5}, timeout=20)
        same(many.status_code, 400)
        assert "Task size 5 is larger than maximum input batch size 4" in many.json()["error"], many.json()
    (code, out, _) = refusal(server, "--model_base_path=/m", "--enable_batching", "--batching_parameters_file=/nowhere/b")
    assert code == 255 and "/nowhere/b" in out, out


def the_metrics_page_has_the_originals_names(server):
    def flags(folder):
        (folder / "mon").write_text('prometheus_config: { enable: true, path: "/monitoring/prometheus/metrics" }')
        return ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}", f"--monitoring_config_file={folder}/mon"]
    with started(server, flags) as at:
        answers(at), answers(at)
        requests.post(at.url("/v1/models/digits:predict"), data="no json", timeout=20)
        requests.get(at.url("/v1/foo"), timeout=20)
        predicted(grpc.insecure_channel(at.grpc))
        page = requests.get(at.url("/monitoring/prometheus/metrics"), timeout=20)
        same(page.headers["content-type"], "text/plain")
        for line in ["# TYPE :tensorflow:serving:request_count counter",
                     ':tensorflow:serving:request_count{model_name="digits",status="OK"} 3',
                     ':tensorflow:serving:request_count{model_name="digits",status="INVALID_ARGUMENT"} 1',
                     ':tensorflow:serving:request_count{model_name="",status="INVALID_ARGUMENT"} 1',
                     ':tensorflow:serving:request_latency_count{model_name="digits",API="predict",entrypoint="REST"} 2',
                     ':tensorflow:serving:request_latency_count{model_name="digits",API="Predict",entrypoint="GRPC"} 1']:
            assert line in page.text.splitlines(), f"{line}\n{page.text}"
        assert "# HELP" not in page.text
    with started(server, lambda folder: ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}"]) as at:
        same(requests.get(at.url("/monitoring/prometheus/metrics"), timeout=20).status_code, 404)


def quoted(name):
    return (CERTIFICATES / name).read_text().replace("\n", "\\n")


def grpc_speaks_tls_and_asks_clients_for_certificates(server):
    pem = lambda name: (CERTIFICATES / name).read_bytes()
    def flags(verify, roots="ca.pem"):
        def made(folder):
            (folder / "ssl").write_text(f'server_key: "{quoted("server.key")}" server_cert: "{quoted("server.pem")}" '
                                        f'custom_ca: "{quoted(roots)}" client_verify: {str(verify).lower()}')
            return ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}", f"--ssl_config_file={folder}/ssl"]
        return made
    plain = grpc.ssl_channel_credentials(pem("ca.pem"))
    known = grpc.ssl_channel_credentials(pem("ca.pem"), pem("client.key"), pem("client.pem"))
    with started(server, flags(False)) as at:
        same(predicted(grpc.secure_channel(at.grpc, plain)).model_spec.version.value, 1)
        near(answers(at), IMAGE[1]["probabilities"])
        refuses(grpc.StatusCode.UNAVAILABLE, "", lambda: predicted(grpc.insecure_channel(at.grpc)))
    with started(server, flags(True)) as at:
        same(predicted(grpc.secure_channel(at.grpc, known)).model_spec.version.value, 1)
        refuses(grpc.StatusCode.UNAVAILABLE, "", lambda: predicted(grpc.secure_channel(at.grpc, plain)))
    # A certificate that signed itself, as `openssl req -x509` makes it, is a client's and the authority's at once.
    own = grpc.ssl_channel_credentials(pem("ca.pem"), pem("self_signed.key"), pem("self_signed.pem"))
    with started(server, flags(True, "self_signed.pem")) as at:
        same(predicted(grpc.secure_channel(at.grpc, own)).model_spec.version.value, 1)
        refuses(grpc.StatusCode.UNAVAILABLE, "", lambda: predicted(grpc.secure_channel(at.grpc, known)))
    with started(server, flags(True)) as at:
        refuses(grpc.StatusCode.UNAVAILABLE, "", lambda: predicted(grpc.secure_channel(at.grpc, own)))
    with started(server, [], wait=False) as at:
        (at.folder / "ssl").write_text('server_key: "x" server_cert: "y"')
        code, out, _ = refusal(server, "--model_base_path=/m", f"--ssl_config_file={at.folder}/ssl")
        assert code == 255 and "server certificate" in out, out


def the_health_service_is_there_where_the_flag_asks_for_it(server):
    base = lambda folder: ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}"]
    check = lambda at, service: health_pb2_grpc.HealthStub(grpc.insecure_channel(at.grpc)).Check(health_pb2.HealthCheckRequest(service=service), 20).status
    with started(server, base) as at:
        refuses(grpc.StatusCode.UNIMPLEMENTED, "", lambda: check(at, ""))
    with started(server, lambda folder: [*base(folder), "--enable_grpc_healthcheck_service"]) as at:
        for service in ("", "ModelService", "PredictionService"):
            same(check(at, service), health_pb2.HealthCheckResponse.SERVING)
        refuses(NOT_FOUND, "", lambda: check(at, "Other"))


def smaller_flags_take_effect(server):
    def flags(folder):
        example("digits", {1: 1}, folder / "m")
        return ["--model_name=digits", f"--model_base_path={folder}/m", "--rest_api_enable_cors_support", "--enable_serialization_as_tensor_content",
                "--grpc_channel_arguments=grpc.max_connection_age_ms=300,grpc.max_connection_age_grace_ms=300,grpc.max_receive_message_length=65536,grpc.lb_policy_name=grpclb",
                "--rest_api_num_threads=2", "--grpc_max_threads=3", "--tensorflow_session_parallelism=1"]
    with started(server, flags) as at:
        answer = requests.get(at.url("/v1/models/digits"), timeout=20)
        same(answer.headers.get("Access-Control-Allow-Origin"), "*")
        same(answer.headers.get("Access-Control-Allow-Methods"), "POST, GET")
        channel = grpc.insecure_channel(at.grpc)
        output = predicted(channel).outputs["probabilities"]
        assert output.tensor_content and not output.float_val
        time.sleep(1)
        same(predicted(channel).model_spec.version.value, 1)
        rows = np.repeat(IMAGE[1]["image"][:1], 1000, axis=0)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        refuses(grpc.StatusCode.RESOURCE_EXHAUSTED, "", lambda: stub.Predict(request("digits", {"image": rows}), 30))
        for line in ("--rest_api_num_threads has no effect", "--grpc_max_threads has no effect", "grpc.lb_policy_name has no effect"):
            assert at.said(line), line


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(log):
    data, length = log.SerializeToString(), struct.pack("<Q", len(log.SerializeToString()))
    return length + crc32c(length) + data + crc32c(data)


def warm_up_records_run_before_the_first_call_and_a_failing_one_fails_the_load(server):
    good, bad = prediction_log_pb2.PredictionLog(), prediction_log_pb2.PredictionLog()
    good.predict_log.request.CopyFrom(request("another_name", {"image": IMAGE[1]["image"][:1]}))
    bad.predict_log.request.CopyFrom(request("digits", {"picture": IMAGE[1]["image"][:1]}))
    def flags(log, *more):
        def made(folder):
            example("digits", {1: 1}, folder / "m")
            (folder / "m/1/assets.extra").mkdir()
            (folder / "m/1/assets.extra/tf_serving_warmup_requests").write_bytes(record(log) * 2)
            return ["--model_name=digits", f"--model_base_path={folder}/m", "--max_num_load_retries=0", *more]
        return made
    with started(server, flags(good, "--num_request_iterations_for_warmup=2")) as at:
        near(answers(at), IMAGE[1]["probabilities"])
    with started(server, flags(bad), wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "picture" in out and "tf_serving_warmup_requests" in out, out
    with started(server, flags(bad, "--enable_model_warmup=false")) as at:
        near(answers(at), IMAGE[1]["probabilities"])


def records_of(folder):
    """The logs that lie in a folder's record files, and the files' bytes."""
    logs, files = [], [path.read_bytes() for path in sorted(folder.iterdir())]
    for data in files:
        while data:
            length, = struct.unpack("<Q", data[:8])
            log, data = data[12:12 + length], data[16 + length:]
            logs.append(prediction_log_pb2.PredictionLog.FromString(log))
    return logs, files


def answered_requests_are_logged_and_what_was_logged_runs_as_warm_up(server):
    def logging(folder, rate):
        collector = f'type: "tfrecord" filename_prefix: "{folder}/logs/digits"'
        return f"logging_config {{ log_collector_config {{ {collector} }} sampling_config {{ sampling_rate: {rate} }} }}"
    def flags(folder, rate=1.0):
        (folder / "logs").mkdir(exist_ok=True)
        example("digits", {1: 1}, folder / "m")
        (folder / "models.config").write_text(config(("digits", folder / "m", logging(folder, rate))))
        return [f"--model_config_file={folder}/models.config"]
    with started(server, flags) as at:
        predicted(grpc.insecure_channel(at.grpc))
        near(answers(at), IMAGE[1]["probabilities"])
        refused = requests.post(at.url("/v1/models/digits:predict"), json={"instances": ["x"]}, timeout=60)
        same(refused.status_code, 400)
        logs, files = until(lambda: len((found := records_of(at.folder / "logs"))[0]) == 2 and found)
        for log in logs:
            same((log.log_metadata.model_spec.name, log.log_metadata.model_spec.version.value), ("digits", 1))
            same(log.log_metadata.sampling_config.sampling_rate, 1.0)
            assert abs(log.log_metadata.timestamp_secs - time.time()) < 600
            near(tf_values(log.predict_log.request.inputs["image"]), IMAGE[1]["image"].ravel())
            near(tf_values(log.predict_log.response.outputs["probabilities"]), IMAGE[1]["probabilities"].ravel())
        # Another rate; then none.
        reload(at, config(("digits", at.folder / "m", logging(at.folder, 0.0))))
        predicted(grpc.insecure_channel(at.grpc))
        reload(at, config(("digits", at.folder / "m")))
        predicted(grpc.insecure_channel(at.grpc))
        same(len(records_of(at.folder / "logs")[0]), 2)
        refuses(INVALID, 'No request-logger-creator provided. Model digits: log_collector_config has type "x"',
                lambda: reload(at, config(("digits", at.folder / "m", 'logging_config { log_collector_config { type: "x" } }'))))
    def warm(more):
        def made(folder):
            made = flags(folder)
            (folder / "m/1/assets.extra").mkdir()
            (folder / "m/1/assets.extra/tf_serving_warmup_requests").write_bytes(b"".join(files) + more)
            return [*made, "--max_num_load_retries=0"]
        return made
    with started(server, warm(b"")) as at:
        near(answers(at), IMAGE[1]["probabilities"])
    with started(server, warm(b"more"), wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "truncated record" in out, out


def tf_values(tensor):
    return np.frombuffer(tensor.tensor_content, np.float32) if tensor.tensor_content else np.array(tensor.float_val, np.float32)


def one_port_for_two_leaves_rest_out(server):
    port = free_port()
    with started(server, lambda folder: ["--model_name=digits", f"--model_base_path={example('digits', {1: 1}, folder / 'm')}", f"--port={port}", f"--rest_api_port={port}"], wait=False) as at:
        until(lambda: at.said("Running gRPC ModelServer at"))
        assert at.said("server_options.http_port cannot be same as grpc_port")
        same(predicted(grpc.insecure_channel(f"localhost:{port}")).model_spec.version.value, 1)
