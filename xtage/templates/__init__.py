"""The templates as a stage deploys them: parameters filled in, conditions decided, nested stacks followed.

    resources = stage_resources("dev")

Nothing here asks AWS. What only AWS knows, the name or ARN of a resource, stands in the values as `<Stack.Resource>` or
`<Stack.Resource.Attribute>`, so that one can see which resource refers to which.
"""

from xtage.templates.errors import TemplateError
from xtage.templates.rendering import Resource, references, stage_resources

__all__ = ["Resource", "TemplateError", "references", "stage_resources"]
