"""From a corpus to a store: plan, run, publish."""
