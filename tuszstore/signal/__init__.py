"""From microvolts to stored values: resample, filter, normalise, quantise."""
