#!/usr/bin/env python3
"""Makes SavedModels as TensorFlow Serving's users have them.

    python tfs_saved_models.py FOLDER      FOLDER/NAME/1

Run in a process of its own, as tensorflow_models.py is.
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow as tf  # noqa: E402

FLOATS = [tf.TensorSpec([None], tf.float32, name="x")]
SERIALIZED = [tf.TensorSpec([None], tf.string, name="inputs")]
ANY = [tf.TensorSpec(None, tf.string, name="x")]
PREDICT = "tensorflow/serving/predict"


def parsed(inputs):
    """Two features; `bias` may be left out."""
    one = tf.io.FixedLenFeature([1], tf.float32)
    return tf.io.parse_example(inputs, {"x": one, "bias": tf.io.FixedLenFeature([1], tf.float32, default_value=[10.0])})


def linear(x):
    return {"y": 3.0 * x - 1.0}


def classify(inputs):
    features = parsed(inputs)
    names = tf.tile(tf.constant([["low", "high"]]), [tf.shape(inputs)[0], 1])
    return {"classes": names, "scores": tf.concat([features["x"], features["bias"]], 1)}


def regress(inputs):
    features = parsed(inputs)
    return {"outputs": features["x"] + features["bias"]}


def told_again(inputs):
    return {"classes": tf.expand_dims(inputs, 1)}


def always(inputs):
    return {"outputs": tf.fill(tf.shape(inputs), 2.5)}


def echo(x):
    return {"text": tf.identity(x), "text_bytes": tf.identity(x)}


def total(x):
    return {"sum": tf.reduce_sum(x)}


def sums(x, words):
    return {"sum": tf.reduce_sum(x, 1), "twice": 2.0 * x, "text": tf.strings.reduce_join(words, 1)}


def slow(rounds):
    """Takes time in proportion to what it is given, and gives that."""
    def once(count, matrix):
        return count + 1.0, tf.tanh(tf.matmul(matrix, matrix))
    start = tf.random.stateless_uniform([200, 200], [1, 2])
    _, matrix = tf.while_loop(lambda count, _: count < tf.reduce_max(rounds), once, [0.0, start])
    return {"rounds": rounds + 0.0 * tf.reduce_sum(matrix)}


def composite():
    """Signatures of tensors that are made of several, and of a quantised one, as TensorFlow 1 declares them."""
    v1 = tf.compat.v1
    declared, made_of = v1.saved_model.build_tensor_info, v1.saved_model.build_signature_def
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 5], name="x")
        sparse = v1.sparse_placeholder(tf.float32, [None, 5], name="sparse")
        given, twice = {"x": declared(x)}, declared(2.0 * x)
        quantised = tf.quantization.quantize(x, -1.0, 1.0, tf.qint8).output
        ragged = tf.RaggedTensor.from_row_lengths(tf.range(6), [2, 3, 1])
        outputs = {"sparse": tf.sparse.from_dense(x), "ragged": ragged, "quantised": quantised}
        signatures = {key: made_of(given, {"y": twice, key: declared(output)}, PREDICT) for key, output in outputs.items()}
        product = declared(v1.sparse_tensor_dense_matmul(sparse, tf.ones([5, 2])))
        signatures.update(serving_default=made_of(given, {"y": twice}, PREDICT), takes_sparse=made_of({"sparse": declared(sparse)}, {"y": product}, PREDICT))
        builder = v1.saved_model.Builder(f"{sys.argv[1]}/composite/1")
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def save(name, **signatures):
    """Each signature is a function and the specifications of its inputs."""
    module = tf.Module()
    made = {key: tf.function(function, input_signature=inputs) for key, (function, inputs) in signatures.items()}
    for key, function in made.items():
        setattr(module, key, function)
    tf.saved_model.save(module, f"{sys.argv[1]}/{name}/1", signatures=made)


save("linear", serving_default=(linear, FLOATS), total=(total, FLOATS))
save("examples", serving_default=(classify, SERIALIZED), regress=(regress, SERIALIZED))
save("told_again", serving_default=(told_again, SERIALIZED), regress=(always, SERIALIZED))
save("slow", serving_default=(slow, [tf.TensorSpec([None], tf.float32, name="rounds")]))
save("sums", serving_default=(sums, [tf.TensorSpec([None, None], tf.float32, name="x"), tf.TensorSpec([None, None], tf.string, name="words")]))
save("echo", serving_default=(echo, ANY))
save("by_name", mine=(linear, FLOATS))
composite()
