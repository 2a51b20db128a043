"""Engines: what does the steps of a training. All give the numbers of the eager engine, up to rounding."""
