"""Parsers of annotation formats and sidecars, one module per format.

A parser takes the text or the bytes of one file, with its name for messages, and returns frozen
dataclasses. It is independent of folders, configurations and stores: a corpus decides what a
recording is and which words are seizures. Invalid content raises an
:class:`~tuszstore.errors.AnnotationError` that names the file and the line; nothing is skipped
silently.
"""
