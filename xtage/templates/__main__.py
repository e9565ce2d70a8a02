"""Writes what the documents say of the templates: `python -m xtage.templates [--check]`.

- `docs/architecture.md`: the picture.
- `docs/security.md`: the tables of roles, secrets, open ports and paths.

Each part stands between two comments; what is around them is written by hand. `--check` writes nothing and exits 1 when
a part is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from xtage.deploy.deployment import PROJECT
from xtage.templates.access import credentials_table, paths_table, ports_table, roles_table
from xtage.templates.errors import TemplateError
from xtage.templates.permissions import Deployment
from xtage.templates.picture import picture
from xtage.templates.rendering import stage_resources

# The stage that the documents tell of: with everything that a parameter can switch on.
STAGE = "prod"
EVERYTHING: Mapping[str, str] = {"Warehouse": "both", "Tunnel": "true"}


def documents(project: Path = PROJECT) -> dict[Path, str]:
    """The documents by their path in the project, with the text they should hold.

    Raises TemplateError for a document that lacks the place of a part.
    """
    deployment = Deployment(stage_resources(STAGE, EVERYTHING, project=project))
    parts = {
        Path("docs/architecture.md"): {"picture": f"```mermaid\n{picture(deployment)}```\n"},
        Path("docs/security.md"): {
            "roles": roles_table(deployment),
            "credentials": credentials_table(deployment),
            "ports": ports_table(deployment),
            "paths": paths_table(deployment),
        },
    }
    return {path: _filled(project / path, tables) for path, tables in parts.items()}


def _filled(path: Path, parts: Mapping[str, str]) -> str:
    text = path.read_text()
    for name, part in parts.items():
        begin, end = f"<!-- {name}: made by `python -m xtage.templates` -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise TemplateError(f"{path} has no place for {name}", f"write {begin} and {end} where it belongs")
        text = f"{before}{begin}\n\n{part}\n{end}{after}"
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m xtage.templates", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a document is out of date")
    check = parser.parse_args(arguments).check
    outdated = {path: text for path, text in documents().items() if (PROJECT / path).read_text() != text}
    for path, text in outdated.items():
        print(f"{path} is out of date: run `python -m xtage.templates`" if check else f"wrote {path}")
        if not check:
            (PROJECT / path).write_text(text)
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
