"""What anybody who clones the project relies on: it installs from the public index and knows no other machine."""

import os
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
HOSTS = {"pypi.org", "files.pythonhosted.org"}


def project_files() -> list[Path]:
    """Every file of the project: all that .gitignore does not name."""
    patterns = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
    ignored = [".git", *patterns]

    def is_ignored(path: Path) -> bool:
        return any(fnmatch(part, pattern) for part in path.relative_to(ROOT).parts for pattern in ignored)

    found = []
    for directory, names, files in os.walk(ROOT):
        names[:] = [name for name in names if not is_ignored(Path(directory, name))]
        found += [path for name in files if not is_ignored(path := Path(directory, name))]
    return found


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
