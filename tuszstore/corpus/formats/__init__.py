"""Parsers of annotation formats and sidecars, one module a format.

A parser takes the text or the bytes of one file, with its name for messages, and returns frozen
dataclasses. It knows nothing of folders, of configuration or of stores: what a recording is, and
which words are seizures, a corpus decides. What no rule of a format reads is an
:class:`~tuszstore.errors.AnnotationError` that names the file and the line; nothing is skipped
silently.
"""
