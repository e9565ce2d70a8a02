"""The embedded AWS: `ministack` with its gaps filled, in a process of its own."""

from localcloud.aws.launcher import Aws

__all__ = ["Aws"]
