"""What texts say about topics, in several languages; refusals, idioms, decay; the words of a shop."""

import random

import polars as pl
import pytest

from precision.shop.methods import interests
from precision.shop.methods.interests import Mention, Sense, Term, Vocabulary

NAMED, WISHED, DECLINED = Sense.NAMED, Sense.WISHED, Sense.DECLINED
WORDS = Vocabulary(
    [
        Term("jacket", "jacket", 1),
        Term("rain jacket", "rain jacket", 2),
        Term("battery", "battery"),
        Term("set", ""),
        Term("set", "tea set"),  # its word was taken out before
        Term("外套", "jacket", 1),
        Term("羽绒外套", "down jacket", 3),
        Term("奶粉", "milk powder"),
        Term("iPhone", "phone"),
        Term("Jacke", "jacket", 1),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want a jacket", {"jacket": WISHED}),
        ("Two JACKETS arrived.", {"jacket": NAMED}),
        ("I don't want a jacket", {"jacket": DECLINED}),
        ("I don’t need any more jackets!", {"jacket": DECLINED}),
        ("I do not like this kind of jacket", {"jacket": DECLINED}),
        ("no jacket for me", {"jacket": DECLINED}),
        ("A set without batteries", {"battery": DECLINED}),
        ("I don't want a battery, only the jacket", {"battery": DECLINED, "jacket": NAMED}),
        ("I don't want a battery but I need a jacket", {"battery": DECLINED, "jacket": WISHED}),
        ("Not only the jacket is great", {"jacket": NAMED}),
        ("Not bad, this jacket", {"jacket": NAMED}),
        ("not bad a jacket", {"jacket": NAMED}),
        ("Never mind. I am looking for a jacket", {"jacket": WISHED}),
        ("It is not that I have ever in my whole life owned a jacket", {"jacket": NAMED}),  # too far away
        ("looking for a rain jacket", {"rain jacket": WISHED}),  # the longest term
        ("rain and a jacket", {"jacket": NAMED}),
        ("jacketed cables", {}),  # word boundaries
        ("a jacket? I want that jacket. Then again I do not want the jacket", {"jacket": DECLINED}),
        ("tea set", {}),
        ("Ich suche eine Jacke", {"jacket": WISHED}),
        ("ich will keine Jacke", {"jacket": DECLINED}),
        ("我想要羽绒外套", {"down jacket": WISHED}),
        ("我不要外套", {"jacket": DECLINED}),
        ("不想买奶粉，想要外套", {"milk powder": DECLINED, "jacket": WISHED}),
        ("要不要外套", {"jacket": NAMED}),
        ("不要奶粉但是想要外套", {"milk powder": DECLINED, "jacket": WISHED}),
        ("外套很好", {"jacket": NAMED}),
        ("我不要iPhone", {"phone": DECLINED}),
        ("想要 iPhone", {"phone": WISHED}),
        ("ｊａｃｋｅｔ", {"jacket": NAMED}),  # full width
        ("", {}),
        ("…!?\x00\ud800", {}),
    ],
)
def test_what_a_text_says(text: str, expected: dict[str, Sense]) -> None:
    assert {mention.topic: mention.sense for mention in WORDS.mentions(text)} == expected


def test_a_mention_knows_its_category_and_a_topic_comes_once() -> None:
    assert WORDS.mentions("jacket, jacket, jackets") == [Mention("jacket", 1, NAMED)]


def test_a_long_text_is_cut() -> None:
    assert WORDS.mentions("x " * interests.LONGEST_TEXT + "jacket") == []


def test_any_text_is_read() -> None:
    rng = random.Random(1)
    for _ in range(300):
        text = "".join(chr(rng.randrange(1, 0x11000)) for _ in range(40))
        assert "jacket" in {mention.topic for mention in WORDS.mentions(f"{text} jacket")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jackets", "jacket"),
        ("batteries", "battery"),
        ("boxes", "box"),
        ("dresses", "dress"),
        ("watches", "watch"),
        ("houses", "house"),
        ("shoes", "shoe"),
        ("sizes", "size"),
    ],
)
def test_plural_and_singular_have_one_stem(one: str, other: str) -> None:
    assert interests.stem(one) == interests.stem(other)


@pytest.mark.parametrize("word", ["bus", "glass", "tennis", "gas", "des"])
def test_words_that_only_look_like_plurals_stay(word: str) -> None:
    assert interests.stem(word) == word


def test_terms_of_categories() -> None:
    paths = [
        (7, ["Home", "Tea"]),
        (1, ["Food"]),
        (2, ["Food", "Tea"]),
        (3, ["Wear", "Coats & Jackets"]),
        (9, []),
    ]
    assert interests.from_categories(paths) == [
        Term("Food", "Food", 1),
        Term("Tea", "Tea", 2),
        Term("Coats & Jackets", "Coats & Jackets", 3),
        Term("Tea", "Tea", 7),
        Term("Coats", "Coats", 3),
        Term("Jackets", "Jackets", 3),
    ]
    words = Vocabulary(interests.from_categories(paths))
    assert words.mentions("tea, please") == [Mention("Tea", 2, NAMED)]
    assert words.mentions("I need jackets") == [Mention("Jackets", 3, WISHED)]
    assert words.mentions("coats & jackets") == [Mention("Coats & Jackets", 3, NAMED)]


def test_terms_of_titles_with_the_category_of_most() -> None:
    titles: list[tuple[str, int | None]] = [(f"blue number{n} candle", 4) for n in range(12)]
    titles += [(f"green number{n} candle", 5) for n in range(5)]
    titles += [(f"old thing{n} cup", 6 if n % 2 else 7) for n in range(4)]
    assert interests.from_titles(titles, smallest=4) == [
        Term("candle", "candle", 4),
        Term("cup", "cup", None),
    ]


DAY = 86_400
ROWS = [
    (1, "jacket", 9, "wished", 100 * DAY, 11),
    (1, "jacket", 9, "named", 70 * DAY, 12),
    (1, "jacket", 9, "wished", 130 * DAY, 13),  # from the as-of day on: it does not exist
    (1, "tea", None, "wished", 100 * DAY, 14),
    (1, "tea", None, "declined", 130 * DAY - 1, 15),  # … a newer refusal outweighs it
    (2, "tea", None, "declined", 100 * DAY, 16),
    (2, "cup", None, "declined", 70 * DAY, 17),
    (2, "cup", None, "wished", 100 * DAY, 18),
    (3, "old", None, "named", 0, 19),
]


def test_scores_halve_with_the_half_life_and_refusals_take_back() -> None:
    schema = {
        "identity": pl.Int64, "topic": pl.String, "category": pl.Int64, "sense": pl.String, "seconds": pl.Int64,
        "event": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame(ROWS, schema=schema, orient="row").sample(fraction=1, shuffle=True, seed=4)
    found = interests.scores(frame, as_of=130 * DAY, half_life_days=30.0)
    assert found.drop("score").rows() == [
        (1, "jacket", 9, 2, 100 * DAY, [11, 12]),
        (2, "cup", None, 1, 100 * DAY, [18]),
    ]
    assert found["score"].to_list() == pytest.approx([2 / 2 + 1 / 4, 2 / 2 - 2 / 4])


def test_only_the_newest_texts_are_kept_as_evidence() -> None:
    many = pl.DataFrame(
        {"identity": [1] * 30, "topic": ["tea"] * 30, "category": [None] * 30, "sense": ["named"] * 30,
         "seconds": list(range(30)), "event": list(range(100, 130))},
        schema_overrides={"category": pl.Int64},
    )  # fmt: skip
    ((events, mentions),) = (
        interests.scores(many, as_of=40, half_life_days=1.0).select("events", "mentions").rows()
    )
    assert (events, mentions) == (list(range(129, 119, -1)), 30)
