"""What keeps a statement from Redshift, told without a connection: sqlfluff's dialect and the refused constructs."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from sqlfluff.core import Linter

from localcloud.ports import free_port
from localcloud.redshift.dialect import refusals
from localcloud.settings import PROJECT
from tests.dbt.warehouse import DBT


@cache
def _linter() -> Linter:
    return Linter(dialect="redshift")


def objections(sql: str) -> list[str]:
    """Why Redshift would not take the text, each with the name of its rule; empty when nothing is known against it."""
    refused = [f"{refusal.rule}: {refusal.message}" for refusal in refusals(sql)]
    if refused:
        return refused
    return [f"{violation.rule_code()}: {violation.desc()}" for violation in _linter().parse_string(sql).violations]


def compiled(project: Path, target_path: Path) -> dict[str, str]:
    """Every model and test of a project as dbt compiles it for Redshift, by its unique id.

    The profile leads to a port on which nothing answers: what needs a connection to be compiled would fail.
    """
    nowhere = {"host": "127.0.0.1", "port": free_port(), "user": "nobody", "password": "none", "dbname": "xtage"}
    output = {"type": "redshift", "schema": "public", "threads": 4, **nowhere}
    profile = {"xtage": {"target": "redshift", "outputs": {"redshift": output}}}
    target_path.mkdir(exist_ok=True)
    (target_path / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    arguments = ["--profiles-dir", str(target_path), "--target-path", str(target_path), "--log-path", str(target_path)]
    finished = subprocess.run(
        [str(DBT), "--quiet", "compile", "--no-introspect", "--no-populate-cache", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    nodes = json.loads((target_path / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    return {node["unique_id"]: node["compiled_code"] for node in nodes if node["resource_type"] in ("model", "test")}


@dataclass
class Macros:
    """The project's macros, rendered for Redshift by Jinja alone; `queries` are those they would have run.

    `found` is what each query finds: rows, or nothing.
    """

    found: list[Any]
    queries: list[str] = field(default_factory=list)

    def render(self, name: str) -> str:
        """What a macro without arguments writes."""
        environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
        texts = [path.read_text(encoding="utf-8") for path in sorted((PROJECT / "dbt_project/macros").rglob("*.sql"))]
        # A materialization is a word of dbt's Jinja alone.
        text = "\n".join(text for text in texts if "{% materialization" not in text)
        module = environment.from_string(text).make_module(self._context(lambda: module))
        rendered: str = getattr(module, name)()
        return rendered

    def _context(self, module: Callable[[], Any]) -> dict[str, Any]:
        def dispatch(name: str, _: str) -> Any:
            return getattr(module(), f"redshift__{name}", None) or getattr(module(), f"default__{name}")

        def run_query(sql: str) -> list[Any]:
            self.queries.append(sql)
            return self.found

        class Project:
            def __getattr__(self, name: str) -> Any:
                return getattr(module(), name)

        return {
            "adapter": type("Adapter", (), {"dispatch": staticmethod(dispatch)}),
            "env_var": lambda name, default="": default,
            "execute": True,
            "graph": {
                "nodes": {"model": {"resource_type": "model", "name": "a", "config": {"meta": {"feeds": ["b"]}}}}
            },
            "return": lambda value: value,
            "run_query": run_query,
            "target": type("Target", (), {"schema": "public", "dbname": "xtage"}),
            "xtage": Project(),
        }


def statements_of(macro: str) -> Iterator[str]:
    """Every statement a macro writes or runs, whatever its queries find."""
    for found in ([], [(1,)]):
        macros = Macros(found)
        written = macros.render(macro).strip()
        yield from ([written] if written else [])
        yield from macros.queries
