"""The segments of one customer at this moment: the evaluator for a single person."""

from typing import Any

from precision.shop.scopes import Scope
from segments import behaviour, conditions, lists
from segments.conditions import Did
from segments.definitions import Definitions
from segments.labels import values


def of_customer(scope: Scope, known: Definitions, customer: int) -> list[str]:
    """Return the keys of the segments that a customer meets now, sorted: what they just did counts.

    One query for all behaviour, those of `values.labels_in`, and one for lists.
    """
    labels: dict[str, Any] = values.labels_in(scope, customer)
    terms = conditions.behaviour_of(*known.conditions.values())
    counts = behaviour.of_customers(scope, [customer], terms, as_of=scope.as_of())
    listed = lists.customers(list(known.lists.values()), [customer])
    inside = {key: bool(listed[number].size) for key, number in known.lists.items()}

    def times(term: Did) -> int | None:
        return counts[term.key].get(customer)

    # Each comes after those that it names.
    for key, condition in known.conditions.items():
        inside[key] = conditions.matches(
            condition, labels, counts=times, segments=lambda name: inside.get(name, False)
        )
    return sorted(key for key, yes in inside.items() if yes)
