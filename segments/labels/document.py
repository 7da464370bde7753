"""The built-in labels as tables in Markdown, for docs/labels.md."""

from segments.labels.registry import Definition, Source, sources

HEAD = (
    "| key | title | kind | type, unit | formula | refresh | sensitivity | version |\n"
    "|---|---|---|---|---|---|---|---|"
)


def tables() -> str:
    """Return a table for each source of labels, by name."""
    return "\n\n".join(_table(source) for source in sorted(sources(), key=lambda source: source.name)) + "\n"


def _table(source: Source) -> str:
    rows = "\n".join(_row(each) for each in source.definitions)
    return f"### {source.name.capitalize()}\n\n{HEAD}\n{rows}"


def _row(each: Definition) -> str:
    kind = each.type.value if not each.unit else f"{each.type.value}, {each.unit}"
    values = f" One of: {', '.join(each.values)}." if each.values else ""
    cells = (
        f"`{each.key}`", each.title, str(each.kind), kind, f"{each.formula}{values}", str(each.refresh),
        str(each.sensitivity), str(each.version),
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
