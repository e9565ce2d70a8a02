"""From a registered delivery to rows of the raw table."""
