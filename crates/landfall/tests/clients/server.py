"""The real binary, started for the tests on ports of its own choosing."""
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[4]
SHARED = Path(os.environ.get("LANDFALL_SHARED", ROOT / "../shared")).resolve()
START_SECONDS = 60


class Running:
    """A running `landfall serve`, started by the command line given; `http` and `grpc` are "host:port"."""

    def __init__(self, command, start_seconds=START_SECONDS):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.log = []
        self.http, self.grpc = self._addresses(start_seconds)

    def _addresses(self, start_seconds):
        """Reads the start log until both listeners have said where they are; goes on reading it for ever."""
        lines = queue.Queue()
        threading.Thread(target=self._read_log, args=(lines,), daemon=True).start()
        found = {}
        while set(found) != {"http", "grpc"}:
            try:
                line = lines.get(timeout=start_seconds)
            except queue.Empty:
                line = None
            if line is None:
                self.stop()
                raise RuntimeError("the server did not start:\n" + "".join(self.log))
            match = re.search(r"\b(http|grpc) listening on (\S+:\d+)", line)
            if match:
                found[match[1]] = match[2]
        return found["http"], found["grpc"]

    def _read_log(self, lines):
        for line in self.process.stderr:
            self.log.append(line)
            lines.put(line)
        lines.put(None)

    def url(self, path):
        return f"http://{self.http}{path}"

    def stop(self):
        """SIGTERM, as an operator would; gives the exit code, or None where it had to be killed."""
        code = None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return code


class Server(Running):
    """A running `landfall serve` over a copy of the example models and, where shared data is there, `ctr`.

    `http` and `grpc` are "host:port"; `models` is the watched folder; `engine` is what was asked for.
    """

    def __init__(self, landfall, engine):
        self.landfall, self.engine = str(landfall), engine
        self.folder = Path(tempfile.mkdtemp(prefix="landfall-clients-"))
        self.models = self.folder / "models"
        shutil.copytree(ROOT / "examples/models", self.models, ignore=shutil.ignore_patterns("*.py", "*.txt", "__pycache__"))
        paths = [str(self.models)]
        if self.has_ctr():
            paths.append(f"ctr={SHARED / 'data/bench/ctr.onnx'}")
        if engine == "onnxruntime":
            paths.append(f"iris_pipeline={ROOT / 'examples/pipelines/iris_pipeline'}")
        command = [str(landfall), "serve", *paths, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
                   "--engine", engine, "--state", str(self.folder / "state")]
        super().__init__(command)

    @staticmethod
    def has_ctr():
        return (SHARED / "data/bench/ctr.onnx").is_file()

    def stop(self):
        code = super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


def golden(model, version=1):
    """Golden rows of an example model: inputs and expected outputs by name."""
    folder = "pipelines" if model == "iris_pipeline" else "models"
    return dict(np.load(ROOT / "examples" / folder / model / str(version) / "golden.npz"))


def ctr_rows():
    """256 rows of the click-through model: `dense`, `ids` and the expected `score`."""
    return dict(np.load(SHARED / "data/bench/ctr_rows.npz"))
