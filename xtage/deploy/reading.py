"""Templates read from YAML, with the short forms of functions (`!Ref x`) written out (`{"Ref": "x"}`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

try:
    # Four times as fast on our templates, where PyYAML was built with it.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]


class _Loader(SafeLoader):
    """YAML with CloudFormation's tags."""


def _written_out(loader: _Loader, function: str, node: yaml.Node) -> dict[str, Any]:
    name = function if function in ("Ref", "Condition") else f"Fn::{function}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if function == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _written_out)


def read_template(path: Path) -> dict[str, Any]:
    """A template as CloudFormation's JSON would have it."""
    # A SafeLoader: it makes plain values only.
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)
    return template
