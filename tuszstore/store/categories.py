"""Categories of windows by their fraction of seizure, and their codes in `windows/category`."""

CATEGORIES = ("no_seizure", "partial_seizure", "full_seizure")
"""Names, in the order of their codes. Partial means a part of the window, not a focal seizure."""

NONE, PARTIAL, FULL = range(len(CATEGORIES))

UNKNOWN_CATEGORY = -1
"""Code of a window that is not completely annotated."""

UNLABELLED = "unlabelled"
"""Name of such a window."""

CODES = {UNLABELLED: UNKNOWN_CATEGORY} | {name: code for code, name in enumerate(CATEGORIES)}
"""Code of each name."""
