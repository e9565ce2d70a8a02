"""Names and values as the harness writes them into SQL of its own."""


def literal(value: str) -> str:
    """A string, whatever the session says of backslashes."""
    return "e'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'
