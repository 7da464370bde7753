"""The one error of an import that cannot go on."""


class ImportRefusedError(ValueError):
    """Nothing was loaded; the message is one clear sentence: what was found, where, and the remedy."""
