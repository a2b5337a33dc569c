#!/usr/bin/env python3
"""Makes the environment that the client tests run in.

    python3 install.py FOLDER      a virtual environment in FOLDER; prints nothing but what pip says

TensorFlow Serving's client package asks for the whole of TensorFlow, of which it uses the generated protocol messages
alone. So it is installed without its dependencies; where requirements.txt brings no TensorFlow (its pinned wheels are for
Linux on x86-64), the messages are taken out of TensorFlow's wheel.
"""
import hashlib
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVING = "tensorflow-serving-api==2.21.0"
MESSAGES = "tensorflow-cpu==2.21.0"
# The messages are plain Python: one wheel does for every interpreter and machine.
ANY_WHEEL = ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12", "--platform", "manylinux_2_27_x86_64"]


def key():
    """Changes when what would be installed changes."""
    sources = b"".join((HERE / name).read_bytes() for name in ("requirements.txt", "install.py"))
    return hashlib.sha256(sources + sys.version.encode()).hexdigest()


def install(folder):
    """Makes the environment, or leaves it be where it is the one that would be made."""
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text() == key():
        return
    venv.create(folder, with_pip=True, clear=True)
    python = folder / "bin/python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "-r", str(HERE / "requirements.txt")], check=True)
    subprocess.run([*pip, "install", "--quiet", "--no-deps", SERVING], check=True)
    where = subprocess.check_output([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    packages = Path(where.strip())
    if not (packages / "tensorflow").is_dir():
        with tempfile.TemporaryDirectory() as folder_of_wheel:
            subprocess.run([*pip, "download", "--quiet", "--no-deps", *ANY_WHEEL, "--dest", folder_of_wheel, MESSAGES], check=True)
            take_messages(next(Path(folder_of_wheel).glob("*.whl")), packages)
    stamp.write_text(key())


def take_messages(wheel, packages):
    """Unpacks the generated messages of a wheel; without the package's own start-up code they are a namespace."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith("_pb2.py") and name.startswith("tensorflow/")]
        archive.extractall(packages, names)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    install(Path(sys.argv[1]))
