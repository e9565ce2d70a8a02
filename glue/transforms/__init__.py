"""Pure functions of DataFrames: they read and write nothing."""
