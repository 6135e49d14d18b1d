"""The rules of scoring, as tables show them."""

NAMES = {
    "szcore_events": "SzCORE, events",
    "szcore_samples": "SzCORE, samples",
    "ovlp": "OVLP",
    "taes": "TAES",
    "epoch": "EPOCH",
}
"""Displayed names of the rules."""

OF_EVENTS = ("szcore_events", "ovlp")
"""Rules that count a false alarm once, not its seconds or fractions of it: their rate is shown."""
