"""The networks of the GANs, one paper's per file."""
