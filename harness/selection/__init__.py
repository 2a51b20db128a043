"""Model selection: selectors applied to pools of models, and judged by ground-truth metrics."""
