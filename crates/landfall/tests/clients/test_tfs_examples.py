"""Classify, Regress and MultiInference over tf.Example, with tensorflow-serving-api's own messages and stubs, on models
of other formats: features map to inputs by name."""
import json
import shutil

import grpc
import requests
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from expect import has, near, refused, refused_by_grpc, same
from server import golden
from test_tfs_grpc import INVALID, IRIS, NOT_FOUND, prediction
from test_versions import states, until

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"

# Two features, two trees: age < 0.5 gives -1, else 1 or 3 as job < 2 or not; 0.25 and the base of 0.5 on top.
BOOSTED = {
    "learner": {
        "attributes": {}, "feature_names": ["age", "job"], "feature_types": ["float", "float"],
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_trees": "2", "num_parallel_tree": "1"},
            "iteration_indptr": [0, 1, 2], "tree_info": [0, 0],
            "trees": [
                {"tree_param": {"num_nodes": "5", "num_feature": "2", "size_leaf_vector": "1"},
                 "left_children": [1, -1, 3, -1, -1], "right_children": [2, -1, 4, -1, -1],
                 "split_indices": [0, 0, 1, 0, 0], "split_conditions": [0.5, -1.0, 2.0, 1.0, 3.0],
                 "default_left": [0, 0, 1, 0, 0], "split_type": [0] * 5, "sum_hessian": [4.0] * 5,
                 "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": []},
                {"tree_param": {"num_nodes": "1", "num_feature": "2", "size_leaf_vector": "1"},
                 "left_children": [-1], "right_children": [-1], "split_indices": [0], "split_conditions": [0.25],
                 "default_left": [0], "split_type": [0], "sum_hessian": [4.0],
                 "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": []},
            ]}},
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror"}},
    "version": [3, 1, 0]}
AGES = [({"age": 0.0, "job": 1.0}, -0.25), ({"age": 1.0, "job": 1.0}, 1.75), ({"age": 1.0, "job": 5.0}, 3.75), ({"job": 5.0}, 3.75)]


def example(features):
    """Features by name: a float, a list of floats, or bytes."""
    message = example_pb2.Example()
    for name, value in features.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.extend(value if isinstance(value, list) else [value])
    return message


def asked(message, model, rows, signature=""):
    message.model_spec.name = model
    message.model_spec.signature_name = signature
    message.input.example_list.examples.extend(example(row) for row in rows)
    return message


def iris_rows():
    rows = golden("iris")
    return [{name: rows[name][i].tolist() for name in IRIS} for i in range(len(rows["label"]))], rows


def scores(result):
    return [[one.score for one in classes.classes] for classes in result.classifications]


def an_onnx_model_classifies_examples(server):
    rows, expected = iris_rows()
    answer = prediction(server).Classify(asked(classification_pb2.ClassificationRequest(), "iris", rows), timeout=20)
    near(scores(answer.result), expected["probabilities"])
    spec = answer.model_spec
    same((spec.name, spec.version.value, spec.signature_name), ("iris", 1, "serving_default"))
    labels = {one.label for classes in answer.result.classifications for one in classes.classes}
    same(labels, {""})


def the_same_over_rest(server):
    rows, expected = iris_rows()
    answer = requests.post(server.url("/v1/models/iris:classify"), data=json.dumps({"examples": rows}), timeout=20)
    same(answer.status_code, 200)
    near([[score for _, score in classes] for classes in answer.json()["results"]], expected["probabilities"])


def a_context_stands_for_features_of_all_examples(server):
    rows, expected = iris_rows()
    context = {name: rows[0][name] for name in IRIS[:2]}
    rest = [{name: row[name] for name in IRIS[2:]} for row in rows[:3]]
    merged = [{**context, **row} for row in rest]
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "iris"
    request.input.example_list_with_context.context.CopyFrom(example(context))
    request.input.example_list_with_context.examples.extend(example(row) for row in rest)
    with_context = scores(prediction(server).Classify(request, timeout=20).result)
    without = scores(prediction(server).Classify(asked(classification_pb2.ClassificationRequest(), "iris", merged), timeout=20).result)
    same(with_context, without)
    near(with_context[0], expected["probabilities"][0])
    body = json.dumps({"context": context, "examples": rest})
    answer = requests.post(server.url("/v1/models/iris:classify"), data=body, timeout=20).json()
    near([[score for _, score in classes] for classes in answer["results"]], without)


def a_matrix_is_one_feature_of_as_many_values(server):
    rows = golden("breast_cancer")
    features = [{"features": row.tolist()} for row in rows["features"]]
    request = asked(regression_pb2.RegressionRequest(), "breast_cancer", features)
    answer = prediction(server).Regress(request, timeout=20)
    near([one.value for one in answer.result.regressions], rows["malignant"].ravel())
    answer = requests.post(server.url("/v1/models/breast_cancer:regress"), data=json.dumps({"examples": features}), timeout=20)
    near(answer.json()["results"], rows["malignant"].ravel())


def trees_regress_and_classify_with_features_missing_as_the_model_has_it(server):
    folder = server.models / "boosted"
    (folder / "1").mkdir(parents=True)
    (folder / "1/model.json").write_text(json.dumps(BOOSTED))
    until(lambda: requests.get(server.url("/v1/models/boosted"), timeout=20).status_code == 200
          and states(server, "boosted").get("1", {}).get("state") == "AVAILABLE")
    rows, expected = [row for row, _ in AGES], [value for _, value in AGES]
    answer = prediction(server).Regress(asked(regression_pb2.RegressionRequest(), "boosted", rows), timeout=20)
    near([one.value for one in answer.result.regressions], expected)
    answer = requests.post(server.url("/v1/models/boosted:regress"), data=json.dumps({"examples": rows}), timeout=20)
    near(answer.json()["results"], expected)
    answer = prediction(server).Classify(asked(classification_pb2.ClassificationRequest(), "boosted", rows), timeout=20)
    near(scores(answer.result), [[value] for value in expected])
    for method, result_of in ((REGRESS, lambda r: [one.value for one in r.regression_result.regressions]),
                              (CLASSIFY, lambda r: [score for [score] in scores(r.classification_result)])):
        [result] = prediction(server).MultiInference(one_task("boosted", rows, method), timeout=20).results
        near(result_of(result), expected)
        same((result.model_spec.name, result.model_spec.signature_name), ("boosted", "serving_default"))
    twice = one_task("boosted", rows, REGRESS)
    twice.tasks.append(twice.tasks[0])
    refused_by_grpc(INVALID, lambda: prediction(server).MultiInference(twice, timeout=20),
                    "Duplicate evaluation of signature: serving_default")
    shutil.rmtree(folder)


def what_cannot_be_asked_is_told_in_the_originals_words(server):
    call = prediction(server)
    rows, _ = iris_rows()
    refused_by_grpc(INVALID, lambda: call.Classify(asked(classification_pb2.ClassificationRequest(), "iris", []), timeout=20), "Input is empty.")
    refused_by_grpc(NOT_FOUND, lambda: call.Regress(asked(regression_pb2.RegressionRequest(), "nobody", rows), timeout=20),
                    "Servable not found for request: Latest(nobody)")
    refused_by_grpc(INVALID, lambda: call.Classify(asked(classification_pb2.ClassificationRequest(), "iris", rows, "x"), timeout=20),
                    "No signature was found with the name: x")
    refused_by_grpc(INVALID, lambda: call.Regress(asked(regression_pb2.RegressionRequest(), "iris", rows), timeout=20), "cannot regress")
    wrong = [{**rows[0], "sepal_length": b"tall"}]
    refused_by_grpc(INVALID, lambda: call.Classify(asked(classification_pb2.ClassificationRequest(), "iris", wrong), timeout=20),
                    "example 0", "sepal_length", "expected float, found bytes")
    refused_by_grpc(grpc.StatusCode.UNIMPLEMENTED, lambda: call.MultiInference(one_task("iris", rows, "tensorflow/serving/predict"), timeout=20),
                    "Unsupported signature method_name: tensorflow/serving/predict")
    response = requests.post(server.url("/v1/models/iris:classify"), data='{"examples": [{"sepal_length": [1, 2.5]}]}', timeout=20)
    refused(response, 400, "Unexpected element type in feature: sepal_length expecting type: int64")
    response = requests.post(server.url("/v1/models/iris:classify"), data="{}", timeout=20)
    refused(response, 400, "When method is classify, key 'examples' is expected and was not found")
    has(requests.post(server.url("/v1/models/iris:regress"), data='{"examples": [{}]}', timeout=20).json()["error"], "cannot regress")


def one_task(model, rows, method):
    request = inference_pb2.MultiInferenceRequest()
    request.input.example_list.examples.extend(example(row) for row in rows)
    task = request.tasks.add(method_name=method)
    task.model_spec.name = model
    return request
