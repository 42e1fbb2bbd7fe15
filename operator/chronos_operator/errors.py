"""The operator's own errors.

OperatorError
 +-- NameTaken     a name Chronos needs is in use by an object that is not its own
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something Chronos itself cannot put right."""


class NameTaken(OperatorError):
    """A name Chronos needs is in use by an object that is not its own; it is left alone."""
