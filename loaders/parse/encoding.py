"""Text in any declared encoding as UTF-8 bytes, with a way back to the bytes of the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from loaders.errors import ContractError, DataError
from loaders.parse.compression import ByteSource, _Prefixed, _read_exactly

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

UNDECODABLE = "loaders.undecodable"
MARKS = re.compile("([\udc00-\udcff]+)")


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Each byte that means nothing becomes U+DC00 + byte: never valid text, and the byte can be told again."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(UNDECODABLE, _mark_undecodable)


class Utf8Source:
    """A file's text as UTF-8. What could not be decoded is in it as bytes that are no UTF-8 either.

    A byte order mark decides the encoding, then the contract, then UTF-8. `start` is the length of the mark.
    Raises ContractError for an encoding that Python does not know, DataError for UTF-32 that no contract named.
    """

    def __init__(self, stream: ByteSource, declared: str | None) -> None:
        head = _read_exactly(stream, 4)
        mark, encoding = next(
            ((mark, name) for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), (b"", declared or "utf-8")
        )
        self.start = len(mark)
        self._stream = _Prefixed(head[len(mark) :], stream)
        self._encoding = _codec_name(encoding)
        if mark and encoding.startswith("utf-32") and not _codec_name(declared or "utf-8").startswith("utf-32"):
            raise DataError("the file is UTF-32", remedy="export it as UTF-8, or name the encoding in the contract")
        self._decode: Callable[[bytes, bool], str] | None = None
        if self._encoding != "utf-8":
            self._decode = codecs.getincrementaldecoder(self._encoding)(UNDECODABLE).decode
        self._ended = False

    def read(self, size: int, /) -> bytes:
        if self._decode is None:
            return self._stream.read(size)
        text = ""
        while not text and not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            text = self._decode(data, self._ended)
        return text.encode("utf-8", "surrogatepass")

    def original(self, piece: bytes) -> bytes:
        """The bytes of the file that `piece` of this text was made from."""
        if self._decode is None:
            return piece
        parts = MARKS.split(piece.decode("utf-8", "surrogatepass"))
        texts = [part.encode(self._encoding) for part in parts[::2]]
        marked = [bytes(ord(mark) - 0xDC00 for mark in marks) for marks in parts[1::2]]
        return b"".join(text + bad for text, bad in zip(texts, [*marked, b""], strict=True))

    def original_length(self, piece: bytes) -> int:
        return len(piece) if self._decode is None else len(self.original(piece))


def _codec_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError as unknown:
        raise ContractError(f"encoding {encoding!r} of the contract is not known") from unknown
    return {"utf-8-sig": "utf-8", "ascii": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)
