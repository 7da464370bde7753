"""The life cycle of customers: stages, their dated changes and flows, and the models that go with them."""

from typing import Final

JOB: Final = "lifecycle"
"""Name of the job, and kind of the file with the stage of everybody."""
ROW_DAYS: Final = 730
"""Who was seen in so many days before a run has rows in the database; the file has everybody."""
VALUE_JOB: Final = "value"
"""Name of the job of customer value, and kind of its file."""
