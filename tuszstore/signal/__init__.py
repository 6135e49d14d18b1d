"""From microvolts at the source's rate to what is stored: resample, filter, normalise, quantise."""
