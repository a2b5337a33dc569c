"""What a tree model costs over HTTP: the medium model beside a model without trees, on the same server, in turn.

`over_http.py --models FOLDER [--landfall target/release/landfall] [--rounds N]`, after `models.py FOLDER`; needs `wrk`. The server
runs on processor 0, the load on processor 1. Prints a Markdown table.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import models

PORT = 18571
LUA = """wrk.method = "POST"
wrk.body = [=[{body}]=]
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("seen %d %d %d\\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def constant(folder, rows, target):
    """A model that answers the same for every row."""
    import xgboost as xgb

    path = folder / "xgboost-constant.ubj"
    if not path.exists():
        data = xgb.DMatrix(rows[:1000], target[:1000])
        xgb.train({"objective": "reg:squarederror"}, data, 0).save_model(path)
    return path


def rate(name, script, seconds):
    url = f"http://127.0.0.1:{PORT}/v1/models/{name}:predict"
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(script), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, micros, errors = next(map(int, line.split()[1:]) for line in output.splitlines() if line.startswith("seen "))
    if errors:
        raise SystemExit(f"{errors} of {requests} requests to {url} failed")
    return requests / micros * 1e6


def wait_until_ready():
    for _ in range(200):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz").close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not answer")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--landfall", default="target/release/landfall")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    asked = parser.parse_args()
    rows, target = models.table()
    files = {"medium": asked.models / "xgboost-medium.ubj", "constant": constant(asked.models, rows, target)}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        row = [None if value != value else round(float(value), 6) for value in rows[0]]
        script.write_text(LUA.format(body=json.dumps({"instances": [row]})))
        server = subprocess.Popen(
            ["taskset", "-c", "0", asked.landfall, "serve", *(f"{name}={path}" for name, path in files.items()),
             "--http", f"127.0.0.1:{PORT}", "--grpc", "127.0.0.1:18572", "--state", folder], stderr=subprocess.DEVNULL)
        try:
            wait_until_ready()
            seen = {name: [] for name in files}
            for name in files:
                rate(name, script, 1)
            for _ in range(asked.rounds):
                for name in files:
                    seen[name].append(rate(name, script, asked.seconds))
        finally:
            server.terminate()
            server.wait()
    ratios = [medium / constant for medium, constant in zip(seen["medium"], seen["constant"])]
    print("| connections | constant, requests/s | medium, requests/s | ratio |\n|---|---|---|---|")
    print(f"| 64 | {statistics.median(seen['constant']):,.0f} | {statistics.median(seen['medium']):,.0f} "
          f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) |")


main()
