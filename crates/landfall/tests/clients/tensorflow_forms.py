#!/usr/bin/env python3
"""Makes SavedModels of the forms that programs write beside the plain ones, and broken copies of a good one.

    python tensorflow_forms.py FOLDER      FOLDER/NAME/m with FOLDER/NAME.npz (inputs by name, answers as `want_NAME`) and
                                           FOLDER/bad/NAME for models that must not go live

Run in a process of its own: TensorFlow takes seconds to start and does not belong into the tests' process.
"""
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

FOLDER = Path(sys.argv[1])
DICE = np.random.default_rng(5)
v1 = tf.compat.v1
Spec = tf.TensorSpec


def write(name, rows, answers):
    plain = {key: np.asarray(value) for key, value in rows.items()}
    for key, value in answers.items():
        value = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        plain[f"want_{key}"] = value.astype("S") if value.dtype == object else value
    np.savez(FOLDER / f"{name}.npz", **plain)


def module(name, function, specs, rows, signatures=None):
    """A module of one function, with the answers that its own signature gives."""
    holder = tf.Module()
    holder.f = tf.function(function, input_signature=specs)
    tf.saved_model.save(holder, str(FOLDER / name / "m"), signatures=signatures(holder) if signatures else holder.f)
    signature = tf.saved_model.load(str(FOLDER / name / "m")).signatures["serving_default"]
    write(name, rows, signature(**{key: tf.constant(value) for key, value in rows.items()}))


def reals(*shape):
    return DICE.standard_normal(shape).astype(np.float32)


def types():
    """Every type that a call can carry."""
    for kind in ("bool", "int8", "int16", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float64", "complex64"):
        values = DICE.integers(0, 100, (3, 2)).astype(kind)
        module(f"type_{kind}", lambda x: {"y": tf.reverse(x, [1])}, [Spec([None, 2], kind, "x")], {"x": values})


def functions():
    """What a function may take, give and hold."""
    module("texts", lambda s: {"length": tf.strings.length(s), "upper": tf.strings.upper(s), "first": s[0]}, [Spec([None], tf.string, "s")],
           {"s": np.array(["Grüße".encode(), b"", b"x" * 300])})
    module("scalars", lambda x, k: {"y": x * k, "rank": tf.rank(x)}, [Spec(None, tf.float32, "x"), Spec([], tf.float32, "k")], {"x": reals(2, 3, 4), "k": np.float32(3)})
    module("nested", lambda d: {"y": d["a"] + d["b"][0] * d["b"][1]}, [{"a": Spec([None], tf.float32), "b": [Spec([None], tf.float32)] * 2}],
           {key: reals(3) for key in ("d", "d_1", "d_2")})
    module("flow", flow, [Spec([None, 2], tf.float32, "x"), Spec([], tf.int32, "n")], {"x": reals(3, 2), "n": np.int32(4)})
    module("compiled", tf.function(lambda x: {"y": tf.nn.softmax(x)}, jit_compile=True), [Spec([None, 3], tf.float32, "x")], {"x": reals(4, 3)})
    module("across_rows", lambda x: {"y": x - tf.reduce_mean(x, 0)}, [Spec([None, 3], tf.float32, "x")], {"x": reals(5, 3)})
    module("ragged", lambda x: {"y": tf.reduce_sum(x, axis=1)}, [tf.RaggedTensorSpec([None, None], tf.float32)],
           {"x": reals(4), "x_1": np.array([0, 3, 4])})
    module("odd_names", lambda x: {"out/put:1 ü": x + 1, "b c": x * 2}, [Spec([None], tf.float32, "x")], {"x": reals(2)})


def flow(x, n):
    array = tf.TensorArray(tf.float32, 0, dynamic_size=True)
    i = tf.constant(0)
    while i < n:
        array = array.write(i, tf.reduce_sum(x) * tf.cast(i, tf.float32))
        i += 1
    return {"sums": array.stack(), "mapped": tf.map_fn(lambda row: row * 2, x), "either": tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x)}


def tables():
    """Words by a file that is copied into the model, numbers by a table within it."""
    words = FOLDER / "words.txt"
    words.write_text("a\nb\nc\n")
    kind = tf.lookup.TextFileIndex
    holder = tf.Module()
    holder.ids = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(str(words), tf.string, kind.WHOLE_LINE, tf.int64, kind.LINE_NUMBER), 2)
    holder.names = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1, 2], tf.int64), tf.constant(["zero", "one", "two"])), "?")
    holder.f = tf.function(lambda w: {"id": holder.ids.lookup(w), "name": holder.names.lookup(holder.ids.lookup(w))}, input_signature=[Spec([None], tf.string, "w")])
    tf.saved_model.save(holder, str(FOLDER / "tables/m"), signatures=holder.f)
    rows = {"w": np.array([b"a", b"c", b"zz", b""])}
    write("tables", rows, holder.f(tf.constant(rows["w"])))
    words.unlink()


def edited(name, change):
    """Changes what a SavedModel declares."""
    file = FOLDER / name / "m/saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())


def defaults():
    """An input that a call may leave out."""
    x = reals(3)
    module("defaults", lambda x, k: {"y": x * k}, [Spec([None], tf.float32, "x"), Spec([], tf.float32, "k")], {"x": x, "k": np.float32(2)})
    edited("defaults", lambda graph: graph.signature_def["serving_default"].defaults["k"].CopyFrom(tf.make_tensor_proto(np.float32(2))))
    write("defaults", {"x": x}, {"y": x * 2})


def state():
    """A call changes a variable: nobody may call it before the first caller, and calls are not put together."""
    holder = tf.Module()
    holder.n = tf.Variable(0, dtype=tf.int64)
    holder.f = tf.function(lambda x: {"n": x + holder.n.assign_add(1)}, input_signature=[Spec([None], tf.int64, "x")])
    tf.saved_model.save(holder, str(FOLDER / "state/m"), signatures=holder.f)
    write("state", {"x": np.array([10, 20])}, {"n": np.array([11, 21])})


def first_version():
    """TensorFlow 1: references, tensors that are input and output at once, tags, and tables filled when it is opened."""
    graph = v1.Graph()
    with graph.as_default(), v1.Session() as session:
        x, factor = v1.placeholder(tf.float32, [None, 2], "x"), v1.placeholder_with_default(tf.constant([3.0]), [1], "k")
        weights = v1.Variable(reals(2, 2), use_resource=False, name="w")
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1], tf.int64), ["n", "y"]), "?")
        y = tf.matmul(x, weights) * factor
        word = table.lookup(tf.cast(y[:, 0] > 0, tf.int64))
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.builder.SavedModelBuilder(str(FOLDER / "first_version/m"))
        signature = v1.saved_model.predict_signature_def({"x": x, "k": factor}, {"x_again": x, "y": y, "w": weights, "word": word})
        builder.add_meta_graph_and_variables(session, ["train"], {"serving_default": signature}, main_op=v1.tables_initializer())
        builder.add_meta_graph(["serve", "gpu"], {"serving_default": signature})
        builder.save(as_text=True)
        rows = {"x": reals(3, 2), "k": np.array([2], np.float32)}
        found = session.run([y, weights, word], {x: rows["x"], factor: rows["k"]})
        write("first_version", rows, {"x_again": rows["x"], "y": found[0], "w": found[1], "word": found[2]})


def several():
    """Tensors that are made of several, and those of types that no call can carry, beside a signature that can be called."""
    with v1.Graph().as_default(), v1.Session() as session:
        sparse, x = v1.sparse_placeholder(tf.float32, [None, 4], name="s"), v1.placeholder(tf.float32, [None], "x")
        product = tf.sparse.sparse_dense_matmul(sparse, tf.ones([4, 1]))
        quantized = tf.quantization.quantize(x, -1.0, 1.0, tf.qint8).output
        info = v1.saved_model.build_tensor_info
        define = v1.saved_model.build_signature_def
        signatures = {"of_sparse": define({"s": info(sparse)}, {"y": info(product)}, "tensorflow/serving/predict"),
                      "serving_default": v1.saved_model.predict_signature_def({"x": x}, {"q": quantized, "y": x + 1})}
        builder = v1.saved_model.builder.SavedModelBuilder(str(FOLDER / "several/m"))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
        rows = {"x": reals(3)}
        write("several", rows, {"y": rows["x"] + 1})


def broken():
    """Copies of a good model, each with one fault; `good` is whole."""
    holder = tf.Module()
    holder.w = tf.Variable(reals(3, 1))
    holder.f = tf.function(lambda x: {"y": tf.matmul(x, holder.w)}, input_signature=[Spec([None, 3], tf.float32, "x")])
    good = FOLDER / "bad/good"
    tf.saved_model.save(holder, str(good), signatures=holder.f)
    write("good", {"x": np.ones((2, 3), np.float32)}, holder.f(tf.ones((2, 3))))

    def copy(name):
        shutil.copytree(good, FOLDER / "bad" / name)
        return FOLDER / "bad" / name

    def declared(name, change):
        file = copy(name) / "saved_model.pb"
        model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        change(model.meta_graphs[0])
        file.write_bytes(model.SerializeToString())

    def unknown(graph):
        next(node for node in graph.graph_def.library.function[0].node_def if node.op != "Const").op = "NobodysOwnOp"

    def tagged(graph):
        graph.meta_info_def.tags[:] = ["train"]

    declared("unknown_operator", unknown)
    declared("other_tags", tagged)
    declared("no_signature", lambda graph: graph.signature_def.clear())
    (copy("no_variables") / "variables/variables.index").unlink()
    weights = copy("flipped_variables") / "variables/variables.data-00000-of-00001"
    data = bytearray(weights.read_bytes())
    data[3] ^= 0x40
    weights.write_bytes(bytes(data))
    file = copy("cut") / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-100])
    shutil.copytree(good, FOLDER / "bad/warm_up_that_fails")
    warm_up(FOLDER / "bad/warm_up_that_fails/assets.extra")

    holder = tf.Module()
    holder.f = tf.function(writes, input_signature=[Spec([None, 3], tf.float32, "x")])
    tf.saved_model.save(holder, str(FOLDER / "bad/writes_files"), signatures=holder.f)


def writes(x):
    tf.io.write_file(str(FOLDER / "written"), tf.constant("by a model"))
    return {"y": x}


def warm_up(folder):
    """A recorded call with rows of the wrong width."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    folder.mkdir()
    question = predict_pb2.PredictRequest()
    question.model_spec.name = "m"
    question.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones((1, 7), np.float32)))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=question))
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as records:
        records.write(log.SerializeToString())


def light():
    """TensorFlow Lite files with operators whose outputs' shapes show in a run alone."""
    def converted(name, function, *inputs):
        module = tf.Module()
        module.f = tf.function(function, input_signature=inputs)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([module.f.get_concrete_function()], module)
        (FOLDER / f"light/{name}.tflite").write_bytes(converter.convert())
    (FOLDER / "light").mkdir()
    rows = reals(3, 5)
    highest, places = tf.math.top_k(rows, 2)
    converted("highest", lambda x: dict(zip(("highest", "places"), tf.math.top_k(x, 2))), Spec([None, 5], tf.float32, "x"))
    converted("positive", lambda x: {"places": tf.where(x > 0)}, Spec([None], tf.float32, "x"))
    converted("rest", lambda a, b: {"rest": tf.math.floormod(a, b)}, Spec([None], tf.int32, "a"), Spec([None], tf.int32, "b"))
    write("highest", {"x": rows}, {"highest": highest, "places": places})


def learned():
    """A signature that reads what another one writes."""
    holder = tf.Module()
    holder.w = tf.Variable([1.0, 2.0])
    holder.read = tf.function(lambda x: {"y": x * holder.w}, input_signature=[Spec([None, 2], tf.float32, "x")])
    holder.learn = tf.function(lambda d: {"w": holder.w.assign_add(d)}, input_signature=[Spec([2], tf.float32, "d")])
    tf.saved_model.save(holder, str(FOLDER / "learned/m"), signatures={"serving_default": holder.read, "learn": holder.learn})
    write("learned", {"x": np.ones((1, 2), np.float32)}, {"y": np.array([[1, 2]], np.float32)})


def seldom():
    """What a conversion to ONNX takes in another way for values that are seldom met: a signature for each."""
    x, at, k = Spec([None], tf.float32, "x"), Spec([None], tf.int64, "at"), Spec([None], tf.int64, "k")
    table = tf.reshape(tf.range(6.0), [3, 2])
    image, filters = Spec([None, 4, 4, 2], tf.float32, "image"), tf.reshape(tf.range(-9.0, 9.0) / 9, [3, 3, 2, 1]) * [1.0, -2.0, 0.5]

    def floored(at, k):
        divisor = tf.where(tf.equal(k, 0), tf.ones_like(k), k)
        few, by = tf.cast(at, tf.int8), tf.cast(divisor, tf.int8)
        return {"down": at // 3, "rest": at % -3, "by": at // divisor, "left": tf.math.floormod(at, divisor), "few": few // by, "few_left": few % by}

    functions = {
        "floored": (floored, [at, k], {"at": np.array([-7, 7, -2**63, -2**63, 127, 6]), "k": np.array([2, -2, -1, 3, -5, -3])}),
        "wrapped": (lambda x: {"y": tf.math.floormod(x, 7.5), "z": tf.math.floormod(x, -0.1)}, [x], {"x": np.array([-1e9, 1e9, 15, -15, 3.7, 0], np.float32)}),
        "greatest": (lambda at: {"y": tf.maximum(at, 2)}, [at], {"at": np.array([-7, 7, 2**53 + 1])}),
        "normed": (lambda image: {"y": tf.nn.relu(tf.nn.conv2d(image, filters, 1, "SAME")) * [-1.5, 0.25, 3.0] + [7.0, -8.0, 9.0]}, [image], {"image": reals(3, 4, 4, 2)}),
        "divided_by": (lambda at, k: {"y": tf.raw_ops.Div(x=at, y=tf.where(tf.equal(k, 0), tf.ones_like(k), k))}, [at, k], {"at": np.array([-2**63, 7, -7]), "k": np.array([-1, -1, 2])}),
        "halved": (lambda x: {"y": tf.cast(tf.cast(x, tf.float16), tf.float32)}, [x], {"x": np.array([1, 3e5], np.float32)}),
        "begun": (lambda x, b: {"y": tf.slice(x, [b], [-1])}, [x, Spec([], tf.int32, "b")], {"x": reals(6), "b": np.int32(5)}),
        "flagged": (lambda at, k: {"y": tf.concat([tf.gather(table, at), tf.one_hot(k, 3)], 1)}, [at, k], {"at": np.array([2, 0, 1]), "k": np.array([2, -1, 9])}),
        "looked_up": (lambda at: {"y": tf.gather(table, at)}, [at], {"at": np.array([2, 0])}),
    }
    holder = tf.Module()
    for name, (function, specs, _) in functions.items():
        setattr(holder, name, tf.function(function, input_signature=specs))
    folder = str(FOLDER / "seldom/model")
    tf.saved_model.save(holder, folder, signatures={name: getattr(holder, name) for name in functions})
    signatures = tf.saved_model.load(folder).signatures
    for name, (_, _, rows) in functions.items():
        write(f"seldom_{name}", rows, signatures[name](**{key: tf.constant(value) for key, value in rows.items()}))
    learned()


for make in (types, functions, tables, defaults, state, several, broken, first_version, light, seldom):
    make()
