"""Operators of TensorFlow in ONNX's words, beyond what tf2onnx knows."""


def teach_operators(tf2onnx):
    """Operators that tf2onnx does not know, and those that it has otherwise than TensorFlow."""
    teach_bins(tf2onnx)
    teach_choices(tf2onnx)
    teach_divisions(tf2onnx)
    teach_logarithms(tf2onnx)
    teach_angles(tf2onnx)
    teach_tables(tf2onnx)
    teach_texts(tf2onnx)
    teach_counts(tf2onnx)


def removed(graph, node):
    """What the nodes need that take a node's place: its outputs, and their shapes and types."""
    told = {"outputs": node.output, "shapes": node.output_shapes, "dtypes": node.output_dtypes}
    graph.remove_node(node.name)
    return told


def cast(graph, value, kind):
    """A value as another type."""
    return graph.make_node("Cast", [value], attr={"to": kind}).output[0] if graph.get_dtype(value) != kind else value


def constant(tf2onnx, graph, value):
    """A constant, by its name."""
    return graph.make_const(tf2onnx.utils.make_name("constant"), value).output[0]


def teach_bins(tf2onnx):
    """Operators of Keras' gelu and of its layer Discretization."""
    import numpy as np
    from tf2onnx import utils
    from tf2onnx.graph_builder import GraphBuilder
    from tf2onnx.handler import tf_op

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

    tf_op("Erfc")(Complement)
    tf_op("Bucketize")(Bucket)


def teach_choices(tf2onnx):
    """What a condition chooses: tf2onnx multiplies by 0 what is not chosen, which leaves NaN of the infinite, and of a quotient by 0
    that the condition is to keep out."""
    from onnx import TensorProto as kinds
    from tf2onnx.handler import tf_op
    from tf2onnx.onnx_opset import controlflow

    class Choice(controlflow.Select):
        @classmethod
        def version_9(cls, graph, node, **more):
            if graph.get_dtype(node.output[0]) in (kinds.FLOAT, kinds.DOUBLE):
                # By this tf2onnx means that it is to be a Where.
                node.set_attr("handles_nan", True)
            super().version_9(graph, node, **more)

    tf_op(["Select", "SelectV2"])(Choice)


def teach_divisions(tf2onnx):
    """Quotients of whole numbers, which tf2onnx rounds towards zero, and what they leave."""
    import numpy as np
    from onnx import TensorProto as kinds
    from tf2onnx import utils
    from tf2onnx.handler import tf_op
    from tf2onnx.onnx_opset import math as arithmetic

    # Whole numbers, and those that ONNX Runtime divides, which hold them and their quotients.
    divided_as = {kinds.INT8: kinds.INT32, kinds.UINT8: kinds.INT32, kinds.INT16: kinds.INT32, kinds.UINT16: kinds.INT32,
                  kinds.UINT32: kinds.INT64, kinds.INT32: kinds.INT32, kinds.INT64: kinds.INT64}

    def zero(graph, kind):
        return constant(tf2onnx, graph, np.array(0, utils.map_onnx_to_numpy_type(kind)))

    def is_left_with_another_sign(graph, left, one, other, nothing):
        """Where a division leaves something, and two numbers have different signs."""
        make = lambda operator, *inputs: graph.make_node(operator, list(inputs)).output[0]  # noqa: E731
        signs = make("Xor", make("Less", one, nothing), make("Less", other, nothing))
        return make("And", make("Not", make("Equal", left, nothing)), signs)

    class Quotient(arithmetic.FloorDiv):
        """Of whole numbers, rounded down: one less than the quotient towards zero, where something is left below zero."""
        @classmethod
        def version_10(cls, graph, node, **more):
            kind = graph.get_dtype(node.input[0])
            if kind not in divided_as:
                return cls.version_6(graph, node, **more)
            wide = divided_as[kind]
            dividend, divisor = (cast(graph, value, wide) for value in node.input)
            told = removed(graph, node)
            quotient = graph.make_node("Div", [dividend, divisor]).output[0]
            left = graph.make_node("Mod", [dividend, divisor]).output[0]
            below = is_left_with_another_sign(graph, left, dividend, divisor, zero(graph, wide))
            one = graph.make_node("Cast", [below], attr={"to": wide}).output[0]
            if kind == wide:
                graph.make_node("Sub", [quotient, one], **told)
            else:
                rounded = graph.make_node("Sub", [quotient, one]).output[0]
                graph.make_node("Cast", [rounded], attr={"to": kind}, **told)

    class Remainder(arithmetic.FloorMod):
        """With the divisor's sign: ONNX's own for whole numbers; for others what C's `fmod` leaves, and the divisor once more where
        that has the other sign."""
        @classmethod
        def version_10(cls, graph, node, **more):
            kind = graph.get_dtype(node.input[0])
            if kind in divided_as or kind == kinds.UINT64:
                graph.make_node("Mod", node.input, **removed(graph, node))
            elif kind in (kinds.FLOAT, kinds.DOUBLE):
                (dividend, divisor), told = node.input, removed(graph, node)
                left = graph.make_node("Mod", [dividend, divisor], attr={"fmod": 1}).output[0]
                below = is_left_with_another_sign(graph, left, left, divisor, zero(graph, kind))
                more = graph.make_node("Add", [left, divisor]).output[0]
                graph.make_node("Where", [below, more, left], **told)
            else:
                cls.version_7(graph, node, **more)

    tf_op("FloorDiv")(Quotient)
    tf_op("FloorMod")(Remainder)


def teach_logarithms(tf2onnx):
    """log(1 + x) and exp(x) - 1, which keep the digits of a small x, and products and quotients that are 0 where one factor is.
    What may be a −0 is never chosen by a condition that holds: ONNX Runtime's Where loses its sign then.

    Source of the two: W. Kahan's, as N. Higham has them in "Accuracy and Stability of Numerical Algorithms", 2nd edition, section
    1.14.1: what rounding does to 1 + x, or to exp(x), it does to both parts of a quotient."""
    import numpy as np
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    def maker(graph, node):
        """What makes nodes by their operators, and constants of the type that a node gives."""
        kind = utils.map_onnx_to_numpy_type(node.output_dtypes[0])
        make = lambda operator, *inputs: graph.make_node(operator, list(inputs)).output[0]  # noqa: E731
        return make, lambda number: constant(tf2onnx, graph, np.array(number, kind))

    def log1p(make, number, x):
        """x log(u) / (u - 1) with u = 1 + x; x where u is 1, and log(u) where u is x, which may be infinite."""
        one = number(1)
        u = make("Add", x, one)
        log = make("Log", u)
        ratio = make("Where", make("Equal", u, one), one, make("Div", log, make("Sub", u, one)))
        return make("Where", make("Equal", u, x), log, make("Mul", x, ratio))

    class LogOfMore:
        @classmethod
        def version_9(cls, graph, node, **_):
            make, number = maker(graph, node)
            value = log1p(make, number, node.input[0])
            graph.make_node("Identity", [value], **removed(graph, node))

    class ExpLessOne:
        """x (u - 1) / log(u) with u = exp(x); x where u is 1, u - 1 where that is u or -1."""
        @classmethod
        def version_9(cls, graph, node, **_):
            make, number = maker(graph, node)
            x, one = node.input[0], number(1)
            u = make("Exp", x)
            less = make("Sub", u, one)
            ratio = make("Where", make("Equal", u, one), one, make("Div", less, make("Log", u)))
            is_end = make("Or", make("Equal", less, u), make("Equal", less, number(-1)))
            graph.make_node("Where", [is_end, less, make("Mul", x, ratio)], **removed(graph, node))

    class NothingOfNothing:
        """x where x is 0, whatever the other factor or the divisor is."""
        @classmethod
        def version_9(cls, graph, node, **_):
            make, number = maker(graph, node)
            x, y = node.input
            other = {"Xlogy": lambda: make("Log", y), "Xlog1py": lambda: log1p(make, number, y)}.get(node.type, lambda: y)()
            other = make("Where", make("Equal", x, number(0)), number(1), other)
            graph.make_node("Div" if node.type == "Xdivy" else "Mul", [x, other], **removed(graph, node))

    class NothingByNothing:
        """0 where the second factor is 0, whatever the first one is."""
        @classmethod
        def version_9(cls, graph, node, **_):
            make, number = maker(graph, node)
            (x, y), zero = node.input, number(0)
            graph.make_node("Where", [make("Equal", y, zero), zero, make("Mul", x, y)], **removed(graph, node))

    tf_op("Log1p")(LogOfMore)
    tf_op("Expm1")(ExpLessOne)
    tf_op(["Xlogy", "Xlog1py", "Xdivy"])(NothingOfNothing)
    tf_op("MulNoNan")(NothingByNothing)


def teach_angles(tf2onnx):
    """The angle of a point, whose half turn has the sign of y where that is a zero, too; tf2onnx has 0 for −0.

    Source of the values at zeros and infinities: IEEE 754-2019, section 9.2.1, atan2."""
    import numpy as np
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class Angle:
        """atan(y / x), and half a turn with the sign of y where x is below zero, or −0.

        Two zeros stand for a quotient of y, two infinities for one of their signs."""
        @classmethod
        def version_10(cls, graph, node, **_):
            kind = utils.map_onnx_to_numpy_type(node.output_dtypes[0])
            make = lambda operator, *inputs: graph.make_node(operator, list(inputs)).output[0]  # noqa: E731
            zero, one, turn = (constant(tf2onnx, graph, np.array(number, kind)) for number in (0, 1, np.pi))
            (y, x), told = node.input, removed(graph, node)
            y_is_below, x_is_below = (make("Or", make("Less", value, zero), make("Less", make("Reciprocal", value), zero)) for value in (y, x))
            both = lambda test: make("And", test(y), test(x))  # noqa: E731
            less_one = make("Neg", one)
            signs = make("Where", make("Xor", y_is_below, x_is_below), less_one, one)
            # Of a −0 that it takes where its condition holds, ONNX Runtime's Where loses the sign: no y is chosen so.
            divisor = make("Where", both(lambda value: make("Equal", value, zero)), one, x)
            quotient = make("Where", both(lambda value: make("IsInf", value)), signs, make("Div", y, divisor))
            half = make("Where", y_is_below, make("Neg", turn), turn)
            angle = make("Atan", quotient)
            graph.make_node("Where", [x_is_below, make("Add", angle, half), angle], **told)

    tf_op("Atan2")(Angle)


def teach_tables(tf2onnx):
    """Tables of all types: from whole numbers and texts to places in a list, and from there to what the table has."""
    import numpy as np
    from onnx import TensorProto as kinds
    from tf2onnx import constants
    from tf2onnx.custom_opsets import onnx_ml
    from tf2onnx.handler import tf_op

    class Lookup(onnx_ml.LookupTableFind):
        @classmethod
        def version_9(cls, graph, node, initialized_tables, **more):
            kind, given = graph.get_dtype(node.input[1]), node.output_dtypes[0]
            table, default = node.inputs[0], node.inputs[2]
            while table.type == "Identity":
                table = table.inputs[0]
            name = table.get_attr_value("shared_name")
            known = name in initialized_tables and default.is_const() and not node.inputs[1].is_const()
            if {kind, given} == {kinds.INT64, kinds.STRING} or kind not in (kinds.INT32, kinds.INT64, kinds.STRING) or not known:
                return cls.version_8(graph, node, initialized_tables=initialized_tables, **more)
            keys, values = initialized_tables[name]
            side = "strings" if kind == kinds.STRING else "int64s"
            key = node.input[1] if kind == kinds.STRING else cast(graph, node.input[1], kinds.INT64)
            attributes = {f"keys_{side}": keys if kind == kinds.STRING else keys.astype(np.int64)}
            if kind != kinds.STRING and given == kinds.INT64:
                attributes |= {"values_int64s": values, "default_int64": default.get_tensor_value()}
                graph.make_node("LabelEncoder", [key], domain=constants.AI_ONNX_ML_DOMAIN, attr=attributes, **removed(graph, node))
            else:
                attributes |= {"values_int64s": np.arange(len(keys)), "default_int64": len(keys)}
                place = graph.make_node("LabelEncoder", [key], domain=constants.AI_ONNX_ML_DOMAIN, attr=attributes).output[0]
                own = default.get_tensor_value(as_list=False)
                listed = np.concatenate([values, np.broadcast_to(own, (1, *values.shape[1:]))]).astype(values.dtype)
                graph.make_node("Gather", [constant(tf2onnx, graph, listed), place], attr={"axis": 0}, **removed(graph, node))
            if not graph.find_output_consumers(table.output[0]):
                graph.remove_node(table.name)

    tf_op("LookupTableFindV2")(Lookup)


def teach_texts(tf2onnx):
    """Texts that are compared with one that does not change. Large and small letters are left to TensorFlow: of those beyond ASCII
    ONNX has others than TensorFlow."""
    from onnx import TensorProto as kinds
    from tf2onnx import constants, utils
    from tf2onnx.handler import tf_op
    from tf2onnx.onnx_opset import logical

    class Same(logical.Equal):
        @classmethod
        def version_13(cls, graph, node, **more):
            if graph.get_dtype(node.input[0]) != kinds.STRING:
                return cls.version_11(graph, node, **more)
            fixed = [place for place in (0, 1) if node.inputs[place].is_const()]
            text = node.inputs[fixed[-1]].get_tensor_value(as_list=False) if len(fixed) == 1 else None
            utils.make_sure(text is not None and text.ndim == 0, "Comparing texts is not supported but with one constant text")
            attributes = {"keys_strings": [text.item()], "values_int64s": [1], "default_int64": 0}
            same = graph.make_node("LabelEncoder", [node.input[1 - fixed[0]]], domain=constants.AI_ONNX_ML_DOMAIN, attr=attributes)
            same = cast(graph, same.output[0], kinds.BOOL)
            graph.make_node("Not" if node.type == "NotEqual" else "Identity", [same], **removed(graph, node))

    class Letters:
        @classmethod
        def version_10(cls, graph, node, **_):
            utils.make_sure(False, "%s is not supported: ONNX has letters beyond ASCII otherwise", node.type)

    tf_op(["Equal", "NotEqual"])(Same)
    tf_op(["StringLower", "StringUpper"])(Letters)


def teach_counts(tf2onnx):
    """How often whole numbers occur, row by row; sums at places that occur several times; places among sorted numbers."""
    import numpy as np
    from onnx import TensorProto as kinds
    from tf2onnx import utils
    from tf2onnx.graph_builder import GraphBuilder
    from tf2onnx.handler import tf_op

    class Counts:
        """Of numbers from the size on there is none. What they count for is added up: 1, or the weights."""
        @classmethod
        def version_16(cls, graph, node, **_):
            builder = GraphBuilder(graph)
            make = lambda operator, *inputs, **attr: graph.make_node(operator, list(inputs), attr=attr).output[0]  # noqa: E731
            numbers, size, weights = node.input
            kind, shape = graph.get_dtype(weights), graph.get_shape(weights)
            utils.make_sure(shape is not None, "Counts with weights of unknown shape are not supported")
            numbers = cast(graph, numbers, kinds.INT64)
            if node.type == "Bincount":
                numbers = make("Reshape", numbers, constant(tf2onnx, graph, np.array([-1], np.int64)))
            one = constant(tf2onnx, graph, np.array([1], np.int64))
            size = make("Reshape", cast(graph, size, kinds.INT64), one)
            rows = builder.make_slice({"data": make("Shape", numbers), "starts": [0], "ends": [-1], "axes": [0]})
            typed = lambda number: constant(tf2onnx, graph, np.array(number, utils.map_onnx_to_numpy_type(kind)))  # noqa: E731
            if 0 in shape:
                weights = make("Expand", typed(1), make("Shape", numbers))
            # One place more, for what is too large.
            nothing = make("Expand", typed(0), make("Concat", rows, make("Add", size, one), axis=0))
            places = make("Min", numbers, size)
            is_binary = node.get_attr_value("binary_output", False)
            counts = make("ScatterElements", nothing, places, weights, axis=-1, reduction="none" if is_binary else "add")
            zero = constant(tf2onnx, graph, np.array([0], np.int64))
            last = constant(tf2onnx, graph, np.array([-1], np.int64))
            graph.make_node("Slice", [counts, zero, size, last], **removed(graph, node))

    class Sums:
        """Zeros, to which values are added at their places."""
        @classmethod
        def version_16(cls, graph, node, **_):
            places, values, shape = node.input
            zero = constant(tf2onnx, graph, np.array(0, utils.map_onnx_to_numpy_type(graph.get_dtype(values))))
            nothing = graph.make_node("Expand", [zero, cast(graph, shape, kinds.INT64)]).output[0]
            graph.make_node("ScatterND", [nothing, cast(graph, places, kinds.INT64), values], attr={"reduction": "add"}, **removed(graph, node))

    class Places:
        """How many sorted numbers of a row are below a value, or not above it."""
        @classmethod
        def version_13(cls, graph, node, **_):
            builder = GraphBuilder(graph)
            numbers = builder.make_unsqueeze({"data": node.input[0], "axes": [1]})
            values = builder.make_unsqueeze({"data": node.input[1], "axes": [2]})
            if node.type == "LowerBound":
                before = graph.make_node("Less", [numbers, values]).output[0]
            else:
                before = graph.make_node("Not", graph.make_node("Less", [values, numbers]).output).output[0]
            counted = cast(graph, before, node.output_dtypes[0])
            told = removed(graph, node)
            builder.make_reduce_sum({"data": counted, "axes": [2], "keepdims": 0, "outputs": told["outputs"]},
                                    shapes=told["shapes"], dtypes=told["dtypes"])

    tf_op(["Bincount", "DenseBincount"])(Counts)
    tf_op("ScatterNd")(Sums)
    tf_op(["LowerBound", "UpperBound"])(Places)
