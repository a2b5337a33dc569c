"""`landfall tensorflow-model-server` on SavedModels, with TensorFlow Serving's own messages and stubs as client."""
import concurrent.futures
import functools
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import requests
from google.protobuf import json_format
from tensorflow.core.example import example_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (classification_pb2, get_model_metadata_pb2, inference_pb2, prediction_log_pb2, prediction_service_pb2_grpc,
                                     regression_pb2)

from expect import near, refused, refused_by_grpc, same
from model_server import started, until
from server import ROOT
from test_tensorflow import models as forms
from test_tensorflow import served as landfall_serve
from test_tfs_grpc import array, request, tensor
from test_tfs_model_server import record

HERE = Path(__file__).resolve().parent
PAGE = ROOT / "docs/from-tensorflow-serving.md"
# Servers find TensorFlow where these tests have it.
os.environ.setdefault("LANDFALL_PYTHON", sys.executable)
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
WARM_UP = "assets.extra/tf_serving_warmup_requests"


def with_tensorflow(test):
    """Once, and only where TensorFlow is."""
    test.engine = "onnxruntime"
    test.left_out = None if importlib.util.find_spec("keras") else "TensorFlow is not installed"
    return test


@functools.cache
def models():
    """The folder of models; made once."""
    folder = Path(tempfile.mkdtemp(prefix="landfall-saved-models-"))
    subprocess.run([sys.executable, str(HERE / "tfs_saved_models.py"), str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return folder


@contextmanager
def serving(server, name, *flags, change=lambda version: None, wait=True):
    """A server of a copy of one model, which `change` may spoil first."""
    def made(folder):
        shutil.copytree(models() / name, folder / "m")
        change(folder / "m/1")
        return ["--model_name=m", f"--model_base_path={folder}/m", "--max_num_load_retries=0", *flags]
    with started(server, made, wait=wait) as at:
        yield at


def asked(at, body, verb="predict"):
    return requests.post(at.url(f"/v1/models/m:{verb}"), data=body if isinstance(body, str) else json.dumps(body), timeout=60)


def prediction(at):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(at.grpc))


def example(**features):
    message = example_pb2.Example()
    for name, value in features.items():
        message.features.feature[name].float_list.value.append(value)
    return message


def question(message, *examples, signature=""):
    message.model_spec.name, message.model_spec.signature_name = "m", signature
    message.input.example_list.examples.extend(examples)
    return message


def two_tasks(*examples):
    message = inference_pb2.MultiInferenceRequest()
    message.input.example_list.examples.extend(examples)
    for signature, method in (("regress", REGRESS), ("serving_default", CLASSIFY)):
        task = message.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = "m", signature
    return message


@with_tensorflow
def rows_columns_and_tensors_give_one_answer(server):
    with serving(server, "linear") as at:
        near(asked(at, {"instances": [1.0, 2.0]}).json()["predictions"], [2.0, 5.0])
        near(asked(at, {"instances": [{"x": 1.0}, {"x": 2.0}]}).json()["predictions"], [2.0, 5.0])
        near(asked(at, {"inputs": {"x": [1.0, 2.0]}}).json()["outputs"], [2.0, 5.0])
        assert "NaN, Infinity" in asked(at, '{"instances": [NaN, Infinity]}').text
        answer = prediction(at).Predict(request("m", {"x": np.array([1, 2], np.float32)}), 60)
        near(array(answer.outputs["y"]), [2.0, 5.0])
        refused(asked(at, {"signature_name": "total", "instances": [1.0]}), 400, "Tensor name: sum has no shape information")
        same(asked(at, {"signature_name": "total", "inputs": [1.0, 2.0]}).json(), {"outputs": 3.0})
        message = request("m", {"x": np.array([b"word"])})
        try:
            prediction(at).Predict(message, 60)
            raise AssertionError("a string passed for a float")
        except grpc.RpcError as error:
            same(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
            assert "to be float but string is provided" in error.details(), error.details()


@with_tensorflow
def a_model_without_the_default_signature_answers_by_name_alone(server):
    with serving(server, "by_name") as at:
        refused(asked(at, {"instances": [1.0]}), 400, 'Serving signature name: "serving_default" not found in signature def')
        near(asked(at, {"signature_name": "mine", "instances": [1.0, 2.0]}).json()["predictions"], [2.0, 5.0])
        row = {"x": np.array([1], np.float32)}
        refused_by_grpc(grpc.StatusCode.FAILED_PRECONDITION, lambda: prediction(at).Predict(request("m", row), 60), 'Serving signature key "serving_default" not found.')
        near(array(prediction(at).Predict(request("m", row, signature_name="mine"), 60).outputs["y"]), [2.0])


@with_tensorflow
def a_method_of_the_graphs_own_stands_in_its_metadata_and_is_refused_where_methods_are_checked(server):
    def renamed(version):
        file = version / "saved_model.pb"
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        model.meta_graphs[0].signature_def["total"].method_name = "my/method"
        file.write_bytes(model.SerializeToString())
    row = {"x": np.array([1], np.float32)}
    total = {"signature_name": "total", "inputs": [1.0, 2.0]}
    with serving(server, "linear", change=renamed) as at:
        told = requests.get(at.url("/v1/models/m/metadata"), timeout=60).json()["metadata"]["signature_def"]["signature_def"]
        same([told[name]["method_name"] for name in ("serving_default", "total")], ["tensorflow/serving/predict", "my/method"])
        near(asked(at, total).json()["outputs"], 3.0)
    with serving(server, "linear", "--enable_signature_method_name_check", change=renamed) as at:
        words = "Expected prediction signature method_name to be one of {tensorflow/serving/predict, tensorflow/serving/classify, tensorflow/serving/regress}. Was: my/method"
        refused(asked(at, total), 500, words)
        refused_by_grpc(grpc.StatusCode.INTERNAL, lambda: prediction(at).Predict(request("m", row, signature_name="total"), 60), words)
        near(asked(at, {"instances": [1.0, 2.0]}).json()["predictions"], [2.0, 5.0])


@with_tensorflow
def defaults_that_a_signature_declares_stand_in_its_metadata(server):
    def with_default(version):
        file = version / "saved_model.pb"
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        default = model.meta_graphs[0].signature_def["serving_default"].defaults["x"]
        default.dtype = 1
        default.tensor_shape.dim.add(size=2)
        default.float_val.extend([1.0, 2.5])
        file.write_bytes(model.SerializeToString())
    with serving(server, "linear", change=with_default) as at:
        near(asked(at, {"inputs": {}}).json()["outputs"], [2.0, 6.5])
        told = requests.get(at.url("/v1/models/m/metadata"), timeout=60).json()["metadata"]["signature_def"]["signature_def"]
        default = told["serving_default"]["defaults"]["x"]
        same((default["dtype"], default["float_val"], default["tensor_shape"]["dim"][0]["size"]), ("DT_FLOAT", [1, 2.5], "2"))
        message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        message.model_spec.name = "m"
        found = get_model_metadata_pb2.SignatureDefMap()
        prediction(at).GetModelMetadata(message, 60).metadata["signature_def"].Unpack(found)
        near(array(found.signature_def["serving_default"].defaults["x"]), [1.0, 2.5])


@with_tensorflow
def strings_come_as_text_or_base64_and_go_as_their_output_is_named(server):
    with serving(server, "echo") as at:
        answer = asked(at, {"instances": ["ab", {"b64": "YWI="}]}).json()["predictions"]
        same(answer, [{"text": "ab", "text_bytes": {"b64": "YWI="}}] * 2)
        refused(asked(at, {"instances": [{"b64": "!"}]}), 400, "Unable to base64 decode")


@with_tensorflow
def metadata_is_what_the_saved_model_declares(server):
    for name in ("linear", "examples", "echo", "composite"):
        declared = saved_model_pb2.SavedModel.FromString((models() / name / "1/saved_model.pb").read_bytes())
        message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        message.model_spec.name = "m"
        with serving(server, name) as at:
            found = get_model_metadata_pb2.SignatureDefMap()
            prediction(at).GetModelMetadata(message, 60).metadata["signature_def"].Unpack(found)
            same(dict(found.signature_def), dict(declared.meta_graphs[0].signature_def))
            told = requests.get(at.url("/v1/models/m/metadata"), timeout=60).json()["metadata"]["signature_def"]["signature_def"]
            # In the words of protobuf's own printer, whose older versions name the rule for fields that are not set otherwise.
            printed = functools.partial(json_format.MessageToDict, preserving_proto_field_name=True)
            rules = inspect.signature(json_format.MessageToDict).parameters
            all_fields = {rule: True for rule in ("always_print_fields_with_no_presence", "including_default_value_fields") if rule in rules}
            same(told, {key: printed(signature, **all_fields) for key, signature in found.signature_def.items()})


def runs(at):
    return requests.get(at.url("/v2/models/m/stats"), timeout=60).json()["model_stats"][0]["execution_count"]


@with_tensorflow
def a_saved_model_parses_examples_itself(server):
    rows = [example(x=2.0), example(x=3.0, bias=1.0)]
    with serving(server, "examples") as at:
        answer = prediction(at).Classify(question(classification_pb2.ClassificationRequest(), *rows), 60)
        same([[(one.label, one.score) for one in classes.classes] for classes in answer.result.classifications],
             [[("low", 2.0), ("high", 10.0)], [("low", 3.0), ("high", 1.0)]])
        answer = prediction(at).Regress(question(regression_pb2.RegressionRequest(), *rows, signature="regress"), 60)
        same([one.value for one in answer.result.regressions], [12.0, 4.0])
        before = runs(at)
        both = prediction(at).MultiInference(two_tasks(*rows), 60).results
        same(runs(at) - before, 1)
        same([one.value for one in both[0].regression_result.regressions], [12.0, 4.0])
        same(both[1].classification_result.classifications[1].classes[0].score, 3.0)
        answer = asked(at, {"context": {"bias": 1.0}, "examples": [{"x": 2.0}]}, "classify").json()
        same(answer, {"results": [[["low", 2.0], ["high", 1.0]]]})
        answer = asked(at, {"signature_name": "regress", "examples": [{"x": 2.0}]}, "regress").json()
        same(answer, {"results": [12.0]})
        refused(asked(at, {"examples": [{"bias": 1.0}]}, "classify"), 400, "x", "required but could not be found")
        refused(asked(at, {"signature_name": "serving_default", "examples": [{"x": 1.0}]}, "regress"), 400, "Expected one output Tensor.")
        refused(asked(at, {"signature_name": "regress", "examples": [{"x": 1.0}]}, "classify"), 400,
                'at least one of "classes" or "scores"')


@with_tensorflow
def a_saved_model_that_runs_on_onnx_takes_examples_as_tensorflows_own_does(server):
    rows = [example(x=2.0), example(x=32.0)]
    for flags in ((), ("--prefer", "onnx")):
        with landfall_serve(server, models() / "told_again", *flags) as at:
            same("runs on ONNX" in "".join(at.log), bool(flags))
            both = prediction(at).MultiInference(two_tasks(*rows), 60).results
            same([one.value for one in both[0].regression_result.regressions], [2.5, 2.5])
            same([[one.label for one in classes.classes] for classes in both[1].classification_result.classifications],
                 [[row.SerializeToString().decode()] for row in rows])
            answer = asked(at, {"signature_name": "regress", "examples": [{"x": 2.0}, {}]}, "regress").json()
            same(answer, {"results": [2.5, 2.5]})
            refused(asked(at, {"examples": [{"x": 1.0}]}, "regress"), 400, "No regression outputs found in SignatureDef")


def recorded(*logs):
    return lambda version: ((version / WARM_UP).parent.mkdir(), (version / WARM_UP).write_bytes(b"".join(map(record, logs))))


@with_tensorflow
def recorded_calls_of_all_kinds_warm_a_saved_model(server):
    row = example(x=2.0)
    predicted, classified, regressed, several = (prediction_log_pb2.PredictionLog() for _ in range(4))
    predicted.predict_log.request.CopyFrom(request("another", {}, signature_name="regress"))
    predicted.predict_log.request.inputs["inputs"].CopyFrom(tensor(np.array([row.SerializeToString()], "S")))
    question(classified.classify_log.request, row)
    question(regressed.regress_log.request, row, signature="regress")
    several.multi_inference_log.request.CopyFrom(two_tasks(row))
    def change(version):
        recorded(predicted, classified, regressed, several)(version)
        (version.parents[1] / "page").write_text("prometheus_config { enable: true }")
    with serving(server, "examples", change=change) as at:
        same(asked(at, {"signature_name": "regress", "examples": [{"x": 2.0}]}, "regress").json(), {"results": [12.0]})
        flags = [f"--monitoring_config_file={at.folder}/page", "--model_name=m", f"--model_base_path={at.folder}/m"]
        with started(server, flags) as other:
            page = requests.get(other.url("/monitoring/prometheus/metrics"), timeout=60).text
            assert f':tensorflow:serving:model_warmup_latency_count{{model_path="{at.folder}/m/1",status="OK"}} 1' in page, page
    regressed.regress_log.request.model_spec.signature_name = "nowhere"
    with serving(server, "examples", change=recorded(regressed), wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "No signature was found with the name: nowhere" in out, out


@with_tensorflow
def a_broken_version_is_told_and_the_good_one_serves_on(server):
    with serving(server, "linear", change=lambda version: (version / "saved_model.pb").write_bytes(b"no graph"), wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "1 servable(s) did not become available" in out and "saved_model.pb" in out, out
    with serving(server, "linear", "--saved_model_tags=serve,tpu", wait=False) as at:
        code, out = at.ended()
        assert code == 255 and "no graph has the tags {serve,tpu}" in out, out
    with serving(server, "linear") as at:
        (at.folder / "next").mkdir()
        (at.folder / "next/saved_model.pb").write_bytes(b"no graph")
        (at.folder / "next").rename(at.folder / "m/2")
        until(lambda: at.states("m").get("2") == "END")
        near(asked(at, {"instances": [1.0]}).json()["predictions"], [2.0])


@with_tensorflow
def callers_share_a_batch_of_a_saved_model(server):
    def change(version):
        text = "max_batch_size { value: 4 } batch_timeout_micros { value: 30000000 } allowed_batch_sizes: 4"
        (version.parents[1] / "batching").write_text(text)
    with serving(server, "linear", change=change) as first:
        flags = ["--model_name=m", f"--model_base_path={first.folder}/m", "--enable_batching", f"--batching_parameters_file={first.folder}/batching"]
        with started(server, flags) as at, concurrent.futures.ThreadPoolExecutor(4) as callers:
            # Nobody is answered before the fourth has come, or half a minute has gone.
            found = callers.map(lambda x: asked(at, {"instances": [float(x)]}).json()["predictions"], range(4))
            near(list(found), [[-1.0], [2.0], [5.0], [8.0]])
            refused(asked(at, {"instances": [1.0] * 5}), 400, "Task size 5 is larger than maximum input batch size 4")


@with_tensorflow
def calls_of_unequal_lengths_run_apart_or_padded_with_their_own_first_value(server):
    bodies = [{"instances": [{"x": [1, 2, 3], "words": ["a"]}]}, {"instances": [{"x": [5], "words": ["q", "r"]}, {"x": [6], "words": ["t", "u"]}]}]
    apart = [[{"sum": 6.0, "text": "a", "twice": [2.0, 4.0, 6.0]}], [{"sum": 5.0, "text": "qr", "twice": [10.0]}, {"sum": 6.0, "text": "tu", "twice": [12.0]}]]
    padded = [[{"sum": 6.0, "text": "aa", "twice": [2.0, 4.0, 6.0]}],
              [{"sum": 15.0, "text": "qr", "twice": [10.0, 10.0, 10.0]}, {"sum": 16.0, "text": "tu", "twice": [12.0, 10.0, 10.0]}]]
    for pads, wait_micros, expected in [("false", 1000, apart), ("true", 30_000_000, padded)]:
        parameters = f"max_batch_size {{ value: 3 }} batch_timeout_micros {{ value: {wait_micros} }} pad_variable_length_inputs: {pads}"
        def flags(folder):
            shutil.copytree(models() / "sums", folder / "m")
            (folder / "batching").write_text(parameters)
            return ["--model_name=m", f"--model_base_path={folder}/m", "--enable_batching", f"--batching_parameters_file={folder}/batching"]
        with started(server, flags) as at, concurrent.futures.ThreadPoolExecutor(2) as callers:
            same(list(callers.map(lambda body: asked(at, body).json().get("predictions"), bodies)), expected)


def with_metadata(path):
    """A TensorFlow Lite file as TensorFlow Serving's tools wrote it once: names for callers stand in its metadata."""
    import flatbuffers
    from flatbuffers import flexbuffers
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow.lite.python import schema_py_generated as schema
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    graph, definition = model.subgraphs[0], meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
    definition.inputs["drink"].name = graph.tensors[graph.inputs[0]].name.decode()
    definition.outputs["chances"].name = graph.tensors[graph.outputs[0]].name.decode()
    about, held = schema.MetadataT(), schema.BufferT()
    words = flexbuffers.Builder()
    with words.Map():
        words.Key("serving_default")
        words.Blob(definition.SerializeToString())
    held.data = list(words.Finish())
    about.name, about.buffer = b"signature_defs_metadata", len(model.buffers)
    model.buffers.append(held)
    model.metadata, model.signatureDefs = [*(model.metadata or []), about], None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


@with_tensorflow
def names_in_a_light_models_metadata_are_what_callers_use(server):
    def made(folder):
        (folder / "m/1").mkdir(parents=True)
        shutil.copy(forms() / "tflite/model.tflite", folder / "m/1/model.tflite")
        with_metadata(folder / "m/1/model.tflite")
        return ["--model_name=m", f"--model_base_path={folder}/m", "--prefer_tflite_model=true"]
    with started(server, made) as at:
        found = asked(at, {"inputs": {"drink": [[0.5] * 13]}, "signature_name": "serving_default"})
        same(found.status_code, 200)
        near(sum(found.json()["outputs"][0]), 1.0)
        told = requests.get(at.url("/v1/models/m/metadata"), timeout=60).json()["metadata"]["signature_def"]["signature_def"]
        same((list(told["serving_default"]["inputs"]), list(told["serving_default"]["outputs"])), (["drink"], ["chances"]))


def blocks(language):
    """The page's blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.S)


@with_tensorflow
def the_pages_saved_model_is_made_served_and_asked(server):
    [made], [commands] = blocks("python"), blocks("bash")
    start, *calls = [line.strip() for line in commands.replace("\\\n", " ").splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", made], cwd=folder, check=True, capture_output=True)
        words = [word.replace("$PWD", folder) for word in start.split()]
        same(words[:2], ["landfall", "tensorflow-model-server"])
        flags = [word for word in words[2:] if not word.startswith(("--port=", "--rest_api_port="))]
        with started(server, flags) as at:
            for call in calls:
                call = call.replace("127.0.0.1:8501", at.http).replace("curl -s", "curl -sS --fail-with-body")
                answer = subprocess.run(["sh", "-c", call], capture_output=True, text=True, timeout=60)
                same((answer.returncode, answer.stderr), (0, ""))
                same(json.loads(answer.stdout), {"predictions": [2.5, 3.0, 4.5]})


def the_pages_configuration_file_serves(server):
    text, _ = blocks("text")
    with started(server, lambda folder: (folder / "models.config").write_text(text.replace("/models/", f"{ROOT}/examples/models/")) and
                 [f"--model_config_file={folder}/models.config", "--allow_version_labels_for_unavailable_models"]) as at:
        until(lambda: at.states("digits") == {"2": "AVAILABLE", "1": "AVAILABLE"})
        same(requests.get(at.url("/v1/models/digits/labels/stable"), timeout=60).json()["model_version_status"][0]["version"], "1")


def the_pages_model_that_logs_requests_serves(server):
    _, text = blocks("text")
    def flags(folder):
        (folder / "logs").mkdir()
        config = text.replace("/var/log/models/", f"{folder}/logs/").replace('"/models/', f'"{ROOT}/examples/models/')
        (folder / "models.config").write_text(f"model_config_list {{ {config} }}")
        return [f"--model_config_file={folder}/models.config"]
    with started(server, flags) as at:
        until(lambda: at.states("digits").get("2") == "AVAILABLE")
