"""Arrays to and from TensorFlow's messages, of every type that NumPy knows."""
import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

TYPES = {types_pb2.DT_FLOAT: "<f4", types_pb2.DT_DOUBLE: "<f8", types_pb2.DT_HALF: "<f2", types_pb2.DT_INT8: "<i1", types_pb2.DT_INT16: "<i2",
         types_pb2.DT_INT32: "<i4", types_pb2.DT_INT64: "<i8", types_pb2.DT_UINT8: "<u1", types_pb2.DT_UINT16: "<u2", types_pb2.DT_UINT32: "<u4",
         types_pb2.DT_UINT64: "<u8", types_pb2.DT_BOOL: "?", types_pb2.DT_COMPLEX64: "<c8", types_pb2.DT_COMPLEX128: "<c16"}
NUMBERS = {np.dtype(kind): number for number, kind in TYPES.items()}
# Where the elements lie that did not come as bytes.
FIELDS = {"f4": "float_val", "f8": "double_val", "i8": "int64_val", "u4": "uint32_val", "u8": "uint64_val", "b1": "bool_val", "c8": "scomplex_val",
          "c16": "dcomplex_val", "f2": "half_val"}


def proto_of(array):
    """A TensorProto: elements as bytes, strings one by one."""
    message = tensor_pb2.TensorProto()
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if array.dtype.kind in "SO":
        message.dtype = types_pb2.DT_STRING
        message.string_val.extend(array.ravel().tolist())
    else:
        message.dtype = NUMBERS[array.dtype]
        message.tensor_content = array.tobytes()
    return message


def array_of(message):
    """The array of a TensorProto."""
    shape = [dim.size for dim in message.tensor_shape.dim]
    if message.dtype == types_pb2.DT_STRING:
        return np.array([bytes(one) for one in message.string_val], object).reshape(shape)
    dtype = np.dtype(TYPES[message.dtype])
    if message.tensor_content:
        return np.frombuffer(message.tensor_content, dtype).reshape(shape)
    values = list(getattr(message, FIELDS.get(dtype.str[1:], "int_val")))
    if dtype.kind == "c":
        return np.array(values, f"<f{dtype.itemsize // 2}").view(dtype).reshape(shape)
    if dtype == np.float16:
        return np.array(values, np.uint16).view(np.float16).reshape(shape)
    return np.array(values, dtype).reshape(shape)
