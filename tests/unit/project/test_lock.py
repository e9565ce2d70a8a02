"""What anybody who clones the project relies on: it installs from the public index and knows no other machine."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
HOSTS = {"pypi.org", "files.pythonhosted.org"}


def project_files() -> list[Path]:
    """Every file under version control, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_the_lock_names_the_public_index_only() -> None:
    lock = (ROOT / "uv.lock").read_text()
    assert set(re.findall(r"https?://([^/\"\s]+)", lock)) == HOSTS


def test_every_locked_package_comes_from_the_index() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    elsewhere = [p["name"] for p in packages if p["name"] != "xtage" and "registry" not in p["source"]]
    assert elsewhere == []


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(rb"(?<![\w.$}~-])/(?:work|root|home|opt/(?:wheels|pypi))/\w")
    named = [str(path.relative_to(ROOT)) for path in project_files() if pattern.search(path.read_bytes())]
    assert named == []
