"""The libraries' own evaluation through their C functions, one thread: each peer gives predictions of many rows, and where
it can, of rows one by one from a loop in C."""
import ctypes
import json
import subprocess
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def loops(folder):
    library = folder / "loops.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "loops.c"], check=True)
    return ctypes.CDLL(str(library))


def address(array):
    return ctypes.c_void_p(array.ctypes.data)


def rate(run, rows, seconds):
    """Rows a second, in calls of the parts of `rows` in turn."""
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        run(rows[done % len(rows)])
        done += 1
    return done * len(rows[0]) / elapsed


class Peer:
    """`batch(rows)` gives predictions; `one(rows)` the same, in a call for each row, or is None."""

    one = None
    shap = None

    def measure(self, rows, seconds):
        """Rows a second in batch."""
        return rate(self.batch, rows, seconds)


class XGBoost(Peer):
    def __init__(self, path, c):
        import xgboost

        self.library, self.c = xgboost.core._LIB, c
        self.booster = xgboost.Booster({"nthread": 1}, model_file=str(path))
        self.config = json.dumps(
            {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": 0, "strict_shape": False,
             "missing": float("nan"), "cache_id": 0}).encode()

    def interface(self, at, rows, width):
        return json.dumps({"data": [at, True], "shape": [rows, width], "typestr": "<f4", "version": 3}).encode()

    def batch(self, rows):
        shape, dims = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        result = ctypes.POINTER(ctypes.c_float)()
        self.library.XGBoosterPredictFromDense(
            self.booster.handle, self.interface(rows.ctypes.data, *rows.shape), self.config, None,
            ctypes.byref(shape), ctypes.byref(dims), ctypes.byref(result))
        return np.ctypeslib.as_array(result, (len(rows),)).astype(np.float64)

    def one(self, rows):
        width = rows.shape[1]
        names = [self.interface(rows.ctypes.data + 4 * width * i, 1, width) for i in range(len(rows))]
        names = (ctypes.c_char_p * len(rows))(*names)
        out = np.empty(len(rows))
        self.c.xgboost_rows(self.library.XGBoosterPredictFromDense, self.booster.handle, names, self.config,
                            ctypes.c_int64(len(rows)), address(out))
        return out

    def shap(self, rows):
        import xgboost

        return self.booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True)


class LightGBM(Peer):
    def __init__(self, path, c):
        import lightgbm

        self.library, self.c = lightgbm.basic._LIB, c
        self.booster = lightgbm.Booster(model_file=str(path))
        self.handle = self.booster._handle
        self.fast = None

    def batch(self, rows):
        out, length = np.empty(len(rows)), ctypes.c_int64()
        self.library.LGBM_BoosterPredictForMat(
            self.handle, address(rows), 0, ctypes.c_int32(len(rows)), ctypes.c_int32(rows.shape[1]), 1, 0, 0, -1,
            b"num_threads=1", ctypes.byref(length), address(out))
        return out

    def one(self, rows):
        if self.fast is None:
            self.fast = ctypes.c_void_p()
            self.library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self.handle, 0, 0, -1, 0, ctypes.c_int32(rows.shape[1]), b"num_threads=1", ctypes.byref(self.fast))
        out = np.empty(len(rows))
        self.c.lightgbm_rows(self.library.LGBM_BoosterPredictForMatSingleRowFast, self.fast, address(rows),
                             ctypes.c_int64(len(rows)), ctypes.c_int64(rows.shape[1]), address(out))
        return out


class CatBoost(Peer):
    def __init__(self, path, c):
        import catboost

        self.model, self.pools = catboost.CatBoost().load_model(str(path)), {}

    def batch(self, rows):
        import catboost

        pool = self.pools.setdefault(rows.ctypes.data, None) or catboost.Pool(rows)
        self.pools[rows.ctypes.data] = pool
        return self.model.predict(pool, prediction_type="RawFormulaVal", thread_count=1)


class OnnxRuntime(Peer):
    def __init__(self, path, c):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options)

    def batch(self, rows):
        return self.session.run(None, {"x": rows})[0].ravel().astype(np.float64)


class Tl2cgen(Peer):
    """XGBoost's model as C. Large models take gcc longer than a run should."""

    def __init__(self, path, c):
        import tl2cgen
        import treelite

        library = Path(f"{path}.tl2cgen.so")
        if not library.exists():
            model = treelite.frontend.load_xgboost_model(str(path), format_choice="ubjson")
            tl2cgen.export_lib(model, toolchain="gcc", libpath=str(library), params={"parallel_comp": 8}, verbose=False)
        self.c, self.library = c, ctypes.CDLL(str(library))

    def one(self, rows):
        out = np.empty(len(rows))
        self.c.compiled_rows(self.library.predict, address(rows), ctypes.c_int64(len(rows)),
                             ctypes.c_int64(rows.shape[1]), address(out))
        return out

    batch = one


class Ydf(Peer):
    """A model of its own, of the same shape, by its own measurement in C++."""

    def __init__(self, path, c):
        import ydf

        ydf.verbose(0)
        self.model, self.columns = ydf.load_model(str(path.parent / path.stem.replace("xgboost", "ydf"))), None

    def measure(self, rows, seconds):
        if self.columns is None:
            self.columns = {f"f{feature}": rows[0][:, feature] for feature in range(rows[0].shape[1])}
        measured = self.model.benchmark(self.columns, benchmark_duration=seconds, warmup_duration=0.1, num_threads=1)
        return 1 / measured.duration_per_example


class Elsewhere(Peer):
    """A peer in another Python (`elsewhere.py`)."""

    def __init__(self, python, name, path, rows, features, call):
        command = [python, HERE / "elsewhere.py", name, path, rows, str(features), str(call)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} does not start with {python}")

    def measure(self, rows, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())
