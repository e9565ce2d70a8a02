"""Fetches from other systems' APIs: what `connectors/<name>.yaml` describes becomes one object of its feed."""
