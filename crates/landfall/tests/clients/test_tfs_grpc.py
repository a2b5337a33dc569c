"""TensorFlow Serving's gRPC services, called with tensorflow-serving-api's own stubs."""
import grpc
import numpy as np
from google.protobuf import wrappers_pb2
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc, predict_pb2,
                                     prediction_service_pb2_grpc)

from expect import ctr_only, near, onnxruntime_only, refused_by_grpc, same
from server import ctr_rows, golden

IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
DTYPES = {"f4": types_pb2.DT_FLOAT, "i8": types_pb2.DT_INT64, "f8": types_pb2.DT_DOUBLE}
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def prediction(at):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(at.grpc))


def models(at):
    return model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel(at.grpc))


def tensor(array, typed=False):
    """An array as TensorProto: raw content, or the typed field of its dtype."""
    message = tensor_pb2.TensorProto()
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if array.dtype.kind == "S":
        message.dtype = types_pb2.DT_STRING
        message.string_val.extend(array.ravel().tolist())
        return message
    message.dtype = DTYPES[array.dtype.str[1:]]
    if typed:
        field = message.float_val if array.dtype == np.float32 else message.int64_val
        field.extend(array.ravel().tolist())
    else:
        message.tensor_content = array.tobytes()
    return message


def array(message):
    """An answer's TensorProto as an array."""
    shape = [dim.size for dim in message.tensor_shape.dim]
    if message.tensor_content:
        kind = {v: k for k, v in DTYPES.items()}[message.dtype]
        return np.frombuffer(message.tensor_content, "<" + kind).reshape(shape)
    values = {types_pb2.DT_FLOAT: message.float_val, types_pb2.DT_INT64: message.int64_val,
              types_pb2.DT_STRING: message.string_val}[message.dtype]
    kind = {types_pb2.DT_FLOAT: np.float32, types_pb2.DT_INT64: np.int64, types_pb2.DT_STRING: object}[message.dtype]
    return np.array(list(values), kind).reshape(shape)


def request(model, arrays, typed=False, **spec):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = model
    for key, value in spec.items():
        if key == "version":
            message.model_spec.version.CopyFrom(wrappers_pb2.Int64Value(value=value))
        else:
            setattr(message.model_spec, key, value)
    for name, values in arrays.items():
        message.inputs[name].CopyFrom(tensor(values, typed))
    return message


def iris(**more):
    rows = golden("iris")
    return request("iris", {name: rows[name] for name in IRIS}, **more)


def raw_content_and_typed_values_give_the_expected_answer(server):
    rows = golden("iris")
    for typed in (False, True):
        answer = prediction(server).Predict(iris(typed=typed), timeout=20)
        near(array(answer.outputs["probabilities"]), rows["probabilities"])
        same(array(answer.outputs["label"]).tolist(), rows["label"].tolist())


def the_answer_says_which_version_and_signature_it_is(server):
    spec = prediction(server).Predict(iris(), timeout=20).model_spec
    same((spec.name, spec.version.value, spec.signature_name), ("iris", 1, "serving_default"))


def versions_and_labels_choose_what_answers(server):
    for spec, version in (({"version": 1}, 1), ({"version_label": "stable"}, 1), ({"version_label": "canary"}, 2), ({}, 2)):
        rows = golden("digits", version)
        answer = prediction(server).Predict(request("digits", {"image": rows["image"]}, **spec), timeout=20)
        same(answer.model_spec.version.value, version)
        near(array(answer.outputs["probabilities"]), rows["probabilities"])


def the_output_filter_restricts_the_answer(server):
    message = iris()
    message.output_filter.append("label")
    same(list(prediction(server).Predict(message, timeout=20).outputs), ["label"])


def an_unknown_or_repeated_output_is_refused(server):
    unknown, repeated = iris(), iris()
    unknown.output_filter.append("z")
    repeated.output_filter.extend(["label", "label"])
    call = prediction(server).Predict
    refused_by_grpc(INVALID, lambda: call(unknown, timeout=20), "output tensor alias not found in signature: z")
    refused_by_grpc(INVALID, lambda: call(repeated, timeout=20), "duplicate output tensor alias: label")


def what_is_not_there_is_named(server):
    call = prediction(server).Predict
    refused_by_grpc(NOT_FOUND, lambda: call(request("nobody", {}), timeout=20), "Servable not found for request: Latest(nobody)")
    refused_by_grpc(NOT_FOUND, lambda: call(iris(version=9), timeout=20), "Servable not found for request: Specific(iris, 9)")
    refused_by_grpc(INVALID, lambda: call(iris(version_label="none"), timeout=20), "Unrecognized servable version label: none")
    refused_by_grpc(INVALID, lambda: call(request("nobody", {}, version_label="none"), timeout=20), "Unrecognized servable version label: none")
    refused_by_grpc(grpc.StatusCode.FAILED_PRECONDITION, lambda: call(iris(signature_name="x"), timeout=20),
                    'Serving signature key "x" not found.')


def a_call_without_a_model_is_refused(server):
    call = prediction(server).Predict
    refused_by_grpc(INVALID, lambda: call(predict_pb2.PredictRequest(), timeout=20), "Missing ModelSpec")
    refused_by_grpc(INVALID, lambda: call(request("", {}), timeout=20), "ModelSpec has no name specified.")


def inputs_that_do_not_fit_the_signature_are_refused(server):
    call, rows = prediction(server).Predict, golden("iris")
    few = request("iris", {"sepal_length": rows["sepal_length"]})
    refused_by_grpc(INVALID, lambda: call(few, timeout=20), "input size does not match signature")
    wrong = request("iris", {name: rows[name].astype(np.int64) for name in IRIS})
    refused_by_grpc(INVALID, lambda: call(wrong, timeout=20), "float", "int64")
    short = iris()
    short.inputs["petal_width"].tensor_content = short.inputs["petal_width"].tensor_content[:-1]
    refused_by_grpc(INVALID, lambda: call(short, timeout=20), "tensor parsing error: petal_width")


def a_packed_message_is_unpacked(server):
    answer = prediction(server).Predict(iris(), timeout=20, compression=grpc.Compression.Gzip)
    near(array(answer.outputs["probabilities"]), golden("iris")["probabilities"])


@ctr_only
def click_through_rows_score_as_expected(server):
    rows = ctr_rows()
    answer = prediction(server).Predict(request("ctr", {"dense": rows["dense"], "ids": rows["ids"]}), timeout=20)
    near(array(answer.outputs["score"]), rows["score"])


@onnxruntime_only
def words_and_class_names_pass_through_a_pipeline(server):
    rows = golden("iris_pipeline")
    inputs = {name: rows[name] for name in ("sepal_length", "sepal_width", "petal_length", "petal")}
    answer = prediction(server).Predict(request("iris_pipeline", inputs), timeout=20)
    same(list(answer.outputs["output_label"].string_val), rows["output_label"].tolist())
    near(array(answer.outputs["output_probability"]), rows["output_probability"])


def metadata_lists_the_signature(server):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "iris"
    answer = prediction(server).GetModelMetadata(message, timeout=20)
    same((answer.model_spec.name, answer.model_spec.version.value), ("iris", 1))
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures), answer.metadata["signature_def"].type_url
    signature = signatures.signature_def["serving_default"]
    same(sorted(signature.inputs), sorted(IRIS))
    same(signature.outputs["label"].dtype, types_pb2.DT_INT64)


def metadata_without_a_known_field_is_refused(server):
    call = prediction(server).GetModelMetadata
    message = get_model_metadata_pb2.GetModelMetadataRequest()
    message.model_spec.name = "iris"
    refused_by_grpc(INVALID, lambda: call(message, timeout=20), "must specify at least one metadata_field")
    message.metadata_field.append("foo")
    refused_by_grpc(INVALID, lambda: call(message, timeout=20), "Metadata field foo is not supported")


def status_lists_versions_newest_first(server):
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = "digits"
    versions = models(server).GetModelStatus(message, timeout=20).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    same([(v.version, v.state) for v in versions if v.version in (1, 2)], [(2, available), (1, available)])
    message.model_spec.name = "nobody"
    refused_by_grpc(NOT_FOUND, lambda: models(server).GetModelStatus(message, timeout=20), "Could not find any versions of model nobody")
