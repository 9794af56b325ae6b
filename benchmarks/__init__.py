"""Measures every speed that the README quotes: `python -m benchmarks.<name>`."""
