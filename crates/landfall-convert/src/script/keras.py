"""Keras files become SavedModels."""


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
        refuse_what_no_keras_reads(str(error))
        author = written_by(path)
        if author.startswith("3."):
            raise Refused("malformed", text) from error
        try:
            import tf_keras
            # It knows no safe mode for these files: nothing that needs one gets this far unless it was switched off.
            if keras.__version__.startswith("3") and not (safe_mode and holds_code(path)):
                return tf_keras.models.load_model(path, compile=False), f"tf_keras {tf_keras.__version__}"
        except ImportError:
            if author.startswith("2."):
                text += f"; the file was written by Keras {author}, which tf_keras reads (pip install tf_keras)"
        except Exception as second:
            refuse_what_no_keras_reads(str(second))
            text += f"; with tf_keras: {one_line(second)}"
        raise Refused("malformed", text) from error


def refuse_broken_archive(path):
    """Refuses an archive that is cut or lacks a part, of which Keras says that there is no file, or no item."""
    import zipfile
    if not is_zip(path):
        return
    if not zipfile.is_zipfile(path):
        raise Refused("malformed", "the archive ends early: it has no list of its members")
    with zipfile.ZipFile(path) as archive:
        refuse_what_lacks_members(archive)


def refuse_broken_hdf5(path):
    """Refuses an HDF5 file that does not open."""
    if is_zip(path):
        return
    h5py, = need("h5py")
    try:
        h5py.File(path, "r").close()
    except OSError as error:
        raise Refused("malformed", f"the HDF5 file cannot be opened: it ends early, or is damaged ({one_line(error)})") from error


def refuse_what_lacks_members(archive):
    """Refuses an archive without what Keras writes into each: a configuration, which is JSON, and weights."""
    import json
    names = archive.namelist()
    there = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    deeper = [name for name in names if name.endswith("/config.json")]
    if "config.json" not in names and deeper:
        raise Refused("malformed", f"the archive holds {deeper[0]}: its members are to lie at the top, not in a folder")
    if "config.json" not in names:
        raise Refused("malformed", f"the archive holds no config.json, which says what layers a model has; it holds {there}")
    if not {"model.weights.h5", "model.weights.npz", "model.weights.json"} & set(names):
        raise Refused("malformed", f"the archive holds no model.weights.h5, and so no weights; it holds {there}")
    try:
        json.loads(archive.read("config.json"))
    except ValueError as error:
        raise Refused("malformed", f"config.json in the archive is no JSON: {error}") from error


def is_zip(path):
    """Whether a file begins as zip archives do."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def rightly_named(path, scratch):
    """A path whose ending says what the file is, which Keras goes by: a link in the folder `scratch`, where its own does not."""
    endings, name = ((".keras",), "model.keras") if is_zip(path) else ((".h5", ".hdf5"), "model.h5")
    if path.endswith(endings):
        return path
    link = os.path.join(scratch, name)
    os.symlink(path, link)
    return link


def refuse_what_no_keras_reads(text):
    """Refuses with a way out where Keras' words say that a file has classes of its own, or no model in it."""
    import re
    own = re.search(r"(?:Could not locate class|Unknown layer:?|Unknown object:?) '?([^'. ]+)", text)
    if own:
        way = 'where its code is, model.export("folder") writes a SavedModel, which holds no Python'
        raise Refused("refused", f"it has a class {own[1]!r}, which Keras does not know: {way}")
    if "No model config found" in text:
        raise Refused("refused", 'it holds weights alone, and no model: write both with model.save("model.keras")')


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
    given, answered = keys(model, "input"), keys(model, "output")
    names = [given.get(id(tensor), name) for tensor, name in zip(inputs, names)]
    outputs = [answered.get(id(tensor)) or layer_of(tensor) for tensor in model.outputs]
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


def keys(model, side):
    """By tensor, the keys of a model that takes or gives a dict; what lies deeper in it has none."""
    structure = getattr(model, side, None)
    return {id(tensor): key for key, tensor in structure.items()} if isinstance(structure, dict) else {}


def layer_of(tensor):
    """The name of the layer that a symbolic tensor comes from."""
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return getattr(layer, "name", None)


def flat(value):
    """The tensors of lists and dicts, in their order; dicts by their keys."""
    import tensorflow as tf
    return tf.nest.flatten(value)


def keras_to_saved_model(path, out, safe_mode):
    """Writes a SavedModel whose default signature names inputs and outputs as the layers are named."""
    refuse_broken_archive(path)
    need("tensorflow", "keras")
    import tempfile
    import tensorflow as tf
    safe = safe_mode != "false"
    refuse_broken_hdf5(path)
    if safe and holds_code_safely(path):
        raise Refused("unsafe", "it holds a Lambda layer, which is Python code")
    with tempfile.TemporaryDirectory(prefix="landfall-keras-") as scratch:
        model, reader = load_keras(rightly_named(path, scratch), safe)
    inputs, input_names, output_names = layer_names(model)
    # A layer that keeps its state from call to call has one for each row of its batch.
    keeps_state = any(getattr(layer, "stateful", False) for layer in layers_of(model))
    specs = [tf.TensorSpec(list(tensor.shape) if keeps_state else shape_of(tensor), tensor.dtype, name=name) for tensor, name in zip(inputs, input_names)]
    # Lists and dicts, and such within others; a model whose input is not the one that it lists takes that alone.
    structure = getattr(model, "input", None)
    places = {id(tensor): place for place, tensor in enumerate(inputs)}
    if not all(id(tensor) in places for tensor in flat(structure)):
        structure = inputs[0] if len(inputs) == 1 else inputs

    def answer(*tensors):
        arguments = tf.nest.map_structure(lambda tensor: tensors[places[id(tensor)]], structure)
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
