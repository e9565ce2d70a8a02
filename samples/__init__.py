"""Sample feeds of any size, clean or dirty, the same from the same seed."""

from samples.make import FILES, Manifest, make_samples

__all__ = ["FILES", "Manifest", "make_samples"]
