"""Benchmarks: how fast this is beside the plainest way of doing the same."""
