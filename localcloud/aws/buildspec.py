"""CodeBuild's buildspec (version 0.2): what it says, and the shell script that does it.

Source: the AWS CodeBuild user guide, "Build specification reference" and "Build phase transitions".
"""

import shlex
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
# A failure here ends the build; after a failed build phase, post_build still runs.
ENDING_PHASES = ("install", "pre_build")


class BuildspecError(Exception):
    """The buildspec cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Phase:
    """The commands of one phase; `always` run after them, also when one of them failed."""

    name: str
    commands: tuple[str, ...]
    always: tuple[str, ...]


@dataclass(frozen=True)
class Cache:
    """Files that a build leaves to later ones; `key` is what the shell makes of it in double quotes."""

    key: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Buildspec:
    """A buildspec, as far as it is carried out here."""

    phases: tuple[Phase, ...]
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    cache: Cache | None = None
    shell: str = "sh"


def parse(text: str) -> Buildspec:
    """Reads a buildspec. Raises BuildspecError when it is no YAML mapping, of another version, or without phases."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR: {error}") from None
    if not isinstance(document, dict) or str(document.get("version")) != "0.2":
        raise BuildspecError("YAML_FILE_ERROR: the buildspec must be a mapping with version: 0.2")
    phases = document.get("phases")
    if not isinstance(phases, dict) or not set(phases) <= set(PHASES):
        raise BuildspecError(f"YAML_FILE_ERROR: phases must be some of {', '.join(PHASES)}")
    env = document.get("env") or {}
    return Buildspec(
        phases=tuple(_phase(name, phases[name] or {}) for name in PHASES if name in phases),
        variables={name: str(value) for name, value in (env.get("variables") or {}).items()},
        secrets=dict(env.get("secrets-manager") or {}),
        parameters=dict(env.get("parameter-store") or {}),
        exported=tuple(env.get("exported-variables") or ()),
        artifacts=tuple((document.get("artifacts") or {}).get("files") or ()),
        cache=_cache(document.get("cache") or {}),
        shell=str(env.get("shell", "sh")),
    )


def script(spec: Buildspec, mark: str, exports: str) -> str:
    """A script that runs the phases in one shell. It prints lines that begin with the mark, then `begin PHASE`,
    `failed PHASE STATUS INDEX` or `end PHASE STATUS`, and at its end writes each exported variable to a file of its
    name in the directory `exports`.
    """
    lines = ["CODEBUILD_BUILD_SUCCEEDING=1", "export CODEBUILD_BUILD_SUCCEEDING"]
    saving = "; ".join(f'printf %s "${name}" > {shlex.quote(f"{exports}/{name}")}' for name in spec.exported)
    if saving:
        lines.append(f"trap {shlex.quote(saving)} EXIT")
    for phase in spec.phases:
        lines += _phase_lines(phase, mark)
    return "\n".join([*lines, '[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ]', ""])


def _cache(content: dict[str, Any]) -> Cache | None:
    if not content:
        return None
    if set(content) != {"key", "paths"}:
        raise BuildspecError("YAML_FILE_ERROR: a cache is carried out here with key and paths, and nothing else")
    return Cache(str(content["key"]), tuple(content["paths"]))


def _phase(name: str, content: dict[str, Any]) -> Phase:
    return Phase(name, _commands(content.get("commands")), _commands(content.get("finally")))


def _commands(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(str(command) for command in value)


def _phase_lines(phase: Phase, mark: str) -> list[str]:
    """The status of the phase is kept in a variable: `set -e` would end a command with `||` or `if` in it too early."""
    name = phase.name.upper()
    lines = [f"echo {mark} begin {name}", "codebuild_status=0"]
    for index, command in enumerate(phase.commands):
        lines += ['if [ "$codebuild_status" = 0 ]; then', *_run(command)]
        lines += [f'[ "$codebuild_status" = 0 ] || echo "{mark} failed {name} $codebuild_status {index}"', "fi"]
    for command in phase.always:
        lines += _run(command, keep_failure=True)
    lines += [f'echo "{mark} end {name} $codebuild_status"']
    lines += ['if [ "$codebuild_status" != 0 ]; then', "CODEBUILD_BUILD_SUCCEEDING=0"]
    return [*lines, *(["exit 1"] if phase.name in ENDING_PHASES else []), "fi"]


def _run(command: str, *, keep_failure: bool = False) -> list[str]:
    told = shlex.quote(f"[Container] Running command {command}")
    keep = "[ $? = 0 ] || codebuild_status=1" if keep_failure else "codebuild_status=$?"
    # Through eval, so that a syntax error is the failure of this command and not of the whole script.
    return [f"printf '%s\\n' {told}", f"eval {shlex.quote(command)}", keep]
