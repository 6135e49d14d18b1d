"""Whether a store is whole, and how to mend it: verify and repair."""
