"""The connection of a dbt target, read from `profiles.yml` as dbt reads it: both always mean the same database."""

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from xtage.errors import OperatorError

Target = Mapping[str, Any]

EXPRESSION = re.compile(r"\{\{((?:(?!\}\}).)*)\}\}")


def read_target(project: Path, name: str | None = None) -> Target:
    """The rendered settings of one target (`host`, `port`, `user`, ...), by default the profile's own default.

    Raises OperatorError for an unknown target and for an environment variable that is not set.
    """
    profile_name = _parsed((project / "dbt_project.yml").read_text())["profile"]
    profile = _parsed((project / "profiles.yml").read_text())[profile_name]
    chosen = name or str(_render(profile.get("target", "default"), "default"))
    if chosen not in profile["outputs"]:
        known = ", ".join(profile["outputs"])
        raise OperatorError(f"profiles.yml has no target {chosen}", f"the targets are {known}")
    return {key: _render(value, chosen) for key, value in profile["outputs"][chosen].items()}


@cache
def _parsed(text: str) -> Any:
    """What a YAML text says; remembered, for who follows a run asks the database several times a second."""
    return yaml.safe_load(text)


def _render(value: Any, target: str) -> Any:
    """A value as dbt renders it: one expression keeps its type, so that `as_number` gives a number."""
    if not isinstance(value, str):
        return value
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals["env_var"] = _env_var(target)
    environment.filters |= {"as_number": int, "as_bool": _is_true, "as_text": str, "as_native": str}
    if alone := EXPRESSION.fullmatch(value.strip()):
        return environment.compile_expression(alone[1], undefined_to_none=False)()
    return environment.from_string(value).render()


def _env_var(target: str) -> Callable[..., str]:
    def env_var(variable: str, default: str | None = None) -> str:
        value = os.environ.get(variable, default)
        if value is None:
            raise OperatorError(f"target {target} needs the environment variable {variable}", f"set {variable}")
        return value

    return env_var


def _is_true(text: str) -> bool:
    return text.strip().lower() == "true"
