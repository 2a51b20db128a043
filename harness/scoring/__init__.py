"""Scoring: the codes, samples and reconstructions of a trained model, and the metrics computed from them."""
