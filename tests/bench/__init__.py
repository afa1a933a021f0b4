"""Benchmarks: each prints one line of JSON, its keys explained in docs/BENCHMARKS.md."""
