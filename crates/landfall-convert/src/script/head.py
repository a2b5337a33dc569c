"""Converts models with the libraries of this Python. Run by Landfall, which writes tasks to standard input, each a list of
words that end in NUL, and an empty word behind the last:

    keras FILE OUT SAFE_MODE                    a Keras file into a SavedModel
    onnx KIND SOURCE OUT OPSET TAGS SIGNATURE INPUTS OUTPUTS NAMES
                                                a SavedModel, graph_def or tflite file into an ONNX file

The word in front of a task is a file that takes the answer: lines of a key, a tab and a value. A key `error` is followed by
what kind it is, a tab and the text. When it is written, a line goes to standard output. Lists are separated by commas; `-`
stands for none.
"""
import sys

# Packages come from where they were installed, never from the folder that somebody happens to be in.
sys.path[:] = [place for place in sys.path if place]

import logging  # noqa: E402
import os  # noqa: E402
import queue  # noqa: E402
import threading  # noqa: E402
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
