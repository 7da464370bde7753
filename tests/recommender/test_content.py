"""Similar products by what they are called: numbers by hand, what bounds the work, and what never comes out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse

from recommender.candidates import content
from recommender.candidates.content import Describing, describe, similar
from recommender.ranking.descriptions import Catalogue
from recommender.ranking.descriptions import describe as words_of


def words(*rows: list[float]) -> csr_matrix:
    return csr_matrix(np.array(rows, dtype=np.float32))


def test_evidence_and_price_by_hand() -> None:
    half = math.sqrt(0.5)
    # 0 and 1 share a word, the category and the price; 0 and 2 the category; 0 and 3 the brand alone.
    made = describe(
        words([half, half, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]),
        categories=np.array([0, 0, 0, -1]), brands=np.array([5, -1, -1, 5]), prices=np.array([4.0, 4, 2, 4]),
    )  # fmt: skip
    found = similar(made, how=Describing(k=3))
    assert found.items.tolist() == [[1, 2, -1], [0, 2, -1], [0, 1, -1], [-1, -1, -1]]
    assert found.scores[0].tolist() == pytest.approx([0.6 * half + 0.25, 0.25 * (1 - 0.3 * 0.5), 0])
    with_brand = similar(made, how=Describing(k=3, least=0.1))
    assert with_brand.items[3].tolist() == [0, -1, -1]
    assert with_brand.scores[3, 0] == pytest.approx(0.15)


def test_an_unknown_price_stands_half_way() -> None:
    made = describe(words([1], [1], [1]), prices=np.array([np.nan, 3.0, 0.0]))
    found = similar(made, how=Describing(k=2))
    assert found.scores[0].tolist() == pytest.approx([0.6 * 0.85, 0.6 * 0.85])
    assert found.scores[1].tolist() == pytest.approx([0.6 * 0.85, 0.6 * 0.7])


def test_only_what_is_allowed_is_listed_and_only_the_asked_rows_come() -> None:
    made = describe(words([1], [1], [1]))
    found = similar(made, rows=np.array([2]), allowed=np.array([False, True, True]), how=Describing(k=3))
    assert found.items.tolist() == [[1, -1, -1]]


def test_a_common_word_proposes_its_champions_only_and_the_best_sellers_first() -> None:
    made = describe(words(*[[1.0]] * 10))
    found = similar(made, quality=np.arange(10.0), how=Describing(k=5, champions=3))
    assert found.items[0].tolist() == [7, 8, 9, -1, -1]
    assert found.items[9].tolist() == [7, 8, -1, -1, -1]


def test_a_million_products_make_no_dense_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one category and with one common word: a products × products table would hold 10^12 entries."""
    size = 1_000_000
    rng = np.random.default_rng(1)
    row = np.repeat(np.arange(size), 2)
    column = np.where(np.arange(2 * size) % 2 == 0, 0, rng.integers(1, 50_000, 2 * size))
    matrix = csr_matrix((np.full(2 * size, math.sqrt(0.5), np.float32), (row, column)), shape=(size, 50_000))
    made = describe(matrix, categories=np.zeros(size, dtype=np.int64))
    entries = []
    seen = content.best_of_sparse

    def look(scores: csr_matrix, *, k: int) -> content.TopItems:
        assert issparse(scores)
        assert scores.shape[0] <= content.BLOCK_ROWS
        entries.append(scores.nnz)
        return seen(scores, k=k)

    monkeypatch.setattr(content, "best_of_sparse", look)
    how = Describing(k=10, champions=100)
    asked = rng.choice(size, 1_500, replace=False)
    found = similar(made, rows=asked, how=how)
    assert found.items.shape == (1_500, 10)
    assert (found.items >= 0).all()
    # Each row meets the champions of its two words and of its category, and no more.
    assert max(entries) <= content.BLOCK_ROWS * 3 * how.champions


SOME = st.one_of(st.none(), st.text(alphabet="ab ", max_size=12))


@settings(max_examples=60, deadline=None)
@given(
    titles=st.lists(SOME, max_size=12),
    prices=st.lists(st.sampled_from([0.0, -1.0, 3.0, math.nan, math.inf, 1e300]), min_size=12, max_size=12),
    k=st.integers(1, 15),
)
def test_lists_hold_no_repeats_no_nan_and_never_the_product_itself(
    titles: list[str | None], prices: list[float], k: int
) -> None:
    size = len(titles)
    told = words_of(np.arange(size), Catalogue(np.arange(size), titles, titles))
    made = describe(
        told.words, categories=np.arange(size) % 3, brands=told.brands, prices=np.array(prices[:size])
    )
    found = similar(made, how=Describing(k=k))
    assert found.items.shape == found.scores.shape == (size, k)
    assert np.isfinite(found.scores).all()
    for at, (items, scores) in enumerate(zip(found.items, found.scores, strict=True)):
        real = items[items >= 0]
        assert at not in real
        assert len(set(real.tolist())) == len(real)
        assert (real < size).all()
        assert (np.diff(scores) <= 0).all()
        assert ((items >= 0) == (scores > 0)).all()


def test_nothing_and_one_product() -> None:
    assert similar(describe(csr_matrix((0, 0), dtype=np.float32))).items.shape == (0, 50)
    assert (similar(describe(words([1]))).items == -1).all()


@pytest.mark.parametrize(("wrong", "message"), [({"k": 0}, "k is 0"), ({"least": 2}, "least is 2")])
def test_what_makes_no_sense_is_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Describing(**wrong)
    with pytest.raises(ValueError, match="prices has the shape"):
        describe(words([1]), prices=np.zeros(2))
