"""Who will: propensity against a planted truth, churn against recency alone, and two public tables beside them.

The public tables are read from the folder that the environment variable PRECISION_QUALITY_DATA names
(`online_shoppers_intention.parquet`, `bank_marketing_additional_full.parquet`); what is not there is left out.
"""

from typing import Any

from rich.console import Console

from benchmarks import quality_churn, quality_propensity, quality_tables
from benchmarks.quality_shops import Shops

GOALS = {"propensity_below_truth": 0.02, "shoppers_auc": 0.83, "churn_low_above": 0.0}


def run(shops: Shops) -> dict[str, Any]:
    """Print a table for each part and return the figures of all."""
    console = Console()
    return {
        "goals": GOALS,
        "propensity": quality_propensity.run(shops.browse, console),
        **quality_tables.run(console),
        "churn": {facts.key: quality_churn.run(facts, console) for facts in (shops.gifts, shops.grocer)},
    }
