"""Benchmarks: ratios of one run, never numbers to compare across machines."""
