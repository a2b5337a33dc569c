"""The Open Inference Protocol over HTTP, called with tritonclient.http and, for what it cannot say, with requests."""
import gzip
import json

import numpy as np
import requests
import tritonclient.http as triton

from expect import ctr_only, has, near, onnxruntime_only, refused, refused_by_triton, same
from server import ctr_rows, golden

DTYPES = {"float32": "FP32", "int64": "INT64", "float64": "FP64"}


def client(at):
    return triton.InferenceServerClient(at.http, concurrency=4, connection_timeout=20, network_timeout=20)


def inputs(arrays, binary=True):
    """Arrays by name as the client's inputs."""
    made = []
    for name, values in arrays.items():
        text = values.dtype.kind in "SO"
        one = triton.InferInput(name, list(values.shape), "BYTES" if text else DTYPES[values.dtype.name])
        one.set_data_from_numpy(values.astype(object) if text else values, binary_data=binary)
        made.append(one)
    return made


def digits(version=2):
    return {"image": golden("digits", version)["image"]}


def infer(server, model, arrays, binary=True, outputs=None, **more):
    return client(server).infer(model, inputs(arrays, binary), outputs=outputs, **more)


def binary_and_json_tensors_give_the_expected_answer(server):
    expected = golden("digits", 2)
    for binary in (True, False):
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("probabilities", "label")]
        answer = infer(server, "digits", digits(), binary, outputs)
        near(answer.as_numpy("probabilities"), expected["probabilities"])
        same(answer.as_numpy("label").tolist(), expected["label"].tolist())


def outputs_that_nobody_names_all_come(server):
    answer = infer(server, "digits", digits())
    same(sorted(o["name"] for o in answer.get_response()["outputs"]), ["label", "probabilities"])


def the_answer_carries_version_and_id(server):
    answer = infer(server, "digits", digits(1), model_version="1", request_id="seven").get_response()
    same((answer["model_name"], answer["model_version"], answer["id"]), ("digits", "1", "seven"))


def only_the_outputs_asked_for_come(server):
    answer = infer(server, "digits", digits(), outputs=[triton.InferRequestedOutput("label")]).get_response()
    same([o["name"] for o in answer["outputs"]], ["label"])


def the_best_classes_come_sorted(server):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=3)]
    answer = infer(server, "digits", digits(), outputs=outputs).as_numpy("probabilities")
    expected = golden("digits", 2)
    same(answer.shape, (len(expected["label"]), 3))
    for row, label in zip(answer, expected["label"]):
        parts = [text.decode().split(":") for text in row]
        same(int(parts[0][1]), int(label))
        values = [float(value) for value, *_ in parts]
        same(values, sorted(values, reverse=True))


def packed_requests_and_answers_are_understood(server):
    for algorithm in ("gzip", "deflate"):
        answer = infer(server, "digits", digits(), request_compression_algorithm=algorithm,
                       response_compression_algorithm=algorithm)
        near(answer.as_numpy("probabilities"), golden("digits", 2)["probabilities"])


def calls_in_the_background_come_back_to_their_callers(server):
    expected, caller = golden("digits", 2), client(server)
    waiting = [caller.async_infer("digits", inputs({"image": expected["image"][i:i + 1]})) for i in range(12)]
    for i, call in enumerate(waiting):
        near(call.get_result().as_numpy("probabilities"), expected["probabilities"][i:i + 1])


def priority_and_timeout_are_taken(server):
    answer = infer(server, "digits", digits(), priority=1, timeout=10_000_000)
    near(answer.as_numpy("probabilities"), golden("digits", 2)["probabilities"])


@ctr_only
def click_through_rows_score_as_expected(server):
    rows = ctr_rows()
    answer = infer(server, "ctr", {"dense": rows["dense"], "ids": rows["ids"]})
    near(answer.as_numpy("score"), rows["score"])


@onnxruntime_only
def words_and_class_names_pass_through_a_pipeline(server):
    rows = golden("iris_pipeline")
    arrays = {name: rows[name] for name in ("sepal_length", "sepal_width", "petal_length", "petal")}
    for binary in (True, False):
        answer = infer(server, "iris_pipeline", arrays, binary)
        same(answer.as_numpy("output_label").tolist(), rows["output_label"].tolist())
        near(answer.as_numpy("output_probability"), rows["output_probability"])


def metadata_of_the_server_names_its_extensions(server):
    extensions = client(server).get_server_metadata()["extensions"]
    for extension in ("classification", "model_repository", "binary_tensor_data", "statistics"):
        assert extension in extensions, extension


def metadata_of_a_model_lists_versions_and_tensors(server):
    metadata = client(server).get_model_metadata("digits")
    same(metadata["name"], "digits")
    assert {"1", "2"} <= set(metadata["versions"]), metadata["versions"]
    same(metadata["inputs"], [{"name": "image", "datatype": "FP32", "shape": [-1, 8, 8]}])
    same({o["name"]: (o["datatype"], o["shape"]) for o in metadata["outputs"]},
         {"probabilities": ("FP32", [-1, 10]), "label": ("INT64", [-1])})


def the_configuration_follows_from_the_signature(server):
    config = client(server).get_model_config("digits")
    same(config["name"], "digits")
    same([i["name"] for i in config["input"]], ["image"])
    same(config["input"][0]["data_type"], "TYPE_FP32")
    same(config["version_policy"], {"all": {}} if len(client(server).get_model_metadata("digits")["versions"]) > 1 else {"latest": {"num_versions": 1}})


def health_is_good(server):
    caller = client(server)
    assert caller.is_server_live() and caller.is_server_ready()
    assert caller.is_model_ready("digits") and caller.is_model_ready("digits", "1")
    assert not caller.is_model_ready("nobody") and not caller.is_model_ready("digits", "99")


def statistics_count_requests_and_rows(server):
    def counts():
        stats = client(server).get_inference_statistics("breast_cancer", "1")["model_stats"][0]
        return stats["inference_stats"]["success"]["count"], stats["inference_count"], stats["execution_count"]

    before = counts()
    infer(server, "breast_cancer", {"features": golden("breast_cancer")["features"][:3]})
    same([b - a for a, b in zip(before, counts())], [1, 3, 1])


def the_index_lists_what_is_ready(server):
    index = client(server).get_model_repository_index()
    ready = {(one["name"], one["version"]) for one in index if one.get("state") == "READY"}
    assert {("iris", "1"), ("digits", "1"), ("digits", "2"), ("breast_cancer", "1")} <= ready, ready


def a_model_can_be_unloaded_and_loaded_again(server):
    caller = client(server)
    caller.unload_model("breast_cancer")
    assert not caller.is_model_ready("breast_cancer")
    caller.load_model("breast_cancer")
    assert caller.is_model_ready("breast_cancer")
    answer = infer(server, "breast_cancer", {"features": golden("breast_cancer")["features"]})
    near(answer.as_numpy("malignant"), golden("breast_cancer")["malignant"])


def what_a_status_says_is_said_in_json_to_those_who_take_it(server):
    for path, text in (("/v2/health/live", {"live": True}), ("/v2/health/ready", {"ready": True}),
                       ("/v2/models/digits/ready", {"name": "digits", "ready": True})):
        same(requests.get(server.url(path), timeout=20).json(), text)
        same(requests.get(server.url(path), timeout=20, headers={"Accept": None}).content, b"")


def loading_what_is_not_there_or_with_a_configuration_is_refused(server):
    refused_by_triton("400", lambda: client(server).load_model("digits", config="{}"), "config")
    answer = requests.post(server.url("/v2/repository/models/nobody/load"), timeout=20)
    assert answer.status_code in (400, 404), answer.status_code


def what_is_not_there_is_named(server):
    refused_by_triton("404", lambda: infer(server, "nobody", digits()), "nobody")
    refused_by_triton("404", lambda: infer(server, "digits", digits(), model_version="99"), "digits")
    outputs = [triton.InferRequestedOutput("nothing")]
    refused_by_triton("400", lambda: infer(server, "digits", digits(), outputs=outputs), "nothing")


def inputs_that_do_not_fit_are_refused_by_name(server):
    image = digits()["image"]
    refused_by_triton("400", lambda: infer(server, "digits", {"image": image.astype(np.int64)}), "image", "FP32", "INT64")
    refused_by_triton("400", lambda: infer(server, "digits", {"image": image[:, :7]}), "image")
    refused_by_triton("400", lambda: infer(server, "digits", {"picture": image}), "picture")
    refused_by_triton("400", lambda: infer(server, "iris", {"sepal_length": golden("iris")["sepal_length"]}), "iris")


def a_body_that_is_no_request_is_refused(server):
    for body in (b"", b"{", b"[]", b"{}", b'{"inputs": 1}', b'{"inputs": [{}]}'):
        answer = requests.post(server.url("/v2/models/digits/infer"), data=body, timeout=20)
        refused(answer, 400)


def a_wrong_length_of_the_header_is_refused(server):
    for length in ("-1", "abc", "99999999"):
        answer = requests.post(server.url("/v2/models/digits/infer"), data=b"{}", timeout=20,
                               headers={"Inference-Header-Content-Length": length})
        refused(answer, 400)


def a_body_in_plain_json_may_be_packed(server):
    image = digits()["image"][:1]
    body = {"inputs": [{"name": "image", "datatype": "FP32", "shape": list(image.shape), "data": image.ravel().tolist()}]}
    answer = requests.post(server.url("/v2/models/digits/infer"), data=gzip.compress(json.dumps(body).encode()),
                           headers={"Content-Encoding": "gzip"}, timeout=20)
    same(answer.status_code, 200)
    data = {o["name"]: o["data"] for o in answer.json()["outputs"]}
    near(data["probabilities"], golden("digits", 2)["probabilities"][0])


def a_path_that_is_none_and_a_method_that_is_wrong_are_told_apart(server):
    same(requests.get(server.url("/v3"), timeout=20).status_code, 404)
    same(requests.get(server.url("/v2/models/digits/infer"), timeout=20).status_code, 405)


def what_is_not_built_says_so(server):
    refused(requests.get(server.url("/v2/systemsharedmemory/status"), timeout=20), 501)
    refused(requests.get(server.url("/v2/trace/setting"), timeout=20), 501)


def metrics_count_by_model_and_version(server):
    text = requests.get(server.url("/metrics"), timeout=20).text
    has(text, "# TYPE", 'model="digits"', 'version="2"')
