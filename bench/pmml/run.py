"""Runs the PMML benchmark: ours and the JVM evaluators, one core, one run.

`run.py --models FOLDER [--bench target/release/landfall-bench] [--core N] [--seconds S]`, after `make.py FOLDER`.
Each figure is the best of three rounds after a warm-up; ratios are what counts. Prints a Markdown table.
"""

import argparse
import glob
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
MODELS = ["xgboost", "lightgbm", "forest", "network", "svm", "logistic", "bayes", "scorecard", "tree", "general"]
MODELS += ["kmeans", "neighbors", "rules", "surrogates", "cox", "large"]
NATIVE = {"xgboost": "xgboost.json", "lightgbm": "lightgbm.txt"}


def jars() -> str:
    folders = [Path(find_spec(name).submodule_search_locations[0]) for name in ("jpmml_evaluator", "pypmml")]
    return os.pathsep.join(jar for folder in folders for jar in glob.glob(f"{folder}/**/*.jar", recursive=True))


def figures(command: list[str], core: str) -> list[float]:
    run = subprocess.run(["taskset", "-c", core, *command], capture_output=True, text=True)
    lines = run.stdout.strip().splitlines()
    if run.returncode != 0 or not lines:
        print(f"{' '.join(command[-4:])}: {run.stderr.strip().splitlines()[-1:]}", flush=True)
        return [float("nan")] * 3
    return [float(figure) for figure in lines[-1].split()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--bench", default="target/release/landfall-bench")
    parser.add_argument("--core", default="1")
    parser.add_argument("--seconds", default="2")
    parser.add_argument("--only", nargs="*", default=MODELS, help="some of the models")
    asked = parser.parse_args()
    path = jars()
    print("| model | rows/s | of native | JPMML | PMML4S | times the better | one row, us | JPMML | PMML4S | load, ms | JPMML | PMML4S |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name in asked.only:
        model, rows = str(asked.models / f"{name}.pmml"), str(asked.models / f"{name}.csv")
        own = figures([asked.bench, "table", model, rows, asked.seconds], asked.core)
        native = ""
        if name in NATIVE:
            read = figures([asked.bench, "table", str(asked.models / NATIVE[name]), rows, asked.seconds], asked.core)
            native = f"{own[0] / read[0]:.2f}"
        peers = [
            figures(["java", "-cp", path, str(HERE / "Peers.java"), peer, model, rows, asked.seconds], asked.core)
            for peer in ("jpmml", "pmml4s")
        ]
        best = max(rate for rate, *_ in peers if rate == rate)
        cells = [name, f"{own[0]:,.0f}", native, *(f"{rate:,.0f}" for rate, *_ in peers), f"{own[0] / best:.0f}"]
        cells += [f"{one:.2f}" for one in (own[1], peers[0][1], peers[1][1])]
        cells += [f"{load:.0f}" for load in (own[2], peers[0][2], peers[1][2])]
        print("| " + " | ".join(cells) + " |", flush=True)


main()
