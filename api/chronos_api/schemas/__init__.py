"""What requests and answers look like; the vocabulary is that of ``chronos_crds``.

Answers are built from stored objects as they are, without parsing them into the models: an object
that came past the API and is not as it should be must still be readable.
"""
