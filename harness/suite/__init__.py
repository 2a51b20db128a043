"""From a TOML file to trials, and from their names and settings to models, datasets, metrics and selectors."""
