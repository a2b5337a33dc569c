"""A peer in a Python of its own, for libraries that need older ones beside them: `requirements-elsewhere.txt`.

    elsewhere.py daal4py|lleaves MODEL ROWS.f32 FEATURES CALL

Says `ready`; then each line with a number of seconds is answered with rows a second, in calls of CALL rows.
"""
import json
import sys
import time

import numpy as np


def daal4py(path):
    """An XGBoost model, from its JSON: the XGBoost that daal4py knows writes a base score without brackets."""
    import daal4py as library
    import xgboost

    with open(path) as file:
        model = json.load(file)
    parameters = model["learner"]["learner_model_param"]
    parameters["base_score"] = parameters["base_score"].strip("[]")
    booster = xgboost.Booster()
    booster.load_model(bytearray(json.dumps(model).encode()))
    converted = library.mb.convert_model(booster)
    return converted.predict, np.float32


def lleaves(path):
    import lleaves as library

    model = library.Model(path)
    model.compile(cache=path + ".lleaves")
    return lambda rows: model.predict(rows, n_jobs=1), np.float64


def main():
    name, path, rows, features, call = sys.argv[1:]
    predict, dtype = {"daal4py": daal4py, "lleaves": lleaves}[name](path)
    rows = np.fromfile(rows, np.float32).reshape(-1, int(features)).astype(dtype)
    parts = [np.ascontiguousarray(rows[at : at + int(call)]) for at in range(0, len(rows) - int(call), int(call))]
    predict(parts[0])
    print("ready", flush=True)
    for line in sys.stdin:
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < float(line):
            predict(parts[done % len(parts)])
            done += 1
        print(done * int(call) / elapsed, flush=True)


main()
