"""The Python interface: score codes, evaluate models and read results, without a suite or a command."""
