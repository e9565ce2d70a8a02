"""The programs that are measured, each a process of its own; all but dlt's run in the Lambda's environment."""
