"""What the tests say of answers and refusals."""
import grpc
import numpy as np
from tritonclient.utils import InferenceServerException

TOLERANCE = 1e-4


def near(found, expected):
    """Same shape, and values within the engines' tolerance."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    assert np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE), f"{found.ravel()[:4]}, expected {expected.ravel()[:4]}"


def same(found, expected):
    assert found == expected, f"{found!r}, expected {expected!r}"


def has(text, *parts):
    for part in parts:
        assert part in str(text), f"{part!r} is not in {str(text)!r}"


def refused(response, status, *parts):
    """An HTTP refusal in JSON: its status, and texts of its error."""
    same(response.status_code, status)
    has(response.headers.get("content-type", ""), "application/json")
    has(response.json()["error"], *parts)


def refused_by_grpc(code, call, *parts):
    """`call` ends with the status `code`; its message has the texts."""
    try:
        call()
    except grpc.RpcError as error:
        same(error.code(), code)
        has(error.details(), *parts)
        return
    raise AssertionError(f"answered, expected {code}")


def refused_by_triton(status, call, *parts):
    """The Triton client raises with a status that ends in `status`; its message has the texts."""
    try:
        call()
    except InferenceServerException as error:
        assert str(error.status()).endswith(status), f"{error.status()}, expected {status}: {error.message()}"
        has(error.message(), *parts)
        return
    raise AssertionError(f"answered, expected {status}")


def onnxruntime_only(test):
    """Marks a test of a model that only ONNX Runtime runs."""
    test.engine = "onnxruntime"
    return test


def ctr_only(test):
    """Marks a test that needs the shared click-through model."""
    test.ctr = True
    return test
