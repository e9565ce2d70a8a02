"""dlt's environment: made from `requirements.txt` on first use, apart from the project's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from bench.measure import BenchError
from localcloud.settings import PROJECT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SCRIPT = Path(__file__).with_name("load.py")


def python(directory: Path) -> Path:
    """The environment's Python, under `directory`; made with uv if it is not there. Raises BenchError without uv."""
    content = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    environment = directory / f"dlt-{content}"
    if not (environment / "installed").exists():
        uv = _uv()
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", "3.11", environment], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(environment / "bin" / "python")]
        subprocess.run([*install, "-r", str(REQUIREMENTS)], check=True)
        (environment / "installed").touch()
    return environment / "bin" / "python"


def _uv() -> str:
    places = f"{PROJECT / '.tools' / 'bin'}:{PROJECT / '.venv' / 'bin'}"
    uv = shutil.which("uv", path=places) or shutil.which("uv")
    if uv is None:
        raise BenchError("the dlt environment needs uv: run `make install` first")
    return uv
