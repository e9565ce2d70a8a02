"""Measures loading, building and serving against their yardsticks; run by hand, each figure from whole processes."""
