"""What people want, from their own words: which topics of a vocabulary a text names, and in which sense.

A text is cut into clauses, a clause into words. A topic is *named* where the words of one of its terms follow each
other (of several terms that begin at a word the longest). It is

- *declined* when a word of refusal stands at most NEAR words before it in the same clause (“I do not want a jacket”),
  unless a turn (“but”, “only”) stands between; idioms such as “not only” and “not bad” refuse nothing;
- *wished* when a word of wishing stands there instead (“looking for a jacket”);
- *named* otherwise.

Words are compared by their stems: small letters without a plural ending, so “jackets” is “jacket” and “batteries” is
“battery”. Scripts that write words together (Chinese, Japanese kana) are matched by the longest term that begins at a
character, with refusals (不要, 不想, 不需要 …) looked for within NEAR_CHARACTERS before it; “要不要” asks and refuses
nothing.

It knows the words and no grammar: irony, “no longer without” and a refusal two clauses away are beyond it. Whoever has
something better names it in the setting PRECISION_INTEREST_METHOD (see docs/methods/interests.md).
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol

import polars as pl

from precision.shop.columns import CATEGORY, IDENTITY, SECONDS
from precision.shop.methods.word_categories import SMALLEST, categories

TOPIC = "topic"  # String
SENSE = "sense"  # String, a Sense
EVENT = "event"  # Int64, number of the event that the text belongs to
SCORE = "score"  # Float64, above 0
MENTIONS = "mentions"  # Int64, texts that name the topic and do not decline it
LAST_SECONDS = "last_seconds"  # Int64, epoch seconds of the newest of them
EVENTS = "events"  # List(Int64), the newest of them, newest first

NEAR: Final = 5
"""Words between a refusal or wish and what it is about."""
NEAR_CHARACTERS: Final = 8
LONGEST_TEXT: Final = 5_000
"""Characters of a text that are read; comments are shorter."""


class Sense(StrEnum):
    """What a text says about a topic that it names."""

    NAMED = "named"
    WISHED = "wished"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of the vocabulary and what it means; an empty topic takes the word out of it."""

    words: str
    topic: str
    category: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """That a text names a topic."""

    topic: str
    category: int | None
    sense: Sense


WEIGHTS: Final = {Sense.NAMED.value: 1.0, Sense.WISHED.value: 2.0, Sense.DECLINED.value: -2.0}
"""A refusal takes back a wish of the same age."""
LEAST: Final = 0.1
EVIDENCE: Final = 10


class Method(Protocol):
    """What the setting PRECISION_INTEREST_METHOD names: made from a platform's vocabulary, then asked text by text."""

    def __init__(self, vocabulary: Sequence[Term]) -> None:
        """Prepare for a vocabulary; of terms that share their words the first counts."""

    def mentions(self, text: str) -> list[Mention]:
        """Return what the text names, each topic once."""


NOT: Final = frozenset({
    "no", "not", "never", "without", "nor", "neither", "cannot", "dont", "doesnt", "didnt", "wont", "wouldnt", "isnt",
    "arent", "cant", "havent", "stop",
    "kein", "keine", "keinen", "nicht", "nie", "ohne", "pas", "sans", "jamais", "sin", "nunca", "ningún",
})  # fmt: skip
WISH: Final = frozenset({
    "want", "wanted", "wanna", "wish", "need", "needing", "seek", "seeking", "search", "searching", "looking", "like",
    "love", "buy", "buying", "recommend", "recommendation",
    "suche", "brauche", "möchte", "cherche", "voudrais", "quiero", "busco",
})  # fmt: skip
TURNS: Final = frozenset({
    "but", "however", "only", "except", "instead", "although", "though", "yet",
    "aber", "sondern", "mais", "pero", "sino",
})  # fmt: skip
"""Words behind which a refusal ends."""
IDIOMS: Final = (
    ("not", "only"),
    ("not", "bad"),
    ("no", "doubt"),
    ("no", "problem"),
    ("why", "not"),
    ("not", "just"),
)
"""Words that look like a refusal and are none; the pair is passed over."""

CJK_NOT: Final = (
    "不需要",
    "不要",
    "不想",
    "不喜欢",
    "不买",
    "不再",
    "没兴趣",
    "不用",
    "别",
    "无需",
    "要らない",
)
CJK_WISH: Final = (
    "想要",
    "想买",
    "要买",
    "需要",
    "喜欢",
    "求购",
    "求",
    "推荐",
    "寻找",
    "找",
    "要",
    "ほしい",
    "欲しい",
)
CJK_ASKS: Final = ("要不要", "想不想", "需不需要", "喜不喜欢", "买不买", "用不用")
"""A verb, “not” and the verb again: a question."""

_CLAUSE: Final = re.compile(r"[.!?;:,()\[\]{}\n\r。！？；：，、（）…]+")
_TOKEN: Final = re.compile(r"[㐀-鿿豈-﫿぀-ヿ々]+|[^\W_㐀-鿿豈-﫿぀-ヿ々]+(?:['’][^\W_]+)*")
_JOINED: Final = re.compile(r"[㐀-鿿豈-﫿぀-ヿ々]")
_SIGNS: Final = str.maketrans("", "", "'’")


class Vocabulary:
    """The method that comes with Precision (see the module)."""

    def __init__(self, vocabulary: Sequence[Term]) -> None:
        self._phrases: dict[str, dict[tuple[str, ...], Term]] = {}
        self._joined: dict[str, Term] = {}
        self._longest = 0
        seen: set[tuple[str, ...]] = set()
        for term in vocabulary:
            stems = tuple(stem(word) for word in tokens(term.words))
            if not stems or stems in seen:
                continue
            seen.add(stems)
            if not term.topic:
                continue  # its words are taken: no later term means anything by them
            if len(stems) == 1 and _JOINED.match(stems[0]):
                self._joined[stems[0]] = term
                self._longest = max(self._longest, len(stems[0]))
            else:
                self._phrases.setdefault(stems[0], {})[stems] = term

    def mentions(self, text: str) -> list[Mention]:
        """Return what the text names, each topic once: declined if any clause declines it, else wished if any does."""
        found: dict[str, Mention] = {}
        for clause in _CLAUSE.split(unicodedata.normalize("NFKC", text[:LONGEST_TEXT])):
            for mention in (*self._in_words(clause), *self._in_characters(clause)):
                kept = found.get(mention.topic)
                if kept is None or _STRENGTH[mention.sense] > _STRENGTH[kept.sense]:
                    found[mention.topic] = mention
        return list(found.values())

    def _in_words(self, clause: str) -> Iterator[Mention]:
        """Yield what the words of a clause name, from left to right."""
        words = _words(clause)
        stems = [stem(word) for word in words]
        place = 0
        while place < len(stems):
            # Most words begin no term: one look-up each is all they cost.
            phrases = self._phrases.get(stems[place], {})
            fitting = [each for each in phrases if tuple(stems[place : place + len(each)]) == each]
            if not fitting:
                place += 1
                continue
            phrase = max(fitting, key=len)
            term = phrases[phrase]
            sense = _sense(words[max(0, place - NEAR) : place])
            if sense is Sense.NAMED and place and _JOINED.match(words[place - 1]):
                sense = _sense_of_characters(words[place - 1][-NEAR_CHARACTERS:])  # 不要iPhone
            yield Mention(term.topic, term.category, sense)
            place += len(phrase)

    def _in_characters(self, clause: str) -> Iterator[Mention]:
        """Yield what runs of characters without spaces name, by the longest term from each character on."""
        if not self._joined or not _JOINED.search(clause):
            return
        place = 0
        while place < len(clause):
            for length in range(min(self._longest, len(clause) - place), 0, -1):
                term = self._joined.get(clause[place : place + length])
                if term is not None:
                    before = clause[max(0, place - NEAR_CHARACTERS) : place]
                    yield Mention(term.topic, term.category, _sense_of_characters(before))
                    place += length
                    break
            else:
                place += 1


_STRENGTH: Final = {Sense.NAMED: 0, Sense.WISHED: 1, Sense.DECLINED: 2}


def tokens(text: str) -> list[str]:
    """Return the words of a text in small letters, apostrophes taken out (“don't” is “dont”); numbers stay."""
    return _words(unicodedata.normalize("NFKC", text))


def _words(normal: str) -> list[str]:
    """Return the words of a text in normal form."""
    return [
        word.translate(_SIGNS) if "'" in word or "’" in word else word
        for word in _TOKEN.findall(normal.casefold())
    ]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the word without an English plural ending; words of three letters and less stay.

    Both sides of a comparison are stemmed, so that a stem need not be a word (“glasses” and “glass” agree).
    """
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "zzes", "ches", "shes")):
        return word[:-2]
    return word.removesuffix("s")


def from_categories(paths: Iterable[tuple[int, Sequence[str]]]) -> list[Term]:
    """Return terms from category paths (number, names from the root): each last name, and its parts.

    “Coats & Jackets” gives “Coats & Jackets”, “Coats” and “Jackets”, all three about that category. A name that several
    categories bear means the one nearest to the root, of equals the one with the lowest number.
    """
    ordered = sorted(paths, key=lambda each: (len(each[1]), each[0]))
    terms = [Term(path[-1], path[-1], number) for number, path in ordered if path]
    for number, path in ordered:
        parts = [part.strip() for part in re.split(r"[&/,+、]| and | und | et ", path[-1])] if path else []
        if len(parts) > 1:
            terms.extend(Term(part, part, number) for part in parts if len(part) > 1)
    return terms


def from_titles(titles: Sequence[tuple[str, int | None]], *, smallest: int = SMALLEST) -> list[Term]:
    """Return terms from product titles (title, category number): the things they name, with their usual category.

    The things are those of `word_categories`; each is about the category that more than half of its products are in,
    or none. A shop with few products or with titles written without spaces has none: its categories must do.
    """
    homes: defaultdict[str, Counter[int | None]] = defaultdict(Counter)
    for head, (_, category) in zip(
        categories([title for title, _ in titles], smallest=smallest), titles, strict=True
    ):
        if head is not None:
            homes[head][category] += 1
    terms = []
    for head, found in sorted(homes.items()):
        category, count = max(found.items(), key=lambda each: (each[1], each[0] is not None, -(each[0] or 0)))
        terms.append(Term(head, head, category if 2 * count > found.total() else None))
    return terms


def scores(mentions: pl.DataFrame, *, as_of: int, half_life_days: float) -> pl.DataFrame:
    """Return IDENTITY, TOPIC, CATEGORY, SCORE, MENTIONS, LAST_SECONDS and EVENTS of what each identity wants.

    `mentions` has one row a text and topic: IDENTITY, TOPIC, CATEGORY, SENSE, SECONDS and EVENT. The score is the sum
    of WEIGHTS of the senses, each halved with every half-life between its text and `as_of` (epoch seconds); texts from
    `as_of` on do not exist. What scores below LEAST (declined as strongly as wished, or long ago) has no row. MENTIONS,
    LAST_SECONDS and EVENTS (the newest EVIDENCE, newest first) leave out what declines.
    """
    age = (as_of - pl.col(SECONDS)) / 86_400
    weight = pl.col(SENSE).replace_strict(WEIGHTS, return_dtype=pl.Float64)
    wanted = pl.col(SENSE) != Sense.DECLINED.value
    return (
        mentions.filter(pl.col(SECONDS) < as_of)
        .with_columns(_weight=weight * (-age / half_life_days * math.log(2)).exp())
        .sort(SECONDS, EVENT, descending=True)
        .group_by(IDENTITY, TOPIC)
        .agg(
            pl.col(CATEGORY).first(),
            pl.col("_weight").sum().alias(SCORE),
            wanted.sum().cast(pl.Int64).alias(MENTIONS),
            pl.col(SECONDS).filter(wanted).max().alias(LAST_SECONDS),
            pl.col(EVENT).filter(wanted).head(EVIDENCE).alias(EVENTS),
        )
        .filter((pl.col(SCORE) >= LEAST) & (pl.col(MENTIONS) > 0))
        .sort(IDENTITY, TOPIC)
    )


def _sense(before: Sequence[str]) -> Sense:
    """Return what the words before a topic say about it, back to the last turn; a refusal goes before a wish."""
    wished = False
    place = len(before) - 1
    while place >= 0:
        word = before[place]
        if word in TURNS and before[max(0, place - 1) : place + 1] != ["not", "only"]:
            break
        if place and (before[place - 1], word) in IDIOMS:
            place -= 2
            continue
        if word in NOT:
            return Sense.DECLINED
        wished |= word in WISH
        place -= 1
    return Sense.WISHED if wished else Sense.NAMED


def _sense_of_characters(before: str) -> Sense:
    """Return what the characters before a topic say about it."""
    for question in CJK_ASKS:
        before = before.replace(question, "")
    for turn in ("但是", "但", "而是", "只要"):
        before = before.rpartition(turn)[2]
    if any(word in before for word in CJK_NOT):
        return Sense.DECLINED
    return Sense.WISHED if any(word in before for word in CJK_WISH) else Sense.NAMED
