#!/usr/bin/env python3
"""Lays files under fuzz/corpus, one folder a target: from examples/ and the crates' tests, from the shared folder where it
is there, and what a crate's own writer makes.

The shared folder is `LANDFALL_SHARED`, else `../shared` beside the workspace.
"""
import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parent
SHARED = Path(os.environ.get("LANDFALL_SHARED", ROOT / "../shared"))
LARGEST = 1 << 16

FILES = {
    "tfs_rest": [(SHARED, "data/bench/*_tfs.json"), (SHARED, "data/bench/*_tfs_columnar.json")],
    "tfs_grpc": [(SHARED, "data/bench/*_grpc_tfs.pb")],
    "oip_rest": [(SHARED, "data/bench/*_oip.json"), (SHARED, "data/bench/*_oip_binary.bin")],
    "oip_grpc": [(SHARED, "data/bench/*_grpc_oip.pb")],
    "onnx_lowered": [(SHARED, "conformance/trees/onnx/*/model.onnx"), (ROOT, "crates/landfall-onnx/tests/fixtures/*.onnx")],
    "onnx_header": [(ROOT, "examples/*/*/*/model.onnx"), (SHARED, "data/bench/mlp_tiny.onnx")],
    "csv": [(ROOT, "examples/rows/*.csv")],
    "json_lines": [(ROOT, "examples/rows/*.jsonl")],
    "npy": [(ROOT, "examples/rows/*.npy")],
    "npz": [(ROOT, "examples/*/*/*/golden.npz"), (ROOT, "crates/landfall-tables/tests/data/*.npz")],
    "arrow_file": [(ROOT, "crates/landfall-tables/tests/data/*.arrow")],
    "arrow_stream": [(ROOT, "crates/landfall-tables/tests/data/*.arrows")],
    "parquet": [(ROOT, "crates/landfall-tables/tests/data/*.parquet")],
    "pmml": [(ROOT, "crates/landfall-pmml/tests/pmml/whole/*.pmml")],
    "tflite": [(ROOT, "crates/landfall-tensorflow/tests/litert/fixtures/*.tflite")],
}
TEXTS = {
    "tfs_config": [
        'model_config_list { config: [{ name: "m" base_path: "/m" model_version_policy { latest { num_versions: 2 } } }] }',
        "max_batch_size { value: 128 } allowed_batch_sizes: [2, 128] # note",
    ],
    "tfs_rest_question": ['{"context": {"a": 1}, "examples": [{"x": [0.5, NaN], "s": {"b64": "YQ=="}}]}'],
    "libsvm": ["1 1:0.5 3:2\n0 2:-1e-3 # note\n", "1 qid:3 1:1\n"],
    "journal": ["", "landfall journal 1\n"],
    "pmml_located": ["a,b\n1,x\n", "a\tb\n1\t\n"],
    "pmml_values": [
        "\0\0\0\0\0\0\0@\t3\tabc\t2020-02-29\t2020-02-29T23:59:60\t12:00:00\t(a|b)+%5.2f\n",
        "\0\0\0\0\0\0\0\0\t-1\ta b\t\t1969-12-31T00:00:00\t\t%Y-%m-%d\n",
    ],
}


def main():
    for target, places in FILES.items():
        for folder, pattern in places:
            for path in sorted(folder.glob(pattern)):
                if path.stat().st_size <= LARGEST:
                    name = "_".join(path.relative_to(folder).parts)
                    shutil.copyfile(path, corpus(target) / name)
    for target, texts in TEXTS.items():
        for number, text in enumerate(texts):
            (corpus(target) / f"text_{number}").write_text(text)
    awkward()
    written("landfall-tables", "parquet_seeds", corpus("parquet"))
    for folder in sorted((FUZZ / "corpus").iterdir()):
        print(f"{folder.name}: {len(list(folder.iterdir()))} seeds")


def corpus(target):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def written(crate, example, folder):
    """Files that a crate's example writes."""
    command = ["cargo", "run", "-q", "-p", crate, "--example", example, folder]
    subprocess.run(command, cwd=ROOT, check=True)


def awkward():
    """The bodies of recorded awkward requests, as far as they are text."""
    path = SHARED / "conformance/protocols/requests.jsonl.gz"
    if not path.is_file():
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            request = json.loads(line)
            body = request.get("body")
            if request["transport"] == "http" and isinstance(body, str) and body and len(body) <= LARGEST:
                (corpus("oip_rest") / request["id"]).write_bytes(body.encode("utf-8"))


if __name__ == "__main__":
    main()
