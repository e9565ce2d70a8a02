"""The one error of a deployment."""

from __future__ import annotations

from xtage.errors import OperatorError


class DeployError(OperatorError):
    """What could not be deployed, why, and what to do about it."""
