"""TensorFlow's files become ONNX files."""


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
    guard_indices(onnx, model.graph)
    guard_divisions(onnx, model)
    join_scales(onnx, model)
    onnx.save(model, out)
    return {"made by": f"tf2onnx {tf2onnx.__version__}, TensorFlow {tf.__version__}, opset {opset}"}


def run_converter(arguments):
    """Runs tf2onnx, and refuses what it says it could not convert."""
    from tf2onnx import convert, utils
    # Names that it makes up are counted on from task to task: signatures of one function are to come to one file.
    utils.INTERNAL_NAME = 1
    unsupported = Unsupported()
    loggers = [logging.getLogger(name) for name in (None, "tf2onnx", "tf2onnx.tfonnx")]
    for logger in loggers:
        logger.addHandler(unsupported)
    sys.argv = arguments
    try:
        convert.main()
    except SystemExit as error:
        if error.code:
            raise Refused("unsupported", "; ".join(unsupported.lines) or f"tf2onnx ended with {error.code}") from error
    except Exception as error:
        raise Refused("unsupported", "; ".join([*unsupported.lines, one_line(error)])) from error
    finally:
        for logger in loggers:
            logger.removeHandler(unsupported)
    if unsupported.lines:
        raise Refused("unsupported", "; ".join(unsupported.lines))


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


# Where the indices stand among the inputs of operators that count negative ones from the end, which TensorFlow refuses, or
# takes for none of its places.
INDICES = {"OneHot": 0, "Gather": 1, "GatherElements": 1, "GatherND": 1, "ScatterElements": 1, "ScatterND": 1}


def guard_indices(onnx, graph):
    """Takes computed indices below 0 beyond every end, where they mean what they mean in TensorFlow."""
    made = {tensor.name for tensor in graph.initializer} | {node.output[0] for node in graph.node if node.op_type == "Constant"}
    nodes, guarded = [], {}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                guard_indices(onnx, attribute.g)
        at = INDICES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        if at is not None and at < len(node.input) and node.input[at] not in made:
            indices = node.input[at]
            if indices not in guarded:
                guarded[indices] = f"{indices}__in_bounds"
                nodes.extend(in_bounds(onnx, indices, guarded[indices]))
            node.input[at] = guarded[indices]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def in_bounds(onnx, indices, name):
    """Nodes that give indices as they are, and those below 0 as the largest number."""
    import numpy as np
    make = onnx.helper.make_node
    constant = lambda end, number: make("Constant", [], [f"{name}_{end}"], value=onnx.numpy_helper.from_array(np.array(number, np.int32)))  # noqa: E731
    typed = lambda end: make("CastLike", [f"{name}_{end}", indices], [f"{name}_{end}_typed"])  # noqa: E731
    return [constant("zero", 0), constant("beyond", 2**31 - 1), typed("zero"), typed("beyond"),
            make("Less", [indices, f"{name}_zero_typed"], [f"{name}_below"]),
            make("Where", [f"{name}_below", f"{name}_beyond_typed", indices], [name])]


def guard_divisions(onnx, model):
    """Divides whole numbers by computed ones other than -1, whose quotient is the negative number: the processor's own division
    of the smallest number by -1 ends the process. TensorFlow gives the smallest number, as its negative is."""
    known = {}
    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
        known = {value.name: value.type.tensor_type.elem_type for value in [*inferred.value_info, *inferred.input, *inferred.output]}
    except Exception:
        # Of a model beyond 2 GB no types are inferred: every division may be one of whole numbers.
        pass
    guard_divisions_of(onnx, model.graph, known, set())


def guard_divisions_of(onnx, graph, known, outer):
    """The same for a graph, whose constants and those of the graphs around it divide as they are."""
    kinds = onnx.TensorProto
    signed = (kinds.INT8, kinds.INT16, kinds.INT32, kinds.INT64, kinds.UNDEFINED)
    constants = outer | {tensor.name for tensor in graph.initializer} | {node.output[0] for node in graph.node if node.op_type == "Constant"}
    nodes = []
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                guard_divisions_of(onnx, attribute.g, known, constants)
        is_division = node.op_type in ("Div", "Mod") and node.domain in ("", "ai.onnx")
        if not is_division or node.input[1] in constants or known.get(node.output[0], kinds.UNDEFINED) not in signed:
            nodes.append(node)
            continue
        nodes.extend(divided(onnx, node))
    del graph.node[:]
    graph.node.extend(nodes)


def divided(onnx, node):
    """Nodes that divide by 1 in the place of -1, and give a quotient its sign back; what is left of either division is 0."""
    import numpy as np
    make = onnx.helper.make_node
    quotient, divisor = node.output[0], node.input[1]
    name = f"{quotient}__divided"
    constant = lambda end, number: make("Constant", [], [f"{name}_{end}"], value=onnx.numpy_helper.from_array(np.array(number, np.int32)))  # noqa: E731
    typed = lambda end: make("CastLike", [f"{name}_{end}", divisor], [f"{name}_{end}_typed"])  # noqa: E731
    nodes = [constant("one", 1), constant("minus", -1), typed("one"), typed("minus"),
             make("Equal", [divisor, f"{name}_minus_typed"], [f"{name}_by_minus"]),
             make("Where", [f"{name}_by_minus", f"{name}_one_typed", divisor], [f"{name}_divisor"])]
    node.input[1] = f"{name}_divisor"
    if node.op_type == "Div":
        node.output[0] = f"{name}_quotient"
        nodes += [node, make("Where", [f"{name}_by_minus", f"{name}_minus_typed", f"{name}_one_typed"], [f"{name}_sign"]),
                  make("Mul", [f"{name}_quotient", f"{name}_sign"], [quotient])]
    else:
        nodes.append(node)
    return nodes


def join_scales(onnx, model):
    """Puts one BatchNormalization in the place of a factor for each channel and a term for each channel behind it, which a batch
    normalisation of Keras 3 comes to behind an activation: ONNX Runtime carries it out in the layout of its convolutions."""
    import collections
    import numpy as np
    graph = model.graph
    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
    except Exception:
        # Of a model beyond 2 GB no shapes are inferred.
        return
    types = {value.name: value.type.tensor_type for value in [*inferred.value_info, *inferred.input, *inferred.output]}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    uses = collections.Counter(names_used(onnx, graph))
    users = {name: node for node in graph.node for name in node.input}
    added = {}
    for node in graph.node:
        factor = of_channels(constants, types, node, "Mul")
        user = users.get(node.output[0]) if factor and uses[node.output[0]] == 1 else None
        term = of_channels(constants, types, user, "Add") if user else None
        if not term:
            continue
        name, value = user.output[0], node.input[1 - factor[0]]
        parts = {"factor": factor[1], "term": term[1], "mean": np.zeros_like(term[1]), "variance": np.ones_like(term[1])}
        graph.initializer.extend(onnx.numpy_helper.from_array(part, f"{name}__{end}") for end, part in parts.items())
        joined = onnx.helper.make_node("BatchNormalization", [value, *(f"{name}__{end}" for end in parts)], [name], epsilon=0.0)
        added[node.output[0]], added[name] = None, joined
    nodes = [added.get(node.output[0], node) if node.output else node for node in graph.node]
    del graph.node[:]
    graph.node.extend(node for node in nodes if node is not None)
    used = set(names_used(onnx, graph))
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def of_channels(constants, types, node, operator):
    """Which input of an operator is a constant of one number for each channel of the other one, and these numbers."""
    if node.op_type != operator or node.domain not in ("", "ai.onnx"):
        return None
    for place, name in enumerate(node.input):
        tensor, other = constants.get(name), types.get(node.input[1 - place])
        if tensor is None or other is None or tensor.data_type != 1 or other.elem_type != 1:
            continue
        dims, shape = list(tensor.dims), [dim.dim_value for dim in other.shape.dim]
        if len(dims) >= 3 and len(shape) == len(dims) and shape[1] == dims[1] and all(dim == 1 for dim in [dims[0], *dims[2:]]):
            from onnx import numpy_helper
            return place, numpy_helper.to_array(tensor).ravel()
    return None


def names_used(onnx, graph):
    """The names that a graph's nodes take, those of graphs within them too, and its outputs."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from names_used(onnx, attribute.g)
    yield from (value.name for value in graph.output)


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
