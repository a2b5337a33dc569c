#!/usr/bin/env python3
"""Makes the Keras models of `landfall-bench converted`: a SavedModel each for mlp, cnn and lstm.

    python models.py FOLDER      FOLDER/mlp, FOLDER/cnn, FOLDER/lstm; then `landfall convert FOLDER/mlp FOLDER/mlp.onnx` …

Beside them mlp_grpc_tfs.pb, one row as TensorFlow Serving's gRPC clients ask for it, for `landfall-bench doors`.
"""
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402


def mlp():
    x = keras.Input((39,), name="features")
    hidden = x
    for width in (256, 128, 64):
        hidden = layers.Dense(width, activation="relu")(hidden)
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(hidden))


def cnn():
    x = keras.Input((32, 32, 3), name="image")
    hidden = x
    for filters in (32, 64):
        hidden = layers.Conv2D(filters, 3, padding="same", activation="relu")(hidden)
        hidden = layers.MaxPooling2D()(layers.BatchNormalization()(hidden))
    hidden = layers.Dense(128, activation="relu")(layers.Flatten()(hidden))
    return keras.Model(x, layers.Dense(10, activation="softmax")(hidden))


def lstm():
    x = keras.Input((24, 8), name="series")
    return keras.Model(x, layers.Dense(1)(layers.LSTM(32)(layers.LSTM(32, return_sequences=True)(x))))


def field(number, content):
    """A length-delimited field of a message."""
    length, size = b"", len(content)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def question(name, key, rows):
    """A PredictRequest: model_spec.name is field 1 of 1, inputs is the map 2."""
    tensor = tf.make_tensor_proto(rows).SerializeToString()
    return field(1, field(1, name.encode())) + field(2, field(1, key.encode()) + field(2, tensor))


folder = Path(sys.argv[1])
for make in (mlp, cnn, lstm):
    keras.utils.set_random_seed(1)
    make().export(folder / make.__name__, verbose=False)
row = np.arange(39, dtype=np.float32)[None] / 39
(folder / "mlp_grpc_tfs.pb").write_bytes(question("mlp", "features", row))
