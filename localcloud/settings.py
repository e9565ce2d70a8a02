"""Where the local cloud lives and which ports it uses: defaults, each overridable by an environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalCloudError

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Everything the embedded PostgreSQL, the embedded AWS and the Redshift harness need to know about this machine."""

    home: Path
    postgres_port: int
    postgres_password: str
    aws_port: int
    project: Path
    redshift_port: int = 54390

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Reads XTAGE_HOME, XTAGE_POSTGRES_PORT, XTAGE_POSTGRES_PASSWORD, XTAGE_AWS_PORT and XTAGE_REDSHIFT_PORT.

        Raises LocalCloudError for a port that is not a number from 1 to 65535.
        """
        given = os.environ if environment is None else environment
        return cls(
            home=Path(given.get("XTAGE_HOME") or PROJECT / ".xtage").expanduser().absolute(),
            postgres_port=_port(given, "XTAGE_POSTGRES_PORT", 54320),
            postgres_password=given.get("XTAGE_POSTGRES_PASSWORD") or "xtage",
            aws_port=_port(given, "XTAGE_AWS_PORT", 4566),
            project=PROJECT,
            redshift_port=_port(given, "XTAGE_REDSHIFT_PORT", 54390),
        )

    @property
    def logs(self) -> Path:
        """The directory of every log file of the local cloud."""
        return self.home / "logs"

    def as_environment(self) -> dict[str, str]:
        """The variables from which a child process reads these same settings."""
        return {
            "XTAGE_HOME": str(self.home),
            "XTAGE_POSTGRES_PORT": str(self.postgres_port),
            "XTAGE_POSTGRES_PASSWORD": self.postgres_password,
            "XTAGE_AWS_PORT": str(self.aws_port),
            "XTAGE_REDSHIFT_PORT": str(self.redshift_port),
        }


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise LocalCloudError(f"{name} is {text!r}, which is not a port", "set it to a number from 1 to 65535, or unset it")
