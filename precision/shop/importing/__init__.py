"""Import of a shop's files: `import_files(platform, mapping, files)`."""

from precision.shop.importing.errors import ImportRefused
from precision.shop.importing.importer import import_files, total_steps
from precision.shop.importing.summary import ImportSummary, Outcomes

__all__ = ["ImportRefused", "ImportSummary", "Outcomes", "import_files", "total_steps"]
