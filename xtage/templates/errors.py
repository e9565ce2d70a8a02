"""The one error of reading templates."""

from xtage.errors import OperatorError


class TemplateError(OperatorError):
    """A template that cannot be rendered, or a parameter that it does not have."""
