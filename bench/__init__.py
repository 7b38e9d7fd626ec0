"""Benchmarks: whole processes, interleaved, medians, reported as ratios within one run."""
