"""Categories from the words of titles."""

import numpy as np
import pytest

from precision.shop.methods import word_categories

COLOURS = ["red", "blue", "green", "pink"]


def test_words_are_letters_only() -> None:
    found = word_categories.words("SET/6 Mini-Gateaux 20CM, 36\" Dad's t-light")
    assert found == ("set", "mini", "gateaux", "dad's", "light")
    assert word_categories.words("") == ()


def test_the_last_word_is_the_thing_and_a_plural_is_the_same() -> None:
    titles = ["cherry candle", "vanilla candles", "tall candle", "zinc box", "wooden boxes", "hat box"]
    assert word_categories.categories(titles, smallest=3) == ["candle"] * 3 + ["box"] * 3


def test_a_colour_behind_the_thing_is_no_category() -> None:
    things = [
        "tea mug", "egg cup", "cake plate", "wall clock", "money bank", "wash bag", "jam jar", "coat hook",
        "desk lamp", "bath towel", "door mat", "hat box",
    ]  # fmt: skip
    titles = [f"{thing} {colour}" for thing in things for colour in COLOURS]
    found = word_categories.categories(titles, smallest=4)
    assert found == [thing.split()[1] for thing in things for _ in COLOURS]


def test_what_only_describes_is_no_category() -> None:
    # “vintage” is the most frequent word and never stands last; nothing else is frequent enough.
    titles = [f"vintage {word}" for word in ("globe", "kettle", "saddle", "quilt", "violin")]
    assert word_categories.categories(titles, smallest=3) == [None] * 5


def test_small_categories_dissolve_into_the_next_word() -> None:
    titles = ["candle holder"] * 2 + ["scented candle"] * 4 + ["wall hook"] * 2
    # “holder” heads only two titles; they go to “candle”. “hook” heads two and has nowhere to go.
    assert word_categories.categories(titles, smallest=3) == ["candle"] * 6 + [None] * 2


def test_no_title_no_category() -> None:
    assert word_categories.categories([None, "", "12 34"], smallest=1) == [None] * 3
    assert word_categories.categories([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_categories_are_large_enough_and_do_not_depend_on_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = [
        f"{a}{b}{c}" for a in "bdfgk" for b in ("arm", "ell", "iss", "oon") for c in ("ad", "er", "ick", "um")
    ]
    things = ["box", "candle", "mug", "holder", "sign", "kettle"]
    sizes_of = [30, 60, 90, 120, 12, 8]
    titles = [
        " ".join(
            [
                *rng.choice(words, size=rng.integers(0, 4)),
                thing,
                *rng.choice(COLOURS, size=rng.integers(0, 2)),
            ]
        )
        for thing, count in zip(things, sizes_of, strict=True)
        for _ in range(count)
    ]
    found = word_categories.categories(titles)
    assert all(word is None or word in title.split() for word, title in zip(found, titles, strict=True))
    sizes = {word: found.count(word) for word in set(found) - {None}}
    assert {"candle", "mug", "holder"} <= set(sizes)
    assert min(sizes.values()) >= word_categories.SMALLEST
    order = rng.permutation(len(titles))
    again = word_categories.categories([titles[index] for index in order])
    assert again == [found[index] for index in order]
