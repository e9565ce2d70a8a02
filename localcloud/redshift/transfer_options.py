"""What COPY and UNLOAD say: https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html and r_UNLOAD.html.

An option that the harness does not carry out is refused, so that no test passes because it was ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.redshift.tokens import Statement, Token
from localcloud.redshift.wire import ServerError

# Options with a value, and those that stand alone. The ones after the blank lines change nothing here: where the bucket
# is, statistics and compression, how the transfer is spread.
_COPY_VALUES = {"delimiter", "ignoreheader", "null", "quote"} | {"compupdate", "encoding", "region", "statupdate"}
_COPY_FLAGS = {"blanksasnull", "emptyasnull", "fillrecord", "gzip", "manifest", "serializetojson"}
_UNLOAD_VALUES = {"delimiter", "null"} | {"kms_key_id", "maxfilesize", "parallel", "region"}
_UNLOAD_FLAGS = {"allowoverwrite", "cleanpath", "header", "manifest"} | {"encrypted"}
_FORMATS = {"csv", "json", "parquet"}
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


@dataclass(frozen=True)
class Transfer:
    """A COPY or an UNLOAD: `url` is the object or prefix in S3, `keys` an access key with its secret, or `role` the
    ARN of a role, where given.
    """

    url: str
    form: str
    table: str = ""
    columns: tuple[str, ...] = ()
    query: str = ""
    keys: tuple[str, str] | None = None
    role: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def key(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[2]


def syntax_error(message: str) -> ServerError:
    return ServerError({"C": "42601", "M": message})


def read_copy(statement: Statement) -> Transfer:
    """Reads `copy table [(columns)] from 's3://...' credentials [format] [options]`. Raises ServerError."""
    place = 2
    while statement.word(place) == ".":
        place += 2
    table = statement.source(1, place)
    columns: tuple[str, ...] = ()
    if statement.word(place) == "(":
        columns = tuple(statement.tokens[first].text for first, _last in statement.arguments(place))
        place = statement.closing[place] + 1
    if statement.word(place) != "from":
        raise syntax_error('syntax error: COPY needs FROM "s3://..."')
    read = _Options(statement, place + 2, _COPY_VALUES, _COPY_FLAGS).read()
    return Transfer(
        _url(statement, place + 1), read.form, table, columns, keys=read.keys, role=read.role, options=read.options
    )


def read_unload(statement: Statement) -> Transfer:
    """Reads `unload ('query') to 's3://...' credentials [format] [options]`. Raises ServerError."""
    if not statement.words_at(0, "unload", "(") or not statement.words_at(3, ")", "to"):
        raise syntax_error("syntax error: UNLOAD needs ('query') TO 's3://...'")
    read = _Options(statement, 6, _UNLOAD_VALUES, _UNLOAD_FLAGS).read()
    return Transfer(
        _url(statement, 5),
        read.form,
        query=statement.tokens[2].text,
        keys=read.keys,
        role=read.role,
        options=read.options,
    )


def _url(statement: Statement, index: int) -> str:
    token = statement.tokens[index] if index < len(statement.tokens) else None
    if token is None or token.kind != "string" or not re.fullmatch(r"s3://[^/]+/.*", token.text, re.DOTALL):
        raise syntax_error("the place in S3 must be written 's3://bucket/key'")
    return token.text


class _Options:
    """Reads what stands behind the place in S3."""

    def __init__(self, statement: Statement, place: int, values: set[str], flags: set[str]) -> None:
        self._statement, self._place, self._values, self._flags = statement, place, values, flags
        self._credentials: dict[str, str] = {}
        self.options: dict[str, str] = {}
        self.form = "text"

    def read(self) -> _Options:
        while self._place < len(self._statement.tokens):
            self._read_one(self._statement.word(self._place))
        if not self._credentials:
            raise syntax_error(
                "credentials are required: IAM_ROLE 'arn:aws:iam::<account>:role/<name>', or ACCESS_KEY_ID and "
                "SECRET_ACCESS_KEY"
            )
        return self

    def _read_one(self, word: str) -> None:
        self._place += 1
        if word in ("format", "as"):
            return
        if word in _FORMATS:
            self.form = word
            if word == "json":
                self.options["paths"] = self._value("json").text
        elif word in ("iam_role", "credentials", "access_key_id", "secret_access_key", "session_token"):
            self._credentials[word] = self._value(word).text
            self._check(word)
        elif word in self._values:
            self.options[word] = self._value(word).text
            if word == "maxfilesize" and self._statement.word(self._place) in ("mb", "gb"):
                self._place += 1
        elif word in self._flags:
            self.options[word] = "on"
        else:
            told = self._statement.source(self._place - 1, self._place)
            raise ServerError({"C": "0A000", "M": f"the harness does not carry out the option {told} of this command"})

    def _value(self, option: str) -> Token:
        if self._statement.word(self._place) == "as":
            self._place += 1
        if self._place >= len(self._statement.tokens):
            raise syntax_error(f"syntax error: {option} needs a value")
        self._place += 1
        return self._statement.tokens[self._place - 1]

    def _check(self, word: str) -> None:
        if word == "iam_role":
            for role in self._credentials[word].split(","):
                if role != "default" and not _ROLE.fullmatch(role):
                    raise ServerError({"C": "XX000", "M": f"IAM_ROLE is not the ARN of a role: {role}"})
        elif word == "credentials" and "aws_iam_role=" not in self._credentials[word]:
            pairs = dict(part.partition("=")[::2] for part in self._credentials[word].split(";"))
            if not {"aws_access_key_id", "aws_secret_access_key"} <= pairs.keys():
                raise syntax_error("CREDENTIALS needs aws_iam_role, or aws_access_key_id and aws_secret_access_key")

    @property
    def role(self) -> str | None:
        """The last of a chain of roles; none for the default one."""
        last = self._credentials.get("iam_role", "").rpartition(",")[2]
        return last if _ROLE.fullmatch(last) else None

    @property
    def keys(self) -> tuple[str, str] | None:
        given = "access_key_id" in self._credentials, "secret_access_key" in self._credentials
        if any(given) and not all(given):
            raise syntax_error("ACCESS_KEY_ID and SECRET_ACCESS_KEY are needed together")
        return (self._credentials["access_key_id"], self._credentials["secret_access_key"]) if all(given) else None
