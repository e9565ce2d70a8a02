"""The marts in the lake: what changed is exported, Spark writes it, and the catalog is switched to what was written."""
