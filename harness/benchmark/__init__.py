"""Benchmarks of training: speed, memory and energy, beside the limits of the device."""
