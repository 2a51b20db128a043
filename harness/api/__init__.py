"""Python's front door: scoring codes, evaluating models and reading results without a suite or a command."""
