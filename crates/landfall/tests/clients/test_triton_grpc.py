"""The Open Inference Protocol over gRPC, called with tritonclient.grpc."""
import asyncio
import queue

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as asynchronous
from tritonclient.grpc import service_pb2, service_pb2_grpc

from expect import ctr_only, near, onnxruntime_only, refused_by_grpc, refused_by_triton, same
from server import ctr_rows, golden

DTYPES = {"float32": "FP32", "int64": "INT64"}
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def client(at):
    return triton.InferenceServerClient(at.grpc)


def stub(at):
    return service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(at.grpc))


def inputs(arrays):
    """Arrays by name as the client's inputs, which send them raw."""
    made = []
    for name, values in arrays.items():
        text = values.dtype.kind in "SO"
        one = triton.InferInput(name, list(values.shape), "BYTES" if text else DTYPES[values.dtype.name])
        one.set_data_from_numpy(values.astype(object) if text else values)
        made.append(one)
    return made


def digits(version=2):
    return {"image": golden("digits", version)["image"]}


def infer(server, model, arrays, outputs=None, **more):
    return client(server).infer(model, inputs(arrays), outputs=outputs, client_timeout=20, **more)


def typed(model="digits", rows=2):
    """A request with typed contents, which the client never makes."""
    image = digits()["image"][:rows]
    message = service_pb2.ModelInferRequest(model_name=model, id="typed")
    tensor = message.inputs.add(name="image", datatype="FP32", shape=image.shape)
    tensor.contents.fp32_contents.extend(image.ravel().tolist())
    return message


def raw_tensors_give_the_expected_answer(server):
    expected = golden("digits", 2)
    answer = infer(server, "digits", digits())
    near(answer.as_numpy("probabilities"), expected["probabilities"])
    same(answer.as_numpy("label").tolist(), expected["label"].tolist())


def typed_contents_give_the_answer_of_raw_ones(server):
    answer = stub(server).ModelInfer(typed(), timeout=20)
    same(answer.id, "typed")
    position = [o.name for o in answer.outputs].index("probabilities")
    found = np.frombuffer(answer.raw_output_contents[position], np.float32).reshape(2, 10)
    near(found, golden("digits", 2)["probabilities"][:2])


def the_answer_carries_version_and_id(server):
    answer = infer(server, "digits", digits(1), model_version="1", request_id="seven").get_response()
    same((answer.model_name, answer.model_version, answer.id), ("digits", "1", "seven"))


def only_the_outputs_asked_for_come(server):
    answer = infer(server, "digits", digits(), outputs=[triton.InferRequestedOutput("label")]).get_response()
    same([o.name for o in answer.outputs], ["label"])


def the_best_classes_come_sorted(server):
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    answer = infer(server, "digits", digits(), outputs=outputs).as_numpy("probabilities")
    labels = golden("digits", 2)["label"]
    same([int(row[0].decode().split(":")[1]) for row in answer], labels.tolist())


def packed_messages_are_understood(server):
    for algorithm in ("gzip", "deflate"):
        answer = infer(server, "digits", digits(), compression_algorithm=algorithm)
        near(answer.as_numpy("probabilities"), golden("digits", 2)["probabilities"])


def a_stream_answers_in_order_and_outlives_a_bad_request(server):
    answers, caller = queue.Queue(), client(server)
    caller.start_stream(callback=lambda result, error: answers.put((result, error)))
    image = digits()["image"]
    for one in (image[:1], image[:1, :7], image[1:2]):
        caller.async_stream_infer("digits", inputs({"image": one}))
    found = [answers.get(timeout=20) for _ in range(3)]
    caller.stop_stream()
    same([error is None for _, error in found], [True, False, True])
    for row, (result, _) in ((0, found[0]), (1, found[2])):
        near(result.as_numpy("probabilities"), golden("digits", 2)["probabilities"][row:row + 1])


def calls_in_the_background_come_back_to_their_callers(server):
    expected, caller, answers = golden("digits", 2), client(server), queue.Queue()
    for i in range(12):
        caller.async_infer("digits", inputs({"image": expected["image"][i:i + 1]}), request_id=str(i), client_timeout=20,
                           callback=lambda result, error: answers.put((result, error)))
    for _ in range(12):
        result, error = answers.get(timeout=20)
        assert error is None, error
        row = int(result.get_response().id)
        near(result.as_numpy("probabilities"), expected["probabilities"][row:row + 1])


def priority_and_timeout_are_taken(server):
    answer = infer(server, "digits", digits(), priority=1, timeout=10_000_000)
    near(answer.as_numpy("probabilities"), golden("digits", 2)["probabilities"])


@ctr_only
def click_through_rows_score_as_expected(server):
    rows = ctr_rows()
    near(infer(server, "ctr", {"dense": rows["dense"], "ids": rows["ids"]}).as_numpy("score"), rows["score"])


@onnxruntime_only
def words_and_class_names_pass_through_a_pipeline(server):
    rows = golden("iris_pipeline")
    arrays = {name: rows[name] for name in ("sepal_length", "sepal_width", "petal_length", "petal")}
    answer = infer(server, "iris_pipeline", arrays)
    same(answer.as_numpy("output_label").tolist(), rows["output_label"].tolist())
    near(answer.as_numpy("output_probability"), rows["output_probability"])


def metadata_lists_versions_and_tensors(server):
    metadata = client(server).get_model_metadata("digits")
    assert {"1", "2"} <= set(metadata.versions), metadata.versions
    same([(i.name, i.datatype, list(i.shape)) for i in metadata.inputs], [("image", "FP32", [-1, 8, 8])])
    same(client(server).get_model_config("digits").config.name, "digits")
    assert "classification" in client(server).get_server_metadata().extensions


def health_is_good(server):
    caller = client(server)
    assert caller.is_server_live() and caller.is_server_ready() and caller.is_model_ready("digits", "1")
    assert not caller.is_model_ready("digits", "99")


def statistics_count_requests_and_rows(server):
    def counts():
        stats = client(server).get_inference_statistics("breast_cancer", "1").model_stats[0]
        return stats.inference_stats.success.count, stats.inference_count

    before = counts()
    infer(server, "breast_cancer", {"features": golden("breast_cancer")["features"][:3]})
    same([b - a for a, b in zip(before, counts())], [1, 3])


def the_index_lists_what_is_ready(server):
    ready = {(m.name, m.version) for m in client(server).get_model_repository_index().models if m.state == "READY"}
    assert {("iris", "1"), ("digits", "1"), ("digits", "2")} <= ready, ready


def a_model_can_be_unloaded_and_loaded_again(server):
    caller = client(server)
    caller.unload_model("breast_cancer")
    refused_by_triton("NOT_FOUND", lambda: infer(server, "breast_cancer", {"features": golden("breast_cancer")["features"]}))
    caller.load_model("breast_cancer")
    answer = infer(server, "breast_cancer", {"features": golden("breast_cancer")["features"]})
    near(answer.as_numpy("malignant"), golden("breast_cancer")["malignant"])


def what_is_not_there_is_named(server):
    refused_by_triton("NOT_FOUND", lambda: infer(server, "nobody", digits()), "nobody")
    refused_by_triton("NOT_FOUND", lambda: infer(server, "digits", digits(), model_version="99"), "digits")


def inputs_that_do_not_fit_are_refused_by_name(server):
    image = digits()["image"]
    refused_by_triton("INVALID_ARGUMENT", lambda: infer(server, "digits", {"image": image.astype(np.int64)}), "image")
    refused_by_triton("INVALID_ARGUMENT", lambda: infer(server, "digits", {"image": image[:, :7]}), "image")
    refused_by_triton("INVALID_ARGUMENT", lambda: infer(server, "digits", {"picture": image}), "picture")


def contents_that_do_not_fit_are_refused(server):
    call = stub(server).ModelInfer
    few, both, surplus = typed(), typed(), typed()
    del few.inputs[0].contents.fp32_contents[-1]
    both.raw_input_contents.append(b"\0" * 512)
    del surplus.inputs[0].contents.fp32_contents[:]
    surplus.raw_input_contents.extend([digits()["image"][:2].tobytes()] * 2)
    for message in (few, both, surplus):
        refused_by_grpc(INVALID, lambda: call(message, timeout=20))


def a_call_that_nobody_serves_is_unimplemented(server):
    refused_by_grpc(grpc.StatusCode.UNIMPLEMENTED,
                    lambda: stub(server).SystemSharedMemoryStatus(service_pb2.SystemSharedMemoryStatusRequest(), timeout=20))
    unknown = grpc.insecure_channel(server.grpc).unary_unary("/nobody.Service/Call")
    refused_by_grpc(grpc.StatusCode.UNIMPLEMENTED, lambda: unknown(b"", timeout=20))


async def streamed(at, models):
    """Names of models, asked one after the other on a stream: the answers' numbers, and the errors."""
    async def questions():
        for number, model in enumerate(models):
            yield {"model_name": model, "inputs": inputs(digits()), "request_id": str(number)}
        await asyncio.sleep(60)
    found, errors = [], []
    async with asynchronous.InferenceServerClient(at.grpc) as caller:
        answers = caller.stream_infer(questions(), stream_timeout=40)
        async for answer, error in answers:
            errors += [error.message()] if error else []
            found += [] if error else [answer.get_response().id]
            if len(found) + len(errors) == len(models):
                same(answers.cancel(), True)
                break
    return found, errors


def the_asynchronous_client_streams_past_an_error_and_cancels(server):
    found, errors = asyncio.run(streamed(server, ["digits", "nope", "digits", "digits"]))
    same(found, ["0", "2", "3"])
    same(len(errors), 1)
    assert "'nope' is not found" in errors[0], errors
    infer(server, "digits", digits())
