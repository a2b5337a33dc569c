"""Trained weights written down as plain ONNX operators: no `ai.onnx.ml`, so that any engine can answer."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8


class Graph:
    """Collects nodes and weights; every step returns the name of its result."""

    def __init__(self, name, doc):
        self.name, self.doc = name, doc
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []

    def input(self, name, *dims):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *dims]))
        return name

    def output(self, name, dtype, *dims):
        self.outputs.append(helper.make_tensor_value_info(name, dtype, ["batch", *dims]))

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def floats(self, name, array):
        return self.weight(name, np.asarray(array, dtype=np.float32))

    def step(self, op, *inputs, out=None, **attributes):
        out = out or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"{out}_node", **attributes))
        return out

    def standardise(self, x, scaler):
        """(x - mean) / deviation, as sklearn's StandardScaler."""
        return self.step("Div", self.step("Sub", x, self.floats("mean", scaler.mean_)), self.floats("scale", scaler.scale_))

    def dense(self, x, name, weights, bias):
        """x @ weights + bias; `weights` is [in, out]."""
        return self.step("Gemm", x, self.floats(f"{name}_weights", weights), self.floats(f"{name}_bias", bias))

    def classify(self, scores, classes):
        """Softmax as `probabilities` [batch, classes], the most probable class as `label` [batch]."""
        self.step("Softmax", scores, out="probabilities", axis=1)
        self.step("ArgMax", "probabilities", out="label", axis=1, keepdims=0)
        self.output("probabilities", TensorProto.FLOAT, classes)
        self.output("label", TensorProto.INT64)

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights, doc_string=self.doc)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
                                  producer_name="landfall-examples", doc_string=self.doc)
        onnx.checker.check_model(model, full_check=True)
        return model
