"""The jobs: each reads its arguments and its input, calls transforms, writes."""
