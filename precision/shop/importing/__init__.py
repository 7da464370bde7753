"""Import of a shop's files: `import_files(platform, mapping, files)`."""

from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.importer import import_files, total_steps
from precision.shop.importing.summary import ImportSummary, Outcomes

__all__ = ["ImportRefusedError", "ImportSummary", "Outcomes", "import_files", "total_steps"]
