"""A stage's resources, as the templates and the stage's parameters make them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xtage.deploy.deployment import PROJECT, parameters_of
from xtage.deploy.package import TEMPLATES
from xtage.deploy.reading import read_template
from xtage.stages import REGION
from xtage.templates.errors import TemplateError
from xtage.templates.functions import NO_VALUE, evaluate, is_true

STACK = "AWS::CloudFormation::Stack"
ROOT, ARTIFACTS = "Root", "Artifacts"

_REFERENCE = re.compile(r"<(\w+\.\w+)(?:\.[\w.]+)?>")

# What the deployment gives where the stage's parameters do not say otherwise.
_PACKAGES = {"LayerKey": "layer.zip", "WheelhouseKey": "wheelhouse.zip"}


@dataclass(frozen=True)
class Resource:
    """One resource. `stack` is the name that the root template gives its stack, or Root, or Artifacts."""

    stack: str
    name: str
    type: str
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What others refer to it by."""
        return f"{self.stack}.{self.name}"


def references(value: Any) -> Iterator[str]:
    """The ids of the resources that a rendered value refers to, in the order in which they stand there."""
    if isinstance(value, str):
        yield from (match[1] for match in _REFERENCE.finditer(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def stage_resources(
    stage: str,
    parameters: Mapping[str, str] = MappingProxyType({}),
    *,
    region: str = REGION,
    project: Path = PROJECT,
) -> list[Resource]:
    """Every resource that deploying a stage would make, the artifacts bucket first.

    `parameters` go before those of the stage. Raises DeployError for a stage that has none, TemplateError for a
    parameter that the root template does not have and for what cannot be rendered.
    """
    directory = project / TEMPLATES
    artifacts = _Stack(ARTIFACTS, directory / "artifacts.yaml", {}, region)
    root = directory / "root.yaml"
    deployed = {"Stage": stage, "ArtifactBucketName": artifacts.output("ArtifactBucketName")}
    given = {**_PACKAGES, **parameters_of(stage, "{account}", project), **parameters, **deployed}
    # Keys of what is uploaded: the deployment names them by their content.
    without_value = (name for name, told in read_template(root)["Parameters"].items() if "Default" not in told)
    uploaded = {name: name for name in without_value}
    return [*artifacts.resources(), *_Stack(ROOT, root, {**uploaded, **given}, region).resources()]


@dataclass
class _Stack:
    """One stack: its template, with what its parameters are."""

    name: str
    path: Path
    given: Mapping[str, Any]
    region: str
    template: Mapping[str, Any] = field(init=False)
    _parameters: dict[str, Any] = field(init=False)
    _nested: dict[str, _Stack] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.template = read_template(self.path)
        declared = self.template.get("Parameters", {})
        unknown = sorted(set(self.given) - set(declared))
        if unknown:
            remedy = f"the parameters it has are {', '.join(sorted(declared))}"
            raise TemplateError(f"{self.path.name} has no parameter {', '.join(unknown)}", remedy)
        self._parameters = {name: self._parameter(name, told) for name, told in declared.items()}

    def resources(self) -> Iterator[Resource]:
        for name, described in self.template["Resources"].items():
            if "Condition" in described and not self.condition(described["Condition"]):
                continue
            yield Resource(self.name, name, described["Type"], evaluate(described.get("Properties", {}), self))
            if described["Type"] == STACK:
                yield from self._stack(name).resources()

    def output(self, name: str) -> Any:
        try:
            return evaluate(self.template["Outputs"][name]["Value"], self)
        except KeyError:
            raise TemplateError(f"{self.path.name} has no output {name}", "correct who asks for it") from None

    def ref(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        if name in self.template["Resources"]:
            return f"<{self.name}.{name}>"
        pseudo = {
            "AWS::NoValue": NO_VALUE,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::AccountId": "{account}",
            "AWS::StackName": f"{{{self.name}}}",
            "AWS::StackId": f"{{{self.name}}}",
        }
        if name not in pseudo:
            raise self._unknown(name)
        return pseudo[name]

    def attribute(self, resource: str, attribute: str) -> Any:
        described = self.template["Resources"].get(resource)
        if described is None:
            raise self._unknown(resource)
        if described["Type"] == STACK:
            return self._stack(resource).output(attribute.removeprefix("Outputs."))
        return f"<{self.name}.{resource}.{attribute}>"

    def condition(self, name: str) -> bool:
        return is_true(self.template["Conditions"][name], self)

    def _unknown(self, name: str) -> TemplateError:
        return TemplateError(f"{self.path.name} refers to {name}, which it does not have", "correct the template")

    def _stack(self, name: str) -> _Stack:
        if name not in self._nested:
            properties = self.template["Resources"][name]["Properties"]
            given = evaluate(properties.get("Parameters", {}), self)
            self._nested[name] = _Stack(name, self.path.with_name(properties["TemplateURL"]), given, self.region)
        return self._nested[name]

    def _parameter(self, name: str, told: Mapping[str, Any]) -> Any:
        value = self.given.get(name, told.get("Default"))
        if value is None:
            raise TemplateError(f"the parameter {name} of {self.path.name} is given no value", "give it one")
        is_list = told["Type"] == "CommaDelimitedList" or told["Type"].startswith("List<")
        return [part.strip() for part in value.split(",")] if is_list and isinstance(value, str) else value
