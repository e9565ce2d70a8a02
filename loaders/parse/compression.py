"""Compressed files, told by their first bytes and never by their name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from loaders.errors import DataError, TerminalError, excerpt

CHUNK = 1 << 18
SPOOLED_IN_MEMORY = 8 << 20

FORKS = "__MACOSX/"
"""Where macOS puts what its file system knows of the files in an archive: none of their data."""

DAMAGE = (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError)


class ByteSource(Protocol):
    """Anything that gives its next bytes, at most `size`, and none at its end."""

    def read(self, size: int, /) -> bytes: ...


class Decompressed:
    """The bytes of a file after decompression. Raises DataError where the archive is damaged."""

    def __init__(self, stream: ByteSource) -> None:
        head = _read_exactly(stream, 4)
        source = _Prefixed(head, stream)
        self._source: ByteSource = source
        if head.startswith(b"\x1f\x8b"):
            self._source = gzip.GzipFile(fileobj=source, mode="rb")
        elif head.startswith(b"BZh"):
            self._source = _Bzip2(source)
        elif head in (b"PK\x03\x04", b"PK\x05\x06"):
            self._source = _only_member(source)

    def peek(self, size: int) -> bytes:
        """The next bytes, still to be read."""
        head = _read_exactly(self, size)
        self._source = _Prefixed(head, self._source)
        return head

    def read(self, size: int, /) -> bytes:
        with _damage_refused():
            return self._source.read(size)


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except DAMAGE as damage:
        raise DataError(
            f"the compressed file is damaged or cut off ({excerpt(str(damage))})",
            remedy="deliver the file again, complete",
        ) from damage


def _read_exactly(stream: ByteSource, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := stream.read(size - len(data))):
        data += chunk
    return data


class _Prefixed(io.RawIOBase):
    """A stream with the bytes put back that were read to recognize it."""

    def __init__(self, head: bytes, stream: ByteSource) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._stream.read(size)

    def readable(self) -> bool:
        return True


class _Bzip2:
    """Any number of bzip2 streams in a row. `bz2.BZ2File` is not used, for it passes over a damaged second one."""

    def __init__(self, stream: ByteSource) -> None:
        self._stream = stream
        self._decompressor = bz2.BZ2Decompressor()
        self._input = b""
        self._started = False

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decompressor.eof:
                self._input = self._decompressor.unused_data
                self._decompressor, self._started = bz2.BZ2Decompressor(), False
            if not self._input and self._decompressor.needs_input:
                self._input = self._stream.read(CHUNK)
                if not self._input and self._started:
                    raise EOFError("it ends before its end marker")
                if not self._input:
                    return b""
            data = self._decompress(size)
            if data:
                return data

    def _decompress(self, size: int) -> bytes:
        self._started = True
        piece, self._input = self._input, b""
        try:
            return self._decompressor.decompress(piece, size)
        except OSError as damage:
            raise EOFError(str(damage)) from damage


def _only_member(stream: ByteSource) -> ByteSource:
    """The one file inside a zip archive. Its directory stands at its end: the archive is kept on disk to get there."""
    # Lives as long as the file it holds is read.
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOLED_IN_MEMORY)  # noqa: SIM115
    keep(stream, spool)
    with _damage_refused(), _zip_damage_told():
        archive = zipfile.ZipFile(spool)
        members = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith(FORKS)]
        if any(member.filename == "[Content_Types].xml" for member in members):
            raise DataError("it is an Office document", remedy="export the sheet as CSV and deliver that")
        if len(members) != 1:
            raise DataError(
                f"the zip archive holds {len(members)} files, not one", remedy="deliver each file by itself"
            )
        return _ZipMember(archive.open(members[0]))


class _ZipMember:
    """A file inside an archive on disk."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def read(self, size: int, /) -> bytes:
        with _zip_damage_told():
            return self._member.read(size)


@contextmanager
def _zip_damage_told() -> Iterator[None]:
    """`zipfile` checks little: damage comes up as what it makes seeking, the clock or a decompressor raise."""
    try:
        yield
    except RuntimeError as refusal:
        raise DataError(
            f"the zip archive cannot be opened ({excerpt(str(refusal))})",
            remedy="deliver it with plain deflate, no password",
        ) from refusal
    except (OSError, ValueError, OverflowError, LookupError, struct.error, lzma.LZMAError) as damage:
        raise zipfile.BadZipFile(str(damage)) from damage


def keep(source: ByteSource, spool: IO[bytes]) -> None:
    """Writes all of a source to a file. Raises TerminalError where the disk has no room for it."""
    size = 0
    while piece := source.read(CHUNK):
        try:
            spool.write(piece)
            spool.flush()
        except OSError as full:
            raise TerminalError(
                f"{tempfile.gettempdir()} has no room for the file after {size} bytes ({full.strerror})",
                remedy="give the load function more ephemeral storage (by default 512 MB), or drop smaller files",
            ) from full
        size += len(piece)
