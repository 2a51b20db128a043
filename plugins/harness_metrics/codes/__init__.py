"""Metrics of codes, most of them beside ground-truth factors."""
