"""From outputs of a model to scores: predictions of windows, events of recordings, and numbers."""
