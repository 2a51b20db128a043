"""Metrics of samples and reconstructions, which need a trained model."""
