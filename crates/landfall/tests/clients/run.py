#!/usr/bin/env python3
"""Calls the real binary with other people's clients.

    python run.py --landfall PATH [--complete] [--only REGEX]

Every function whose first parameter is `server` in a file test_*.py is a test; its name says what holds. Each engine
gets a server of its own. Then the recorded requests of the shared folder are replayed against a fresh server. The last
line is `N passed, M failed`. With --complete, ONNX Runtime and the shared folder must be there; without it, what is
left out is said.
"""
import argparse
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from server import SHARED, Server  # noqa: E402

MODULES = ["test_health", "test_tfs_rest", "test_tfs_grpc", "test_tfs_examples", "test_triton_http", "test_triton_grpc", "test_doors", "test_versions", "test_operation",
           "test_tfs_model_server", "test_tfs_saved_model", "test_tfs_flags", "test_tensorflow", "test_tensorflow_forms", "test_tensorflow_shared"]
REPLAY = SHARED / "conformance/protocols/replay.py"
# Where we mean to differ from Triton beyond what the shared table of such cases says.
EXCEPTIONS = HERE / "exceptions.tsv"
REPLAY_SECONDS = 600


def tests(engine, only):
    """Names and functions of the tests that this engine can answer."""
    found = []
    for name in MODULES:
        module = importlib.import_module(name)
        for test in vars(module).values():
            if not inspect.isfunction(test) or test.__module__ != name or list(inspect.signature(test).parameters) != ["server"]:
                continue
            if getattr(test, "left_out", None):
                continue
            fits = getattr(test, "engine", engine) == engine and (Server.has_ctr() or not getattr(test, "ctr", False))
            if fits and re.search(only, f"{name}.{test.__name__}"):
                found.append((f"{engine} {name}.{test.__name__}", test))
    return found


def run(landfall, engine, only):
    """Runs one engine's tests; gives how many passed and how many failed."""
    chosen = tests(engine, only)
    if not chosen:
        return 0, 0
    passed = failed = 0
    server = Server(landfall, engine)
    try:
        for name, test in chosen:
            try:
                test(server)
                passed += 1
            except Exception:
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc(limit=-3)}")
            if server.process.poll() is not None:
                print(f"the server ended with {server.process.returncode} during {name}")
                failed += 1
                break
    finally:
        code = server.stop()
    if code != 0:
        print(f"FAILED {engine}: the server ended with {code} after SIGTERM, expected 0")
        failed += 1
    if failed:
        print(f"log of the server ({engine}), its end:\n" + "".join(server.log[-40:]))
    print(f"clients on {engine}: {passed} of {passed + failed}")
    return passed, failed


def replay(landfall, engine):
    """The recorded requests, in order, against a server that nobody has called yet."""
    server = Server(landfall, engine)
    exceptions = server.folder / "exceptions.tsv"
    exceptions.write_text(both(REPLAY.with_name("exceptions.tsv"), EXCEPTIONS))
    command = [sys.executable, "-u", str(REPLAY), "--http", server.http, "--grpc", server.grpc,
               "--against", "golden_triton.jsonl", "--bad-input-4xx", "--exceptions", str(exceptions)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output = output_of(process, server)
    finally:
        process.kill()
        server.stop()
    lines = output.splitlines()
    count = re.fullmatch(r"(\d+) passed, (\d+) failed(, \d+ left out)?", lines[-1] if lines else "")
    print("\n".join(f"replay: {line}" for line in lines))
    if not count:
        print("FAILED replay: it did not come to its end\n" + "".join(server.log[-40:]))
        return 0, 1
    return int(count[1]), int(count[2])


def both(*tables):
    """Tables with one header, put together; a request that stands in two is a mistake."""
    headers, rows = zip(*(table.read_text().split("\n", 1) for table in tables))
    assert len(set(headers)) == 1, headers
    names = [row.split("\t")[0] for row in "".join(rows).splitlines()]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    return headers[0] + "\n" + "".join(rows)


def output_of(process, server):
    """What the replay prints; cut short where the server ends, for which the replay would wait a minute a request."""
    end = time.monotonic() + REPLAY_SECONDS
    while True:
        try:
            return process.communicate(timeout=2)[0]
        except subprocess.TimeoutExpired:
            if server.process.poll() is not None or time.monotonic() > end:
                process.kill()
                return process.communicate()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landfall", type=Path, required=True, help="the binary")
    parser.add_argument("--complete", action="store_true", help="fail where ONNX Runtime or shared cases are missing")
    parser.add_argument("--only", default="", help="regular expression on test names; leaves the replay out")
    arguments = parser.parse_args()
    engines = ["embedded"] + (["onnxruntime"] if os.environ.get("LANDFALL_ONNXRUNTIME") else [])
    missing = [what for what, there in (("ONNX Runtime (LANDFALL_ONNXRUNTIME)", len(engines) == 2),
                                        ("TensorFlow with Keras", importlib.util.find_spec("keras")),
                                        (f"shared cases ({REPLAY})", REPLAY.is_file())) if not there]
    if missing:
        print("left out for want of: " + "; ".join(missing))
    counts = [run(arguments.landfall, engine, arguments.only) for engine in engines]
    if REPLAY.is_file() and not arguments.only:
        counts.append(replay(arguments.landfall, engines[-1]))
    if missing and arguments.complete:
        counts.append((0, len(missing)))
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
