"""CodeBuild's builds."""


def stop_all() -> None:
    """Ends every running build."""
