"""What can be wrong with the lake, in words, with what to do about it."""


class HistoryError(RuntimeError):
    """The lake cannot be read or written; the message says where, what was found and the remedy."""


class LakeDamagedError(HistoryError):
    """A file of the lake is missing, or does not hold what was written."""


class LakeUnwritableError(HistoryError):
    """The system refused to write: disk full, folder read-only, no rights."""


class LakeVersionError(HistoryError):
    """A newer version of this software wrote the lake."""
