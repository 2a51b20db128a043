"""Training: a model's objectives become optimizer steps, checkpoints and a history."""
