"""TensorFlow Serving's REST dialect, called with requests and curl."""
import gzip
import json
import subprocess

import numpy as np
import requests
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from expect import ctr_only, has, near, onnxruntime_only, refused, same
from server import ctr_rows, golden

ROW = {"sepal_length": 6.4, "sepal_width": 2.7, "petal_length": 5.3, "petal_width": 1.9}


def predict(server, model, body, where="", **more):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(server.url(f"/v1/models/{model}{where}:predict"), data=data, timeout=20, **more)


def listed(rows, *names):
    """Rows as objects of named inputs."""
    return [{name: rows[name][i].tolist() for name in names} for i in range(len(rows[names[0]]))]


def curl_gets_an_answer_from_an_example(server):
    command = ["curl", "-sS", "--fail", server.url("/v1/models/iris:predict"), "-d", json.dumps({"instances": [ROW]})]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout)
    same(answer["predictions"][0]["label"], 2)
    near(sum(answer["predictions"][0]["probabilities"]), 1.0)


def rows_of_named_columns_give_a_prediction_each(server):
    rows = golden("iris")
    answer = predict(server, "iris", {"instances": listed(rows, *ROW)}).json()["predictions"]
    near([row["probabilities"] for row in answer], rows["probabilities"])
    same([row["label"] for row in answer], rows["label"].tolist())


def the_columnar_form_gives_outputs_by_name(server):
    rows = golden("iris")
    answer = predict(server, "iris", {"inputs": {name: rows[name].tolist() for name in ROW}}).json()["outputs"]
    near(answer["probabilities"], rows["probabilities"])
    same(answer["label"], rows["label"].tolist())


def one_output_stands_without_its_name(server):
    rows = golden("breast_cancer")
    answer = predict(server, "breast_cancer", {"instances": rows["features"].tolist()}).json()
    near(answer["predictions"], rows["malignant"])
    columnar = predict(server, "breast_cancer", {"inputs": rows["features"].tolist()}).json()
    near(columnar["outputs"], rows["malignant"])


def nested_lists_become_a_tensor_of_their_rank(server):
    rows = golden("digits", 2)
    answer = predict(server, "digits", {"instances": rows["image"].tolist()}, "/versions/2").json()["predictions"]
    near([row["probabilities"] for row in answer], rows["probabilities"])


def versions_and_labels_choose_what_answers(server):
    image = golden("digits", 1)["image"]
    body = {"instances": image.tolist()}
    by_where = {where: predict(server, "digits", body, where).json()["predictions"]
                for where in ("", "/versions/1", "/versions/2", "/labels/stable", "/labels/canary")}
    same(by_where["/labels/stable"], by_where["/versions/1"])
    same(by_where["/labels/canary"], by_where["/versions/2"])
    same(by_where[""], by_where["/versions/2"])
    assert by_where["/versions/1"] != by_where["/versions/2"]


@ctr_only
def click_through_rows_score_as_expected(server):
    rows = ctr_rows()
    answer = predict(server, "ctr", {"instances": listed(rows, "dense", "ids")}).json()["predictions"]
    near(answer, rows["score"])


@onnxruntime_only
def words_and_class_names_pass_through_a_pipeline(server):
    rows = golden("iris_pipeline")
    instances = [{name: rows[name][i, 0].item() for name in ("sepal_length", "sepal_width", "petal_length")}
                 | {"petal": rows["petal"][i, 0].decode()} for i in range(len(rows["petal"]))]
    answer = predict(server, "iris_pipeline", {"instances": instances}).json()["predictions"]
    same([row["output_label"] for row in answer], [label.decode() for label in rows["output_label"]])
    near([row["output_probability"] for row in answer], rows["output_probability"])


def a_packed_body_is_unpacked(server):
    body = gzip.compress(json.dumps({"instances": [ROW]}).encode())
    answer = predict(server, "iris", body, headers={"Content-Encoding": "gzip"})
    same(answer.status_code, 200)


def what_is_not_there_is_named(server):
    body = {"instances": [ROW]}
    refused(predict(server, "nobody", body), 404, "Servable not found for request: Latest(nobody)")
    refused(predict(server, "iris", body, "/versions/99"), 404, "Servable not found for request: Specific(iris, 99)")
    for model in ("iris", "nobody"):
        refused(predict(server, model, body, "/labels/none"), 400, "Unrecognized servable version label: none")
    refused(predict(server, "iris", body | {"signature_name": "other"}), 400,
            'Serving signature name: "other" not found in signature def')


def a_body_that_is_no_request_is_refused_with_the_reason(server):
    refused(predict(server, "iris", ""), 400, "JSON Parse error: The document is empty")
    refused(predict(server, "iris", "{"), 400, "JSON Parse error")
    refused(predict(server, "iris", "[1]"), 400, "Is not object")
    refused(predict(server, "iris", "{}"), 400, "Missing 'inputs' or 'instances' key")
    refused(predict(server, "iris", {"instances": [], "inputs": []}), 400, "expecting only one of")
    refused(predict(server, "iris", {"instances": 1}), 400, "Expecting 'instances' to be an list/array")
    refused(predict(server, "iris", {"instances": []}), 400, "No values in 'instances' array")


def a_wrong_row_is_refused_with_its_number_and_input(server):
    wrong = {"instances": [ROW, ROW | {"petal_width": "wide"}]}
    refused(predict(server, "iris", wrong), 400, "Failed to process element: 1", "petal_width", "is not of expected type: float")
    missing = {name: value for name, value in ROW.items() if name != "petal_width"}
    refused(predict(server, "iris", {"instances": [missing]}), 400, "Failed to process element: 0", "keys must be equal to")
    refused(predict(server, "iris", {"instances": [ROW | {"colour": 1}]}), 400, "does not have named input: colour")
    refused(predict(server, "iris", {"instances": [ROW | {"petal_width": None}]}), 400, "Failed to process element: 0")


@ctr_only
def an_integer_that_does_not_fit_is_refused(server):
    rows = ctr_rows()
    row = {"dense": rows["dense"][0].tolist(), "ids": rows["ids"][0].tolist()}
    for bad in (2**63, 1.5, True):
        refused(predict(server, "ctr", {"instances": [row | {"ids": [bad] + row["ids"][1:]}]}), 400, "int64")


def a_malformed_path_is_refused(server):
    for path in ("/v1/foo", "/v1/models/iris:Predict", "/v1/models/iris/versions/x:predict"):
        refused(requests.post(server.url(path), data="{}", timeout=20), 400, "Malformed request: POST")
    refused(requests.get(server.url("/v1/models"), timeout=20), 400, "Missing model name in request")


def status_reads_as_the_original_message(server):
    answer = requests.get(server.url("/v1/models/digits"), timeout=20)
    message = json_format.Parse(answer.text, get_model_status_pb2.GetModelStatusResponse())
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    same([(v.version, v.state) for v in message.model_version_status if v.version in (1, 2)], [(2, available), (1, available)])
    refused(requests.get(server.url("/v1/models/nobody"), timeout=20), 404, "Could not find any versions of model nobody")
    refused(requests.get(server.url("/v1/models/iris/versions/9"), timeout=20), 404, "Could not find version 9 of model iris")


def metadata_reads_as_the_original_message(server):
    answer = requests.get(server.url("/v1/models/iris/metadata"), timeout=20)
    same(answer.status_code, 200)
    metadata = answer.json()
    same(metadata["model_spec"]["name"], "iris")
    same(metadata["model_spec"]["version"], "1")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    json_format.ParseDict(metadata["metadata"]["signature_def"], signatures, ignore_unknown_fields=True)
    signature = signatures.signature_def["serving_default"]
    same(sorted(signature.inputs), sorted(ROW))
    same(sorted(signature.outputs), ["label", "probabilities"])
    same([d.size for d in signature.outputs["probabilities"].tensor_shape.dim], [-1, 3])


def one_connection_carries_many_calls(server):
    with requests.Session() as session:
        for _ in range(20):
            answer = session.post(server.url("/v1/models/iris:predict"), data=json.dumps({"instances": [ROW]}), timeout=20)
            same(answer.status_code, 200)


def not_a_number_passes_as_a_bare_token_or_is_refused_where_it_would_get_lost(server):
    row = json.dumps({"instances": [ROW]}).replace("1.9", "NaN")
    answer = predict(server, "iris", row)
    if server.engine == "embedded":
        return refused(answer, 400, 'input "petal_width" row 0', "NaN", "ArgMax", "ONNX Runtime")
    same(answer.status_code, 200)
    has(answer.text, "NaN")
    assert np.isnan(answer.json()["predictions"][0]["probabilities"]).all()
