"""Figures of ours beside minimal programs measured in the same run: `python -m tests.benchmarks`."""
