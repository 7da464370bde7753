"""The printed summary says everything, in words, and admits what is not known."""

from collections import Counter
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from demo import summary
from demo.figures import Churn, Figures, RuleInWords
from precision.shop.importing import ImportSummary, Outcomes

IMPORTED = ImportSummary(
    platform="corner",
    mapping="corner.toml",
    rows=Outcomes(accepted=1_200, rejected=30, duplicate=4),
    rejected_by=Counter({"no_price": 10, "postage": 20}),
    rejects_file="/var/rejects/corner.csv",
    unknown_products=2,
    unknown_product_lines=7,
    seconds=1.25,
)
GEL_RULE = RuleInWords(antecedent=("Gel",), consequent=("Shampoo",), count=3, confidence=1.0, lift=1.5)
WON = {"ours": 0.1234, "popularity": 0.1, "difference": 0.0234, "low": 0.01, "high": 0.03, "customers": 1_500}
UNDEFINED = {**dict.fromkeys(WON), "customers": 0}
FIGURES = Figures(
    customers=64,
    products=40,
    unlisted=2,
    hidden=3,
    orders=300,
    returned=9,
    guests=11,
    rules=6,
    best_rules=(GEL_RULE,),
    classes={"A": 5, "B": 6, "C": 7, "U": 32},
    stages={"development": 30, "contact": 4, "win_back": 7},
    churn=Churn(used="boosting", auc=0.81, alone=0.72),
    worth=(1_200.4, 34_567.8),
    quality={"all": WON, "new": UNDEFINED, "k": 20, "days": 30, "metric": "recall"},
    seconds={"rules": 2.0},
)
PLAIN = """
Corner Shop
  rows                                 1,234: 1,200 accepted, 30 rejected, 4 duplicate
  rejected because                     postage 20, no_price 10
  rejects file                         /var/rejects/corner.csv
  unknown products                     2 without a record, in 7 lines
  customers                            64
  products                             40 (3 not offered, 2 known from orders only)
  orders                               300 (11 by guests, 9 credit notes)
  rules                                6
  the best                             who buys Gel also buys Shampoo: 3 baskets, 100% of its buyers, lift 1.5
  classes                              A 5  B 6  C 7  U 32  (the 50 buyers of the last 365 days, not all customers)
  life cycle                           contact 4  development 30  win_back 7
  who leaves                           told with AUC 0.810 by boosting, on a date that it had not seen; by the days since the last order alone 0.720
  expected in a year                   1,200 orders worth 34,568
  quality, all purchases               recall@20 on the last 30 days: ours 0.1234, popularity 0.1000, difference +0.0234 (95 % from +0.0100 to +0.0300), 1,500 customers
  quality, products new to the customer  recall@20 on the last 30 days: undefined: no customer to judge it by
  seconds                              import 1.2, rules 2.0
"""  # noqa: E501 the lines are what is printed


def printed(*sections: summary.Section, terminal: bool = False) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, color_system=None)
    summary.show(sections, console=console)
    return out.getvalue()


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_plain_lines() -> None:
    section = summary.of_shop("Corner Shop", IMPORTED, FIGURES)
    text = printed(section)
    assert squeezed(text) == squeezed(PLAIN)
    # Aligned: all values begin in the same column.
    lines = text.splitlines()[2:]
    assert len({line.rindex(value) for line, (_, value) in zip(lines, section.rows, strict=True)}) == 1


def test_terminal_shows_the_same_words() -> None:
    section = summary.of_shop("Corner Shop", IMPORTED, FIGURES)
    table = "".join(printed(section, terminal=True).split())
    for label, value in section.rows:
        assert "".join(label.split()) in table
        assert "".join(value.split()) in table


def test_nothing_computed_is_said() -> None:
    empty = replace(
        FIGURES,
        rules=None,
        best_rules=(),
        classes=None,
        stages=None,
        churn=None,
        worth=None,
        quality=None,
        seconds={},
    )
    text = printed(summary.of_shop("Corner Shop", IMPORTED, empty))
    assert text.count("not computed") == 3
    assert text.count("not measured") == 1


def test_a_quality_that_was_not_measured_says_why() -> None:
    text = printed(
        summary.of_shop("Corner Shop", IMPORTED, replace(FIGURES, quality={"reason": "Too few weeks."}))
    )
    assert "not measured: Too few weeks." in text


def test_an_undefined_comparison_gives_its_reason() -> None:
    quality = {**FIGURES.quality, "all": {"ours": None, "popularity": 0.1, "reason": "nothing was bought"}}
    text = printed(summary.of_shop("Corner Shop", IMPORTED, replace(FIGURES, quality=quality)))
    assert "undefined (nothing was bought)" in text


@pytest.mark.parametrize("terminal", [False, True])
def test_commands_are_never_broken(*, terminal: bool) -> None:
    key = "sk_" + "x" * 60
    section = summary.of_access(
        address="http://127.0.0.1:8000",
        admin="admin",
        password="s3cret[bold]",
        keys={"corner": key},
        customers={"A": "17", "C": "19"},
        curl_key=key,
    )
    lines = printed(section, terminal=terminal).splitlines()
    wanted = "curl -H 'Authorization: Bearer {}' 'http://127.0.0.1:8000/api/v1/slots/home/?customer={}'"
    assert any(line.endswith(wanted.format(key, 17)) and "class A" in line for line in lines)
    assert any(line.endswith(wanted.format(key, 19)) and "class C" in line for line in lines)
    assert any("s3cret[bold]" in line for line in lines)
    assert any("http://127.0.0.1:8000/admin/" in line for line in lines)


def test_an_earlier_administrator_is_told_how_to_get_in() -> None:
    section = summary.of_access(
        address="http://127.0.0.1:8000", admin="admin", password=None, keys={}, customers={}, curl_key="sk_"
    )
    text = printed(section)
    assert "manage.py changepassword admin" in text
    assert "shown this once" not in text
