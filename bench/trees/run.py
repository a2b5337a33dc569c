"""Tree models beside their own libraries, pinned to one core, in turn: prints a Markdown table.

`run.py FOLDER [--bench target/release/landfall-bench] [--elsewhere PYTHON] [--core N] [--seconds S] [--rounds N]` trains what
is not in FOLDER yet (`models.py`). `--elsewhere` names a Python that has `requirements-elsewhere.txt`, for daal4py and lleaves.
Figures are medians of the rounds, of whose first peers are warm; ratios are of the same rounds. A model whose predictions are
not its library's to the last bit, in a batch or row by row, by any kernel, ends the run.
"""
import argparse
import os
import statistics
import subprocess
from pathlib import Path

import numpy as np

import models
import peers

CALL = 4096
ONES = 512
# Rows of which a library tells contributions in one call: a large model takes seconds for a few hundred.
EXPLAINED = 64
# What is measured, beside the best kernel, where the processor has it; in so many rounds.
KERNELS = ("best", "avx2", "plain")
FEW = 2
BESIDE = {
    "xgboost-small.ubj": ["XGBoost", "daal4py", "Ydf", "Tl2cgen", "OnnxRuntime"],
    "xgboost-medium.ubj": ["XGBoost", "daal4py", "Ydf", "Tl2cgen", "OnnxRuntime"],
    "xgboost-large.ubj": ["XGBoost", "daal4py", "OnnxRuntime"],
    "lightgbm-small.txt": ["LightGBM", "lleaves"],
    "lightgbm-medium.txt": ["LightGBM", "lleaves"],
    "lightgbm-default.txt": ["LightGBM", "lleaves"],
    "lightgbm-large.txt": ["LightGBM"],
    "catboost-medium.cbm": ["CatBoost"],
    "catboost-large.cbm": ["CatBoost"],
}


class Ours:
    def __init__(self, bench, model, rows, core):
        command = ["taskset", "-c", core, *bench.split(), "trees", str(model), str(rows)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kernels(self):
        return ["best", *self.ask("kernels").split()]


def make(name, path, c, python):
    """A peer, or nothing where it cannot be had for this model."""
    try:
        if name in ("daal4py", "lleaves"):
            if not python:
                raise RuntimeError("--elsewhere names no Python")
            model = path.with_suffix(".json") if name == "daal4py" else path
            return peers.Elsewhere(python, name, model, path.parent / "rows.f32", models.FEATURES, CALL)
        path = path.with_suffix(".onnx") if name == "OnnxRuntime" else path
        return getattr(peers, name)(path, c)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}", flush=True)
        return None


def check(ours, library, path, rows):
    expected = np.concatenate([library.batch(part) for part in rows])
    for kernel in ours.kernels():
        if ours.ask("predict", path, kernel) != "written":
            raise SystemExit(f"no predictions by {kernel}")
        for found in np.fromfile(path).reshape(2, -1):
            if not np.array_equal(found[: len(expected)], expected):
                raise SystemExit(f"{kernel}: not the library's numbers: {np.abs(found[: len(expected)] - expected).max()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bench", default="target/release/landfall-bench")
    parser.add_argument("--core", default="1")
    parser.add_argument("--elsewhere", default="", help="a Python with requirements-elsewhere.txt")
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", default="", help="models whose name contains this")
    asked = parser.parse_args()
    models.make(asked.folder)
    c = peers.loops(asked.folder)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(asked.core)})
    rows = np.fromfile(asked.folder / "rows.f32", np.float32).reshape(-1, models.FEATURES)
    parts = [np.ascontiguousarray(rows[at : at + CALL]) for at in range(0, len(rows) - CALL, CALL)]
    ones = [part[:ONES] for part in parts]
    print("| model | measured | ours | AVX2 | plain | peers: figure (ours in times of it) |")
    print("|---|---|---|---|---|---|")
    for model, names in ((model, names) for model, names in BESIDE.items() if asked.only in model):
        path = asked.folder / model
        ours = Ours(asked.bench, path, asked.folder / "rows.f32", asked.core)
        beside = {name: peer for name in names if (peer := make(name, path, c, asked.elsewhere))}
        check(ours, beside[names[0]], asked.folder / "found.f64", parts)
        report = lambda what, own, others, digits: print(line(model, what, own, others, digits), flush=True)

        kernels = [kernel for kernel in KERNELS if kernel in ours.kernels()]
        own, others = {}, {}
        for turn in range(asked.rounds):
            for kernel in kernels if turn < FEW else kernels[:1]:
                figure = float(ours.ask("batch", CALL, asked.seconds, kernel)) / 1e6
                own.setdefault(kernel, []).append(figure)
            for name, peer in beside.items():
                others.setdefault(name, []).append(peer.measure(parts, asked.seconds) / 1e6)
        report("batch, M rows/s", own, others, 3)

        own, others = {}, {}
        for turn in range(asked.rounds):
            for kernel in kernels if turn < FEW else kernels[:1]:
                own.setdefault(kernel, []).append(1e3 / float(ours.ask("one", asked.seconds / 2, kernel)))
            for name, peer in beside.items():
                if peer.one:
                    others.setdefault(name, []).append(peers.rate(peer.one, ones, asked.seconds / 2) / 1e6)
        report("one row at a time, M rows/s", own, others, 3)

        if beside[names[0]].shap:
            own, others = {}, {}
            for _ in range(min(asked.rounds, 3)):
                own.setdefault("best", []).append(float(ours.ask("shap", asked.seconds)) / 1e3)
                shap = peers.rate(beside[names[0]].shap, [part[:EXPLAINED] for part in parts], asked.seconds)
                others.setdefault(names[0], []).append(shap / 1e3)
            report("TreeSHAP, k rows/s", own, others, 3)

        # Some of what a library leaves out at load it does with the first row: both are told.
        load = lambda rows: type(beside[names[0]])(path, c)
        for word, what, run in [
            ("load", "loads/s", load),
            ("first", "loads with a first row/s", lambda rows: load(rows).batch(rows)),
        ]:
            own, others = {}, {}
            for _ in range(asked.rounds):
                own.setdefault("best", []).append(1e3 / float(ours.ask(word, asked.seconds / 2)))
                rate = peers.rate(run, [ones[0][:1]], asked.seconds / 2)
                others.setdefault(names[0], []).append(rate)
            report(what, own, others, 1)
        ready = statistics.median(1e3 / float(ours.ask("ready", asked.seconds / 2)) for _ in range(asked.rounds))
        print(f"| {model} | loads with all layouts/s | {ready:.1f} | | | |", flush=True)
        print(f"| {model} | memory, MB | {int(ours.ask('memory')) / 1e6:.2f} | | | |", flush=True)
        ours.process.stdin.close()

        if model == "xgboost-medium.ubj" and len(cores) > 1:
            both = ",".join(map(str, sorted(cores)[:2]))
            ours = Ours(asked.bench, path, asked.folder / "rows.f32", both)
            ratios = []
            for _ in range(asked.rounds):
                one, two = (float(ours.ask("threads", n, CALL, asked.seconds)) for n in (1, 2))
                ratios.append(two / one)
            print(f"| {model} | two threads in times of one | {statistics.median(ratios):.2f} | | | |", flush=True)
            ours.process.stdin.close()


def line(model, what, own, others, digits):
    middle = statistics.median
    cells = [f"{middle(own[kernel]):.{digits}f}" if kernel in own else "" for kernel in KERNELS]
    beside = []
    for name, figures in others.items():
        ratios = [a / b for a, b in zip(own["best"], figures)]
        beside.append(f"{name} {middle(figures):.{digits}f} (**{middle(ratios):.1f}**, {min(ratios):.1f}–{max(ratios):.1f})")
    return "| " + " | ".join([model, what, *cells, ", ".join(beside)]) + " |"


if __name__ == "__main__":
    main()
