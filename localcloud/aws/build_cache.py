"""CodeBuild's cache in S3: files that a build leaves to the next ones of the same key.

Source: the AWS CodeBuild user guide, "Amazon S3 caching". A key may hold shell commands and environment variables, and
what is kept under a key is not changed any more. How CodeBuild names the objects is not told; here it is by their keys'
hashes.
"""

import io
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from localcloud.aws.buildspec import Cache


@dataclass(frozen=True)
class BuildCache:
    """The files of one key, of the pattern `paths` below a build's source; they lie in S3 as `key` of `bucket`."""

    s3: Any
    bucket: str
    key: str
    paths: tuple[str, ...]

    @classmethod
    def of(cls, s3: Any, location: str, cache: Cache, source: Path, environment: dict[str, str]) -> "BuildCache":
        """The cache of a build with this environment; `location` is the project's, bucket and prefix."""
        words = ["sh", "-c", f'printf %s "{cache.key}"']
        named = subprocess.run(words, cwd=source, env=environment, check=True, capture_output=True).stdout
        bucket, _, prefix = location.partition("/")
        return cls(s3, bucket, f"{prefix}/{sha256(named).hexdigest()}.zip".lstrip("/"), cache.paths)

    def restore(self, source: Path) -> bool:
        """Puts the files in their places; whether there were any. Raises ClientError when S3 refuses."""
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return False
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            archive.extractall(source)
        return True

    def keep(self, source: Path) -> None:
        """Stores the files for the next build. Raises ClientError when S3 refuses."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in matching(source, self.paths):
                archive.write(file, file.relative_to(source))
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=buffer.getvalue())


def matching(source: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    """The files below a build's source that the patterns of its buildspec mean."""
    for pattern in patterns:
        yield from (file for file in sorted(source.glob(pattern)) if file.is_file())
