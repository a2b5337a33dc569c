"""`landfall tensorflow-model-server`, started for one test on ports of its own choosing."""
import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import requests

from server import ROOT

PATIENCE_SECONDS = 60
CERTIFICATES = Path(__file__).resolve().parent / "certificates"


def free_port():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        return taken.getsockname()[1]


def until(what, seconds=PATIENCE_SECONDS):
    """Waits until `what` gives something true; gives that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def example(name, versions, folder):
    """Copies versions of an example model into `folder`, as `{new number: old number}`; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for new, old in versions.items():
        shutil.copytree(ROOT / "examples/models" / name / str(old), folder / str(new))
    return folder


def config(*models):
    """A configuration file's text; each model is (name, base path, further fields)."""
    def one(name, path, more=""):
        return f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {more} }}'
    return "model_config_list {\n" + ",\n".join(one(*map(str, model)) for model in models) + "\n}\n"


class ModelServer:
    """A running server; `grpc` and `http` are "host:port", `folder` is for the test's own files."""

    def __init__(self, landfall, folder, flags):
        self.landfall, self.folder = landfall, folder
        self.ports = free_port(), free_port()
        self.grpc, self.http = (f"localhost:{port}" for port in self.ports)
        command = [str(landfall), "tensorflow-model-server", f"--port={self.ports[0]}", f"--rest_api_port={self.ports[1]}", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.log.append(line)

    def url(self, path):
        return f"http://{self.http}{path}"

    def said(self, text):
        return any(text in line for line in self.log)

    def ready(self):
        """Waits until the doors are open; gives the server."""
        until(lambda: self.said("Exporting HTTP/REST API at:") or self.process.poll() is not None)
        assert self.process.poll() is None, "".join(self.log) + self.process.stdout.read()
        return self

    def ended(self):
        """Waits for the end; gives the exit code and what was said on standard output."""
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        return code, self.process.stdout.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def states(self, model):
        answer = requests.get(self.url(f"/v1/models/{model}"), timeout=20).json()
        return {one["version"]: one["state"] for one in answer.get("model_version_status", [])}


@contextlib.contextmanager
def started(server, flags, folder=None, wait=True):
    """A server beside the tests' own, from the same binary; its folder goes with it unless it was given."""
    made = None if folder else Path(tempfile.mkdtemp(prefix="landfall-tfs-"))
    one = ModelServer(server.landfall, folder or made, flags(made) if callable(flags) else flags)
    try:
        yield one.ready() if wait else one
    except Exception:
        print("".join(one.log[-40:]))
        raise
    finally:
        one.stop()
        if made:
            shutil.rmtree(made, ignore_errors=True)
