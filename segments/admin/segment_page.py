"""What the page of a segment tells beside its form: size, pace, what it stands on, who came and went."""

from collections.abc import Iterable
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, joined, link, list_link, share, table
from precision.engine.models import Run
from precision.shop import scopes
from precision.shop.scopes import Scope
from segments import conditions, definitions, effects, masking, membership, visibility
from segments.api.names import names_of
from segments.conditions import Condition
from segments.definitions import Definitions
from segments.masking import Sight
from segments.models import Segment, SegmentMember, SegmentSpell

SHOWN = 10
LIST_PACE = "Whoever is put onto the list or taken off it enters and leaves at once."


class Story:
    """All that is told of one segment; each part is read when it is asked for, and once: a page asks several times."""

    def __init__(self, segment: Segment, run: Run | None, sight: Sight) -> None:
        self.segment, self.run, self.sight = segment, run, sight

    @cached_property
    def scope(self) -> Scope:
        platform = self.segment.platform
        return scopes.of(platform) if platform is not None else scopes.read(self.segment.scope)

    @cached_property
    def known(self) -> Definitions:
        return definitions.read(self.scope)

    @property
    def condition(self) -> Condition | None:
        """None for a list, and for a condition that cannot be used any more."""
        return self.known.conditions.get(self.segment.key)

    @cached_property
    def hidden(self) -> list[str]:
        """The labels whose values the members of the segment would tell somebody who may not see them."""
        if self.condition is not None:
            return visibility.hidden_in(self.condition, self.known, self.sight)
        unusable = not self.segment.static and self.segment.pk in visibility.hidden_segments(self.sight)
        return ["what it asked by"] if unusable else []

    def refused(self) -> str:
        """Return why the condition cannot be used; nothing where it can."""
        return self.known.refused.get(self.segment.key, "")

    @cached_property
    def size(self) -> str:
        """Return the size in words, with its share of everybody of whom anything is known."""
        run = self.run
        if run is None:
            return "not computed yet"
        number = self.segment.pk
        if self.segment.static:
            found = membership.state(self.scope, [number]).height
        elif run.started_at < self.segment.updated_at:
            return "not computed yet: the next nightly run finds the members"
        else:
            found = membership.sizes(self.scope, run).get(number, 0)
        of = run.measures.get("customers")
        return f"{found:,} of {of:,} customers ({share(found / of)})" if of else f"{found:,} customers"

    @cached_property
    def since(self) -> SafeString | str:
        """Return since when it says what it says, and which run it was computed by."""
        said = f"as it is now since {self.segment.updated_at:%Y-%m-%d %H:%M} UTC"
        if self.run is None:
            return said
        return format_html("{}; last computed as of {} ({})", said, self.run.as_of, link(self.run, "run"))

    @cached_property
    def pace(self) -> SafeString | str:
        """Return when each term follows the facts."""
        if self.segment.static:
            return LIST_PACE
        if self.condition is None:
            return self.refused() or NOTHING
        found = effects.effects(self.scope, self.condition, self.known)
        return table(
            ["term", "takes effect", "place"],
            [
                (one.term, f"{effects.IN_WORDS[one.pace]}{f'; {one.note}' if one.note else ''}", one.path)
                for one in found
            ],
        )

    @cached_property
    def uses(self) -> SafeString | str:
        """Return links to the segments that its condition names."""
        if self.condition is None:
            return NOTHING
        return self._links(sorted(conditions.segments_of(self.condition)))

    @cached_property
    def used_by(self) -> SafeString | str:
        """Return links to the segments that name it."""
        return self._links(conditions.users(self.segment.key, self.known.conditions))

    @cached_property
    def entries(self) -> SafeString | str:
        """Return who entered last."""
        return self._told(self._last[0])

    @cached_property
    def exits(self) -> SafeString | str:
        """Return who left last."""
        return self._told(self._last[1])

    @cached_property
    def pages(self) -> SafeString | str:
        """Return links to the pages about its members."""
        number = self.segment.pk
        overlap = (
            f"{reverse('admin:precision_segments_segment_overlap')}?{urlencode({'scope': self.scope.key})}"
        )
        portrait = f"{reverse('admin:precision_segments_labeloverride_group')}?segment={number}"
        found = [(portrait, "portrait of the group"), (overlap, "overlap with other segments")]
        lists = [
            list_link(SegmentMember, "active members", segment__id__exact=number),
            list_link(SegmentSpell, "entries and exits", segment__id__exact=number),
        ]
        if self.segment.static:
            lists.append(
                list_link("precision_segments.segmentlisting", "the list", segment__id__exact=number)
            )
        return joined(
            [*lists, *(format_html('<a class="precision-link" href="{}">{}</a>', *each) for each in found)]
        )

    @cached_property
    def _last(self) -> tuple[list[SegmentSpell], list[SegmentSpell]]:
        """The stays that began last and those that ended last; two queries, each along its index."""
        stays = SegmentSpell.objects.filter(segment=self.segment).select_related("customer")
        ended = stays.filter(left_at__isnull=False).order_by("-left_at", "-id")
        return list(stays.order_by("-id")[:SHOWN]), list(ended[:SHOWN])

    def _links(self, keys: Iterable[str]) -> SafeString | str:
        rows = self.known.rows
        return joined(link(rows[key], rows[key].name) for key in keys if key in rows) or NOTHING

    def _told(self, stays: list[SegmentSpell]) -> SafeString | str:
        """Return stays as a table; masked where the members would tell a label that is not to be seen."""
        if self.hidden:
            return f"{masking.MASKED} Your role may not see {', '.join(self.hidden)}."
        return table(
            ["customer", "entered", "left"],
            [
                (
                    link(one.customer, self._names.get(one.customer_id)),
                    f"{one.entered_at:%Y-%m-%d %H:%M}",
                    f"{one.left_at:%Y-%m-%d %H:%M}" if one.left_at else "still in it",
                )
                for one in stays
            ],
        )

    @cached_property
    def _names(self) -> dict[int, str]:
        """What the shops call the people of the last stays; one query for each shop."""
        customers = list({one.customer_id for stays in self._last for one in stays})
        found: dict[int, str] = {}
        for platform in self.scope.platforms if customers else ():
            for customer, known in names_of(platform, customers).items():
                name = known["customer_id"] or known["anonymous_id"]
                if name:
                    found.setdefault(customer, name)
        return found
