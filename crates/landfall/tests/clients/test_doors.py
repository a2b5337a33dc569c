"""What must hold across doors: equal bits, and every caller's own answer."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import test_tfs_grpc
import test_tfs_rest
import test_triton_grpc
import test_triton_http
from expect import ctr_only, near
from server import ctr_rows, golden


def every_door_gives_the_same_bits(server):
    rows = golden("digits", 2)
    image = {"image": rows["image"]}
    listed = test_tfs_rest.predict(server, "digits", {"inputs": rows["image"].tolist()}).json()["outputs"]["probabilities"]
    through = {
        "TFS REST": np.asarray(listed, np.float32),
        "TFS gRPC": test_tfs_grpc.array(test_tfs_grpc.prediction(server).Predict(
            test_tfs_grpc.request("digits", image), timeout=20).outputs["probabilities"]),
        "OIP REST, binary": test_triton_http.infer(server, "digits", image).as_numpy("probabilities"),
        "OIP REST, JSON": test_triton_http.infer(server, "digits", image, binary=False, outputs=[
            test_triton_http.triton.InferRequestedOutput("probabilities", binary_data=False)]).as_numpy("probabilities"),
        "OIP gRPC": test_triton_grpc.infer(server, "digits", image).as_numpy("probabilities"),
    }
    first = through["TFS REST"]
    near(first, rows["probabilities"])
    for door, found in through.items():
        assert found.astype(np.float32).tobytes() == first.tobytes(), f"{door} differs from TFS REST"


@ctr_only
def many_callers_at_once_get_their_own_rows(server):
    rows, stub = ctr_rows(), test_tfs_grpc.prediction(server)

    def one(i):
        body = {"instances": [{"dense": rows["dense"][i].tolist(), "ids": rows["ids"][i].tolist()}]}
        if i % 2:
            return test_tfs_rest.predict(server, "ctr", body).json()["predictions"]
        arrays = {"dense": rows["dense"][i:i + 1], "ids": rows["ids"][i:i + 1]}
        message = test_tfs_grpc.request("ctr", arrays)
        return test_tfs_grpc.array(stub.Predict(message, timeout=20).outputs["score"])

    with ThreadPoolExecutor(32) as callers:
        for i, found in enumerate(callers.map(one, range(len(rows["score"])))):
            near(found, rows["score"][i:i + 1])
