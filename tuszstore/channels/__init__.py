"""Names and derivations of channels; used by all modules."""
