"""What a benchmark says when it cannot run."""


class BenchmarkError(Exception):
    """The benchmark cannot run as asked; the message is one sentence for the person who asked."""
