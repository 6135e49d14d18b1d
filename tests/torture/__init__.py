"""Torture: builds, readers and checks under faults, and what comes of them.

``python -m tests.torture`` kills builds at every change of the file system and lets every kind
of call fail (:mod:`.interruptions`), lets reads fail (:mod:`.reads`), and replaces stores and files
under loaders (:mod:`.soak`). It prints how much was tried and how much was lost, which should be 0.
"""
