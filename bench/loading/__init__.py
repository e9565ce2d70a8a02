"""Measures the loader: whole processes, interleaved, against COPY itself and what people use instead."""
