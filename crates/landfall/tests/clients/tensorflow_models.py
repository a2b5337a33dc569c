#!/usr/bin/env python3
"""Makes small TensorFlow models, each with rows and the answers that Keras or TensorFlow itself gives.

    python tensorflow_models.py FOLDER      FOLDER/NAME/… and FOLDER/NAME.npz (inputs by name, outputs as `want_NAME`)

Run in a process of its own: TensorFlow takes seconds to start and does not belong into the tests' process.
"""
import os
import shutil
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

FOLDER = Path(sys.argv[1])
DICE = np.random.default_rng(7)


def write(name, rows, answers):
    np.savez(FOLDER / f"{name}.npz", **rows, **{f"want_{key}": np.asarray(value) for key, value in answers.items()})


def mlp():
    """A classifier in all the forms that Keras and TensorFlow write."""
    wine = keras.Input((13,), name="wine")
    hidden = layers.Dense(32, activation="relu")(wine)
    model = keras.Model(wine, layers.Dense(3, activation="softmax", name="cultivar")(hidden))
    rows = {"wine": DICE.standard_normal((40, 13)).astype(np.float32)}
    answer = model(rows["wine"], training=False).numpy()
    for name, save in (("saved_model", lambda path: model.export(path, verbose=False)), ("keras", lambda path: model.save(path / "model.keras")),
                       ("h5", lambda path: model.save(path / "model.h5")), ("tflite", lambda path: tflite(model, path)), ("frozen", lambda path: frozen(model, path))):
        path = FOLDER / name
        if name != "saved_model":
            path.mkdir()
        save(path)
        output = {"saved_model": "output_0", "tflite": "output_0", "frozen": "cultivar"}.get(name, "cultivar")
        write(name, rows, {output: answer})


def tflite(model, path):
    (path / "model.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def frozen(model, path):
    """A graph with its weights in it, with one placeholder and one result, as TensorFlow 1 programs leave them."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    function = tf.function(lambda wine: tf.identity(model(wine, training=False), name="cultivar"))
    concrete = convert_variables_to_constants_v2(function.get_concrete_function(tf.TensorSpec([None, 13], tf.float32, name="wine")))
    definition = concrete.graph.as_graph_def()
    # The function's own output node stands behind the one that was named.
    keep = tf.compat.v1.graph_util.extract_sub_graph(definition, ["cultivar"])
    (path / "model.pb").write_bytes(keep.SerializeToString())


def text():
    """A model that ONNX has no counterpart for."""
    vectors = layers.TextVectorization(max_tokens=20, output_sequence_length=6)
    vectors.adapt(["a good film", "a bad film", "no film at all"])
    line = keras.Input((1,), dtype="string", name="line")
    hidden = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(vectors(line)))
    model = keras.Model(line, layers.Dense(1, activation="sigmoid", name="positive")(hidden))
    (FOLDER / "text").mkdir()
    model.save(FOLDER / "text/model.keras")
    rows = {"line": np.array([["a good film"], ["bad"], ["what is this"]])}
    write("text", rows, {"positive": model(tf.constant(rows["line"]), training=False).numpy()})


def two_ends():
    """Several inputs and outputs, named as their layers."""
    age, words = keras.Input((1,), name="age"), keras.Input((5,), dtype="int32", name="words")
    joined = layers.concatenate([age, layers.Flatten()(layers.Embedding(10, 3)(words))])
    model = keras.Model([age, words], [layers.Dense(2, name="score")(joined), layers.Dense(4, activation="tanh", name="vector")(joined)])
    (FOLDER / "two_ends").mkdir()
    model.save(FOLDER / "two_ends/model.keras")
    rows = {"age": DICE.standard_normal((9, 1)).astype(np.float32), "words": DICE.integers(0, 10, (9, 5)).astype(np.int32)}
    score, vector = model([rows["age"], rows["words"]], training=False)
    write("two_ends", rows, {"score": score.numpy(), "vector": vector.numpy()})


def modern():
    """What Keras writes with operators that converters to ONNX do not know: gelu, bins, a table of numbers, and a grouped
    convolution, which is a function that is to be compiled."""
    x, key = keras.Input((4, 8), name="x"), keras.Input((2,), dtype="int64", name="key")
    bins = layers.CategoryEncoding(4, output_mode="multi_hot")(layers.Discretization([-1.0, 0.0, 1.5])(layers.Flatten()(x)))
    grouped = layers.Flatten()(layers.Conv1D(6, 3, groups=2, activation="gelu")(x))
    looked_up = layers.Flatten()(layers.Embedding(4, 2)(layers.IntegerLookup(vocabulary=[3, 5, 8])(key)))
    model = keras.Model([x, key], layers.Dense(3)(layers.concatenate([bins, grouped, looked_up])))
    model.export(FOLDER / "modern", verbose=False)
    rows = {"x": DICE.standard_normal((9, 4, 8)).astype(np.float32), "key": DICE.integers(0, 10, (9, 2))}
    # On a boundary a value belongs to what is above it.
    rows["x"][0, 0] = [-1.0, 0.0, 1.5, -3.0, 3.0, -0.0, 1.4999, 9.0]
    write("modern", rows, {"output_0": model([rows["x"], rows["key"]], training=False).numpy()})


def taught():
    """Operators that converters to ONNX do not know or have otherwise: tables of all types, texts that are compared, counts, sums at
    places that occur twice, places among sorted numbers, logarithms that keep the digits of small numbers, and angles of points on an axis."""
    spec, pairs, words = tf.TensorSpec, tf.lookup.KeyValueTensorInitializer, tf.constant(["a", "b"])
    table = lambda keys, values, default: tf.lookup.StaticHashTable(pairs(keys, values), default)  # noqa: E731
    module = tf.Module()
    module.names, module.prices = table(words, tf.constant(["A", "B"]), "none"), table(words, tf.constant([0.5, 1.5]), -1.0)
    module.flags, module.codes = table(words, tf.constant([True, False]), True), table(tf.constant([3, 5], tf.int64), tf.constant([7, 9]), -1)
    module.amounts = table(tf.constant([3, 5], tf.int64), tf.constant([0.1, 0.2], tf.float64), -1.0)

    def of_zeros(x):
        """Zeros with the sign of one that goes in, which is that of their reciprocals."""
        half = tf.maximum(x, -0.5)
        return [tf.math.atan2(x, 0.0), tf.math.log1p(half), tf.math.expm1(x), tf.math.xlogy(x, 2.0)]

    def answer(x, key, word):
        name, amounts = module.names.lookup(word), module.amounts.lookup(tf.cast(key, tf.int64))
        counted = lambda **more: tf.math.bincount(key, minlength=6, maxlength=6, axis=-1, **more)  # noqa: E731
        places = tf.searchsorted(tf.constant([-1.0, 0.0, 0.0, 2.0]), tf.reshape(x, [-1]), "right")
        return {"named": tf.cast(tf.equal(name, "B"), tf.int32) + 2 * tf.cast(tf.not_equal(name, "none"), tf.int32), "price": module.prices.lookup(word),
                "flag": tf.cast(module.flags.lookup(word), tf.int32), "code": module.codes.lookup(tf.cast(key, tf.int64)), "amount": amounts,
                "counts": counted(), "weighed": counted(weights=x), "seen": counted(binary_output=True), "places": places,
                "sums": tf.scatter_nd(key[:, :1], x, [10, 2]), "log1p": tf.math.log1p(tf.abs(x)), "expm1": tf.math.expm1(x),
                "chosen": tf.where(tf.abs(x) < 1.5, x * x, tf.where(x == 30.0, x / (x - 30), tf.where(x < 0.0, x, 1 / tf.maximum(x, 0.0)))),
                "angle": tf.math.atan2(x, tf.constant([-1.0, 2.0])), "signs": tf.sign(1 / tf.stack(of_zeros(x), 2)),
                "nothing": tf.math.xlogy(x, tf.abs(x)) + tf.math.xlog1py(x, tf.abs(x)) + tf.math.multiply_no_nan(1 / x, x) + tf.math.xdivy(x, x)}

    function = tf.function(answer, input_signature=[spec([None, 2], tf.float32, "x"), spec([None, 2], tf.int32, "key"), spec([None], tf.string, "word")])
    module.answer = function
    tf.saved_model.save(module, str(FOLDER / "taught"), signatures=function)
    rows = {"x": np.array([[1e-7, -1e-7], [-0.0, -1.0], [2.0, 30.0], [-30.0, 1e-12]], np.float32), "key": np.array([[3, 3], [5, 9], [3, 0], [5, 5]], np.int32),
            "word": np.array(["a", "b", "", "B"])}
    write("taught", rows, {name: value.numpy() for name, value in function(**{name: tf.constant(value) for name, value in rows.items()}).items()})


def code():
    """A model that holds Python code."""
    x = keras.Input((3,), name="x")
    model = keras.Model(x, layers.Lambda(lambda t: t * 2, name="double")(x))
    (FOLDER / "code").mkdir()
    model.save(FOLDER / "code/model.keras")
    write("code", {"x": np.ones((2, 3), np.float32)}, {"double": np.full((2, 3), 2, np.float32)})


def nested():
    """Inputs and outputs in dicts and lists within them, and keys that are not the layers' names."""
    age, width, height = (keras.Input((size,), name=name) for name, size in (("age", 1), ("width", 2), ("height", 2)))
    joined = layers.concatenate([age, width, height])
    ends = {"whole": layers.Dense(2, name="score")(joined), "parts": [layers.Dense(1, name="first")(joined), layers.Dense(3, name="last")(joined)]}
    model = keras.Model({"years": age, "sizes": [width, height]}, ends)
    (FOLDER / "nested").mkdir()
    model.save(FOLDER / "nested/model.keras")
    rows = {"years": DICE.standard_normal((4, 1)).astype(np.float32), **{name: DICE.standard_normal((4, 2)).astype(np.float32) for name in ("width", "height")}}
    answer = model({"years": rows["years"], "sizes": [rows["width"], rows["height"]]}, training=False)
    write("nested", rows, {"whole": answer["whole"].numpy(), "first": answer["parts"][0].numpy(), "last": answer["parts"][1].numpy()})


class Doubled(layers.Layer):
    """A layer that no other program knows."""

    def call(self, x):
        return 2.0 * x


def packed(target, named, left_out=None):
    """The archive of a model packed anew, its last member first, under names that a function gives."""
    with zipfile.ZipFile(FOLDER / "two_ends/model.keras") as source, zipfile.ZipFile(target, "w") as archive:
        for name in reversed(source.namelist()):
            if name != left_out:
                archive.writestr(named(name), source.read(name))


def misnamed():
    """Files whose names do not say what they are."""
    (FOLDER / "misnamed").mkdir()
    packed(FOLDER / "misnamed/archive.h5", lambda name: name)
    packed(FOLDER / "misnamed/anew.keras", lambda name: name)
    shutil.copy(FOLDER / "h5/model.h5", FOLDER / "misnamed/hdf5.keras")


def unreadable():
    """Keras files that nobody else's Keras makes a model of: a class of its own, weights alone, half a file, one that lacks a part."""
    x = keras.Input((3,), name="x")
    model = keras.Model(x, Doubled()(layers.Dense(3)(x)))
    (FOLDER / "unreadable").mkdir()
    for ending in ("keras", "h5", "weights.h5"):
        (model.save_weights if "weights" in ending else model.save)(FOLDER / f"unreadable/own.{ending}")
    whole = (FOLDER / "two_ends/model.keras").read_bytes()
    (FOLDER / "unreadable/half.keras").write_bytes(whole[:len(whole) // 2])
    dense = (FOLDER / "h5/model.h5").read_bytes()
    (FOLDER / "unreadable/half.h5").write_bytes(dense[:len(dense) // 2])
    (FOLDER / "unreadable/notes.keras").write_text("notes")
    for left_out in ("config.json", "model.weights.h5"):
        packed(FOLDER / f"unreadable/no_{left_out.split('.')[1]}.keras", lambda name: name, left_out)
    packed(FOLDER / "unreadable/folder.keras", lambda name: f"model/{name}")
    write("unreadable", {"x": np.ones((2, 3), np.float32)}, {})


for make in (mlp, text, two_ends, modern, taught, code, nested, misnamed, unreadable):
    keras.utils.set_random_seed(3)
    make()
