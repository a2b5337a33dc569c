"""Converts models with the libraries of this Python. Run by Landfall, which gives the task as arguments:

    keras FILE OUT SAFE_MODE                    a Keras file into a SavedModel
    onnx KIND SOURCE OUT OPSET TAGS SIGNATURE INPUTS OUTPUTS NAMES
                                                a SavedModel, graph_def or tflite file into an ONNX file

The first argument is a file that takes the answer: lines of a key, a tab and a value. A key `error` is followed by what
kind it is, a tab and the text. Lists are separated by commas; `-` stands for none.
"""
import sys

# Packages come from where they were installed, never from the folder that somebody happens to be in.
sys.path[:] = [place for place in sys.path if place]

import logging  # noqa: E402
import os  # noqa: E402
import traceback  # noqa: E402

# TensorFlow's own chatter tells nobody anything, graphics cards have no part in it, and Keras is to be TensorFlow's.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"


class Refused(Exception):
    """A model that cannot be converted: a kind that Landfall knows, and why."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def need(*names):
    """Imports packages; says which one is missing."""
    import importlib
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        raise Refused("missing", f"{error} ({sys.executable})") from error


def one_line(error):
    """An error's text; Keras and TensorFlow write pages."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:700]}"


# ------------------------------------------------------------------------------------------------ Keras

def load_keras(path, safe_mode):
    """A model of a file, and what read it. Old files that Keras 3 cannot read are tried with tf_keras, where it is."""
    import inspect
    keras, = need("keras")
    try:
        kwargs = {"compile": False}
        if "safe_mode" in inspect.signature(keras.models.load_model).parameters:
            kwargs["safe_mode"] = safe_mode
        return keras.models.load_model(path, **kwargs), f"Keras {keras.__version__}"
    except Exception as error:
        text = one_line(error)
        if "safe_mode" in text or "enable_unsafe_deserialization" in text or "unsafe" in text.lower():
            raise Refused("unsafe", text) from error
        try:
            import tf_keras
            # It knows no safe mode for these files: nothing that needs one gets this far unless it was switched off.
            if keras.__version__.startswith("3") and not (safe_mode and holds_code(path)):
                return tf_keras.models.load_model(path, compile=False), f"tf_keras {tf_keras.__version__}"
        except ImportError:
            if written_by(path).startswith("2."):
                text += f"; the file was written by Keras {written_by(path)}, which tf_keras reads (pip install tf_keras)"
        except Exception as second:
            text += f"; with tf_keras: {one_line(second)}"
        raise Refused("malformed", text) from error


def written_by(path):
    """The version of Keras that wrote a file; empty where it does not say."""
    import json
    import zipfile
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        h5py, = need("h5py")
        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "")
            return version.decode() if isinstance(version, bytes) else str(version)
    except Exception:
        return ""


def holds_code(path):
    """Whether a file holds Python code: the layers of that kind are named in its configuration."""
    import re
    import zipfile
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            configuration = archive.read("config.json").decode(errors="replace")
    else:
        h5py, = need("h5py")
        with h5py.File(path, "r") as file:
            configuration = file.attrs.get("model_config", "")
            configuration = configuration.decode(errors="replace") if isinstance(configuration, bytes) else configuration
    return bool(re.search(r'"class_name":\s*"(Lambda|TFOpLambda|SlicingOpLambda)"', configuration))


def layer_names(model):
    """Inputs, their names and the outputs' names: those of their layers, or the keys of a model that answers with a dict."""
    inputs = list(getattr(model, "inputs", None) or [])
    if not inputs:
        raise Refused("malformed", "the model was saved before its inputs were known: call it once, or give it an Input layer")
    names = list(getattr(model, "input_names", None) or [])
    if len(names) != len(inputs):
        names = [layer_of(tensor) or tensor.name.split(":")[0].split("/")[0] for tensor in inputs]
    if isinstance(getattr(model, "output", None), dict):
        by_tensor = {id(tensor): key for key, tensor in model.output.items()}
        outputs = [by_tensor.get(id(tensor)) for tensor in model.outputs]
    else:
        outputs = [layer_of(tensor) for tensor in model.outputs]
    outputs = [name or f"output_{index}" for index, name in enumerate(outputs)]
    # A layer that answers twice gives two outputs.
    taken = set()
    for place, name in enumerate(outputs):
        number = 1
        while outputs[place] in taken:
            outputs[place] = f"{name}_{number}"
            number += 1
        taken.add(outputs[place])
    return inputs, names, outputs


def layer_of(tensor):
    """The name of the layer that a symbolic tensor comes from."""
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return getattr(layer, "name", None)


def flat(value):
    """The tensors of a model's answer, in the order of its outputs."""
    import tensorflow as tf
    return tf.nest.flatten(value)


def keras_to_saved_model(path, out, safe_mode):
    """Writes a SavedModel whose default signature names inputs and outputs as the layers are named."""
    need("tensorflow", "keras")
    import tensorflow as tf
    safe = safe_mode != "false"
    if safe and holds_code_safely(path):
        raise Refused("unsafe", "it holds a Lambda layer, which is Python code")
    model, reader = load_keras(path, safe)
    inputs, input_names, output_names = layer_names(model)
    # A layer that keeps its state from call to call has one for each row of its batch.
    keeps_state = any(getattr(layer, "stateful", False) for layer in layers_of(model))
    specs = [tf.TensorSpec(list(tensor.shape) if keeps_state else shape_of(tensor), tensor.dtype, name=name) for tensor, name in zip(inputs, input_names)]
    structure = model.input if isinstance(getattr(model, "input", None), dict) else None

    def answer(*tensors):
        given = list(tensors)
        if structure is not None:
            by_name = {id(tensor): value for tensor, value in zip(inputs, given)}
            arguments = {key: by_name[id(tensor)] for key, tensor in structure.items()}
        else:
            arguments = given[0] if len(given) == 1 else given
        found = flat(model(arguments, training=False))
        # A model that answers with a dict is flattened by its keys; its outputs stand in their own order.
        order = ordered(model)
        return {name: found[place] for name, place in zip(output_names, order)}

    if reader.startswith("tf_keras"):
        holder = tf.Module()
        holder.model = model
        holder.answer = tf.function(answer, input_signature=specs)
        tf.saved_model.save(holder, out, signatures={"serving_default": holder.answer.get_concrete_function()})
    else:
        import keras
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serving_default", answer, input_signature=specs)
        archive.write_out(out, verbose=False)
    return {"made by": f"{reader}, TensorFlow {tf.__version__}",
            "inputs": ",".join(input_names), "outputs": ",".join(output_names)}


def ordered(model):
    """For each output, its place in the flattened answer."""
    import tensorflow as tf
    structure = getattr(model, "output", None)
    if not isinstance(structure, dict):
        return range(len(model.outputs))
    leaves = tf.nest.flatten(structure)
    return [next(place for place, leaf in enumerate(leaves) if leaf is tensor) for tensor in model.outputs]


def layers_of(model):
    """All layers, those within others too."""
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten()) if flatten else list(model.layers)


def shape_of(tensor):
    """A tensor's shape with its batch axis free."""
    shape = list(tensor.shape)
    return [None] + [None if length is None else int(length) for length in shape[1:]]


def holds_code_safely(path):
    """`holds_code` for files that may be broken, which Keras itself then refuses in its own words."""
    try:
        return holds_code(path)
    except Refused:
        raise
    except Exception:
        return False


# ------------------------------------------------------------------------------------------------ ONNX

def to_onnx(kind, source, out, opset, tags, signature, inputs, outputs, names):
    """Runs tf2onnx, then gives inputs and outputs the names that the original's signature has."""
    _, tf2onnx, onnx = need("tensorflow", "tf2onnx", "onnx")
    import tempfile
    import tensorflow as tf
    teach_operators(tf2onnx)
    with tempfile.TemporaryDirectory(prefix="landfall-onnx-") as scratch:
        arguments = ["tf2onnx", "--opset", opset, "--output", out]
        if kind == "saved_model":
            source = without_own_compilation(source, scratch)
            arguments += ["--saved-model", source, "--tag", tags or "serve", "--signature_def", signature]
        elif kind == "graph_def":
            arguments += ["--graphdef", binary_graph(source, scratch), "--inputs", inputs, "--outputs", outputs]
        else:
            arguments += ["--tflite", source]
        run_converter(arguments)
    model = onnx.load(out)
    wanted_inputs, wanted_outputs = names.split("|")
    rename(model.graph, "input", wanted_inputs.split(","))
    rename(model.graph, "output", wanted_outputs.split(","))
    onnx.save(model, out)
    return {"made by": f"tf2onnx {tf2onnx.__version__}, TensorFlow {tf.__version__}, opset {opset}"}


def run_converter(arguments):
    """Runs tf2onnx, and refuses what it says it could not convert."""
    from tf2onnx import convert
    unsupported = Unsupported()
    for name in (None, "tf2onnx", "tf2onnx.tfonnx"):
        logging.getLogger(name).addHandler(unsupported)
    sys.argv = arguments
    try:
        convert.main()
    except SystemExit as error:
        if error.code:
            raise Refused("unsupported", "; ".join(unsupported.lines) or f"tf2onnx ended with {error.code}") from error
    except Exception as error:
        raise Refused("unsupported", "; ".join([*unsupported.lines, one_line(error)])) from error
    if unsupported.lines:
        raise Refused("unsupported", "; ".join(unsupported.lines))


def teach_operators(tf2onnx):
    """Operators that tf2onnx does not know: those of Keras' gelu and of its layers Discretization and IntegerLookup."""
    import numpy as np
    from onnx import TensorProto
    from tf2onnx import constants, utils
    from tf2onnx.custom_opsets import onnx_ml
    from tf2onnx.graph_builder import GraphBuilder
    from tf2onnx.handler import tf_op

    def removed(graph, node):
        """What the nodes need that take a node's place: its outputs, and their shapes and types."""
        told = {"outputs": node.output, "shapes": node.output_shapes, "dtypes": node.output_dtypes}
        graph.remove_node(node.name)
        return told

    class Complement:
        """erfc(x) = 1 - erf(x)."""
        @classmethod
        def version_9(cls, graph, node, **_):
            one = graph.make_const(utils.make_name("one"), np.array(1, utils.map_onnx_to_numpy_type(node.output_dtypes[0])))
            erf = graph.make_node("Erf", node.input[:1])
            graph.make_node("Sub", [one.output[0], erf.output[0]], **removed(graph, node))

    class Bucket:
        """How many boundaries a value is not below; of NaN, as of TensorFlow's search, all."""
        @classmethod
        def version_11(cls, graph, node, **_):
            builder = GraphBuilder(graph)
            value = node.input[0]
            kind = utils.map_onnx_to_numpy_type(graph.get_dtype(value))
            if kind not in (np.float32, np.float64):
                value, kind = graph.make_node("Cast", [value], attr={"to": utils.map_numpy_to_onnx_dtype(np.float32)}).output[0], np.float32
            boundaries = np.array(node.get_attr_value("boundaries"), np.float32).astype(kind)
            boundaries = graph.make_const(utils.make_name("boundaries"), boundaries).output[0]
            below = graph.make_node("Less", [builder.make_unsqueeze({"data": value, "axes": [-1]}), boundaries])
            reached = graph.make_node("Not", below.output)
            counted = graph.make_node("Cast", reached.output, attr={"to": utils.map_numpy_to_onnx_dtype(np.int32)})
            told = removed(graph, node)
            builder.make_reduce_sum({"data": counted.output[0], "axes": [-1], "keepdims": 0, "outputs": told["outputs"]},
                                    shapes=told["shapes"], dtypes=told["dtypes"])

    class Lookup(onnx_ml.LookupTableFind):
        """Tables from whole numbers to whole numbers too, as those of Keras' layer IntegerLookup."""
        @classmethod
        def version_9(cls, graph, node, initialized_tables, **more):
            kinds = {graph.get_dtype(node.input[1]), node.output_dtypes[0]}
            table, default = node.inputs[0], node.inputs[2]
            while table.type == "Identity":
                table = table.inputs[0]
            name = table.get_attr_value("shared_name")
            if kinds != {TensorProto.INT64} or name not in initialized_tables or not default.is_const():
                return cls.version_8(graph, node, initialized_tables=initialized_tables, **more)
            keys, values = initialized_tables[name]
            attributes = {"keys_int64s": keys, "values_int64s": values, "default_int64": default.get_tensor_value()}
            graph.make_node("LabelEncoder", node.input[1:2], domain=constants.AI_ONNX_ML_DOMAIN, attr=attributes, **removed(graph, node))
            if not graph.find_output_consumers(table.output[0]):
                graph.remove_node(table.name)

    tf_op("LookupTableFindV2")(Lookup)
    tf_op("Erfc")(Complement)
    tf_op("Bucketize")(Bucket)


def without_own_compilation(source, scratch):
    """A SavedModel whose functions may be put in the place of their calls: those that are to be compiled (`jit_compile`,
    grouped convolutions of Keras) stay calls, which nothing converts. Where there are such ones, a copy in the folder
    `scratch`: a changed graph, and links to all else."""
    from tensorflow.core.protobuf import saved_model_pb2
    file = os.path.join(source, "saved_model.pb")
    if not os.path.isfile(file):
        return source
    with open(file, "rb") as opened:
        model = saved_model_pb2.SavedModel.FromString(opened.read())
    graphs = [meta_graph.graph_def for meta_graph in model.meta_graphs]
    functions = [function for graph in graphs for function in graph.library.function]
    nodes = [node for holder in graphs for node in holder.node] + [node for function in functions for node in function.node_def]
    compiled = [one for one in functions + nodes if "_XlaMustCompile" in one.attr and one.attr["_XlaMustCompile"].b]
    if not compiled:
        return source
    for one in compiled:
        del one.attr["_XlaMustCompile"]
    for name in os.listdir(source):
        if name != "saved_model.pb" and not name.startswith("."):
            os.symlink(os.path.join(source, name), os.path.join(scratch, name))
    with open(os.path.join(scratch, "saved_model.pb"), "wb") as opened:
        opened.write(model.SerializeToString())
    return scratch


def binary_graph(source, scratch):
    """A graph's file; of one in text form, a binary copy in the folder `scratch`."""
    import tensorflow as tf
    if not source.endswith(".pbtxt"):
        return source
    from google.protobuf import text_format
    with open(source, encoding="utf-8") as file:
        graph = text_format.Parse(file.read(), tf.compat.v1.GraphDef())
    copy = os.path.join(scratch, "graph.pb")
    with open(copy, "wb") as file:
        file.write(graph.SerializeToString())
    return copy


def rename(graph, side, wanted):
    """Gives the inputs or outputs of a graph the wanted names: by name, by name without its port, else by place."""
    own = getattr(graph, side)
    constants = {tensor.name for tensor in graph.initializer}
    own = [value for value in own if side == "output" or value.name not in constants]
    found = [value.name for value in own]
    if sorted(found) == sorted(wanted):
        return
    ports = [name.split(":")[0] for name in found]
    if sorted(ports) == sorted(wanted):
        mapping = dict(zip(found, ports))
    elif set(found) <= set(wanted):
        # An input that plays no part in the answer is left out by the converter.
        return
    elif len(found) == len(wanted):
        mapping = dict(zip(found, wanted))
    else:
        raise Refused("unsupported", f"the converted model has the {side}s {found}, expected {wanted}")
    for value in own:
        value.name = mapping[value.name]
    replace = lambda names: [mapping.get(name, name) for name in names]  # noqa: E731
    for node in graph.node:
        node.input[:], node.output[:] = replace(node.input), replace(node.output)


def unsupported_line(text):
    """Whether tf2onnx says with these words that it could not convert something, and goes on."""
    return "unsupported ops" in text.lower() or "not supported" in text.lower()


class Unsupported(logging.Handler):
    """Collects what tf2onnx only logs: operators that it left as they were."""

    def __init__(self):
        super().__init__(level=30)
        self.lines = []

    def emit(self, record):
        text = " ".join(record.getMessage().split())
        if record.levelno >= 40 and unsupported_line(text) and text not in self.lines:
            self.lines.append(text[:300])


# ------------------------------------------------------------------------------------------------ the task

def main():
    answer, task, *arguments = sys.argv[1:]
    arguments = ["" if argument == "-" else argument for argument in arguments]
    try:
        found = {"keras": keras_to_saved_model, "onnx": to_onnx}[task](*arguments)
        lines = [f"{key}\t{value}" for key, value in found.items()]
        code = 0
    except Refused as refused:
        lines, code = [f"error\t{refused.kind}\t{refused}"], 3
    except Exception as error:
        traceback.print_exc()
        lines, code = [f"error\tfailed\t{one_line(error)}"], 4
    with open(answer, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    # Threads that the libraries leave behind must not hold up the end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


main()
