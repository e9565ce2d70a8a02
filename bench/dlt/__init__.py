"""The dlt contender, in an environment of its own."""
