"""The contract of an engine, on data whose answer is known; every backend has to pass it."""

from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from scipy.sparse import csr_matrix, random_array

from precision.engine.backends import engine_aliases, get_engine
from precision.engine.backends.base import Engine, ItemsetsTooLargeError
from precision.engine.backends.local import LocalEngine
from precision.engine.selection import best_per_row

LOCAL = "precision.engine.backends.local.LocalEngine"


@pytest.fixture(params=["one thread", "two threads"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return LocalEngine(threads=1 if request.param == "one thread" else 2, block_mib=1)


def sparse(rng: np.random.Generator, shape: tuple[int, int], *, density: float) -> csr_matrix:
    return csr_matrix(random_array(shape, density=density, rng=rng, dtype=np.float64))


# --- scan


@pytest.fixture
def frame() -> pl.DataFrame:
    return pl.DataFrame({"order": [1, 2, 3], "product": [5, None, 6]})


@pytest.mark.parametrize("form", ["polars", "lazy polars", "arrow", "narwhals"])
def test_scan_of_a_frame(engine: Engine, frame: pl.DataFrame, form: str):
    source = {
        "polars": frame,
        "lazy polars": frame.lazy(),
        "arrow": frame.to_arrow(),
        "narwhals": nw.from_native(frame),
    }[form]
    scanned = engine.scan(source)
    assert isinstance(scanned, nw.LazyFrame)
    assert scanned.collect().rows() == frame.rows()


def test_scan_of_files(engine: Engine, frame: pl.DataFrame, tmp_path: Path):
    frame[:2].write_parquet(tmp_path / "1.parquet")
    frame[2:].write_parquet(tmp_path / "2.parquet")
    one, two = tmp_path / "1.parquet", str(tmp_path / "2.parquet")
    assert engine.scan(one).collect().rows() == frame[:2].rows()
    for source in ([one, two], tmp_path, str(tmp_path / "*.parquet")):
        assert engine.scan(source).collect().rows() == frame.rows()


def test_scan_of_nothing_is_refused(engine: Engine, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no Parquet file matches .*none\.parquet"):
        engine.scan(tmp_path / "none.parquet")
    with pytest.raises(FileNotFoundError, match="wanted at least one"):
        engine.scan([])
    with pytest.raises(TypeError, match="cannot scan a int"):
        engine.scan(7)


# --- pair_counts


@pytest.mark.parametrize("min_count", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_pair_counts_are_the_upper_triangle_of_the_product(engine: Engine, min_count: int, seed: int):
    rng = np.random.default_rng(seed)
    baskets = sparse(rng, (300, 60), density=0.1)
    binary = baskets.toarray() != 0
    product = binary.T.astype(int) @ binary
    expected = [
        (a, b, product[a, b]) for a in range(60) for b in range(a + 1, 60) if product[a, b] >= min_count
    ]
    pairs = engine.pair_counts(baskets, min_count=min_count)
    assert list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.count.tolist(), strict=True)) == expected
    assert pairs.item_counts.tolist() == np.diag(product).tolist()
    assert (pairs.baskets, pairs.min_count) == (300, min_count)


def test_values_repeats_and_stored_zeros_do_not_change_pair_counts(engine: Engine):
    plain = csr_matrix([[1, 1, 0], [1, 1, 1]])
    # The same baskets: values other than 1, an entry given twice, an entry that is a stored zero.
    odd = csr_matrix(([2.5, 7, 1, 1, 0, 1, 3], ([0, 0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 2, 1, 2])), shape=(2, 3))
    for baskets in (plain, odd):
        pairs = engine.pair_counts(baskets, min_count=1)
        assert (pairs.a.tolist(), pairs.b.tolist()) == ([0, 0, 1], [1, 2, 2])
        assert pairs.count.tolist() == [2, 1, 1]


def test_pair_counts_leave_the_baskets_as_they_are(engine: Engine):
    baskets = csr_matrix([[3.0, 0, 2.0], [0, 1.0, 5.0]])
    before = baskets.copy()
    engine.pair_counts(baskets, min_count=1)
    assert (baskets != before).nnz == 0
    assert baskets.data.tolist() == before.data.tolist()


def test_many_small_blocks_give_the_same_pairs():
    baskets = sparse(np.random.default_rng(3), (4_000, 1_500), density=0.02)
    whole = LocalEngine(threads=1, block_mib=4_096).pair_counts(baskets, min_count=2)
    cut = LocalEngine(threads=2, block_mib=1).pair_counts(baskets, min_count=2)
    assert len(whole) > 65_536  # more than a block of 1 MiB holds
    assert (whole.a == cut.a).all()
    assert (whole.b == cut.b).all()
    assert (whole.count == cut.count).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (5, 1), (5, 5)])
def test_baskets_without_pairs(engine: Engine, shape: tuple[int, int]):
    pairs = engine.pair_counts(csr_matrix(shape), min_count=1)
    assert len(pairs) == 0
    assert pairs.item_counts.tolist() == [0] * shape[1]


def test_a_min_count_below_one_is_refused(engine: Engine):
    with pytest.raises(ValueError, match="min_count is 0"):
        engine.pair_counts(csr_matrix((2, 2)), min_count=0)


# --- itemsets


def test_itemsets_that_would_not_fit_are_refused_with_a_count_that_fits(engine: Engine):
    baskets = sparse(np.random.default_rng(0), (500, 40), density=0.3)
    with pytest.raises(ItemsetsTooLargeError, match="Ask for") as refused:
        engine.itemsets(baskets, min_count=20, max_bytes=100_000)
    affordable = refused.value.affordable_min_count
    assert affordable > 20
    found = engine.itemsets(baskets, min_count=affordable, max_bytes=100_000)
    assert found.min_count == affordable


def test_itemsets_of_length_two_are_the_pairs(engine: Engine):
    baskets = sparse(np.random.default_rng(0), (200, 20), density=0.2)
    pairs = engine.pair_counts(baskets, min_count=9)
    found = engine.itemsets(baskets, min_count=9, max_length=2)
    assert found.sets == tuple(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    assert found.count.tolist() == pairs.count.tolist()
    with pytest.raises(ValueError, match="max_length is 1"):
        engine.itemsets(baskets, min_count=9, max_length=1)


def test_itemsets_have_exact_counts(engine: Engine):
    baskets = sparse(np.random.default_rng(1), (200, 12), density=0.4)
    held = baskets.toarray() != 0
    found = engine.itemsets(baskets, min_count=10, max_length=4)
    assert max(map(len, found.sets)) == 4
    for items, count in zip(found.sets, found.count, strict=True):
        assert held[:, items].all(axis=1).sum() == count >= 10


# --- neighbours


@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_neighbours_are_the_highest_shrunk_cosines(engine: Engine, shrinkage: float):
    weights = sparse(np.random.default_rng(2), (150, 40), density=0.05)
    dense = weights.toarray()
    norms = np.linalg.norm(dense, axis=0)
    with np.errstate(invalid="ignore"):
        scores = dense.T @ dense / (np.outer(norms, norms) + shrinkage)
    np.fill_diagonal(scores, 0)
    scores = np.nan_to_num(scores)
    found = engine.neighbours(weights, k=7, shrinkage=shrinkage)
    expected = -np.sort(-scores, axis=1)[:, :7]
    assert found.scores == pytest.approx(expected, abs=1e-6)
    assert ((found.items == -1) == (expected == 0)).all()
    rows, ranks = np.nonzero(found.items >= 0)
    assert scores[rows, found.items[rows, ranks]] == pytest.approx(found.scores[rows, ranks], rel=1e-5)


def test_many_small_blocks_give_the_same_neighbours():
    weights = sparse(np.random.default_rng(3), (2_000, 900), density=0.02)
    whole = LocalEngine(threads=1, block_mib=4_096).neighbours(weights, k=20)
    cut = LocalEngine(threads=2, block_mib=1).neighbours(weights, k=20)
    assert (whole.items == cut.items).all()
    assert (whole.scores == cut.scores).all()


def test_items_of_two_aisles_are_no_neighbours(engine: Engine):
    checkerboard = csr_matrix([[(row + column) % 2 == 0 for column in range(10)] for row in range(8)])
    found = engine.neighbours(checkerboard, k=6)
    for item, near in enumerate(found.items.tolist()):
        assert near == [other for other in range(item % 2, 10, 2) if other != item] + [-1, -1]
    assert found.scores[:, :4] == pytest.approx(1.0)
    assert (found.scores[:, 4:] == 0).all()


def test_neighbours_of_nothing(engine: Engine):
    assert engine.neighbours(csr_matrix((3, 0)), k=2).items.shape == (0, 2)
    assert engine.neighbours(csr_matrix((0, 3)), k=2).items.tolist() == [[-1, -1]] * 3


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_refused(engine: Engine, weight: float):
    with pytest.raises(ValueError, match="negative or not finite"):
        engine.neighbours(csr_matrix([[1.0, weight]]), k=1)


def test_equal_scores_go_to_the_lower_column():
    scores = csr_matrix([[0.5, 0.7, 0.5, 0.5, 0.7], [0, 0, 0, 0, 0.1], [0, 0, 0, 0, 0]])
    best = best_per_row(scores, k=3)
    assert best.items.tolist() == [[1, 4, 0], [4, -1, -1], [-1, -1, -1]]
    assert best.scores.tolist()[1:] == [[pytest.approx(0.1), 0, 0], [0, 0, 0]]


# --- factorise and top_n


def two_aisles(*, customers: int = 60, items: int = 20) -> csr_matrix:
    """Even customers buy even items, odd customers odd ones; the diagonal is held out."""
    dense = [[(c + i) % 2 == 0 and i != c % items for i in range(items)] for c in range(customers)]
    return csr_matrix(np.array(dense, dtype=np.float32))


def fit(engine: Engine, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    factors = engine.factorise(
        two_aisles(),
        factors=4,
        regularization=0.01,
        alpha=10.0,
        iterations=15,
        rng=np.random.default_rng(seed),
    )
    return factors.rows, factors.items


def test_factors_find_the_held_out_items(engine: Engine):
    rows, items = fit(engine)
    assert rows.shape == (60, 4)
    assert items.shape == (20, 4)
    best = engine.top_n(rows, items, n=1, exclude=two_aisles())
    assert best.items[:, 0].tolist() == [customer % 20 for customer in range(60)]


def test_the_same_seed_gives_the_same_factors(engine: Engine):
    if not engine.reproducible:
        pytest.skip("this backend does not promise it")
    (one, _), (same, _), (other, _) = fit(engine, 1), fit(engine, 1), fit(engine, 2)
    assert (one == same).all()
    assert not (one == other).all()


def test_a_customer_without_data_has_zero_factors(engine: Engine):
    matrix = csr_matrix(np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]], dtype=np.float32))
    found = engine.factorise(
        matrix, factors=2, regularization=0.1, alpha=1.0, iterations=3, rng=np.random.default_rng(0)
    )
    assert found.rows[1].tolist() == [0, 0]
    assert np.isfinite(found.rows).all()


@pytest.mark.parametrize("matrix", [csr_matrix((3, 3)), csr_matrix([[np.nan, 1.0]])])
def test_interactions_that_cannot_be_factorised_are_refused(engine: Engine, matrix: csr_matrix):
    with pytest.raises(ValueError, match="wanted"):
        engine.factorise(
            matrix, factors=2, regularization=0.1, alpha=1.0, iterations=1, rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("n", [1, 3, 50])
def test_top_n_is_the_sorted_product_without_what_is_forbidden(engine: Engine, n: int):
    rng = np.random.default_rng(5)
    users, items = (rng.normal(size=(rows, 8)).astype(np.float32) for rows in (70, 30))
    exclude = sparse(rng, (70, 30), density=0.3)
    allowed = rng.random(30) < 0.7
    scores = np.where((exclude.toarray() != 0) | ~allowed, -np.inf, users @ items.T)
    found = engine.top_n(users, items, n=n, exclude=exclude, allowed=allowed)
    assert found.items.shape == found.scores.shape == (70, n)
    for row in range(70):
        order = np.argsort(-scores[row])
        left = order[np.isfinite(scores[row][order])][:n].tolist()
        assert found.items[row].tolist() == left + [-1] * (n - len(left))
        assert found.scores[row, : len(left)] == pytest.approx(scores[row][left], rel=1e-4, abs=1e-5)
        assert (found.scores[row, len(left) :] == 0).all()


def test_top_n_in_blocks_of_users():
    rng = np.random.default_rng(6)
    users, items = (rng.normal(size=(rows, 4)).astype(np.float32) for rows in (3_000, 400))
    exclude = sparse(rng, (3_000, 400), density=0.1)
    one = LocalEngine(threads=1, block_mib=1).top_n(users, items, n=5, exclude=exclude)  # 655 users a block
    whole = LocalEngine(threads=1, block_mib=512).top_n(users, items, n=5, exclude=exclude)
    assert (one.items == whole.items).all()


def test_top_n_when_nothing_is_allowed(engine: Engine):
    ones = np.ones((2, 3), dtype=np.float32)
    found = engine.top_n(ones, ones, n=2, allowed=np.zeros(2, dtype=np.bool_))
    assert found.items.tolist() == [[-1, -1], [-1, -1]]
    assert found.scores.tolist() == [[0, 0], [0, 0]]


def test_top_n_refuses_what_does_not_fit(engine: Engine):
    ones = np.ones((2, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="wanted as many"):
        engine.top_n(ones, np.ones((2, 4), dtype=np.float32), n=1)
    with pytest.raises(ValueError, match="not finite"):
        engine.top_n(ones * np.float32(np.nan), ones, n=1)
    with pytest.raises(ValueError, match=r"exclude is \(1, 2\)"):
        engine.top_n(ones, ones, n=1, exclude=csr_matrix((1, 2)))
    with pytest.raises(ValueError, match="wanted booleans"):
        engine.top_n(ones, ones, n=1, allowed=np.array([0, 1]))
    with pytest.raises(ValueError, match="n is 0"):
        engine.top_n(ones, ones, n=0)


# --- cluster


def test_clusters_that_lie_apart_are_found(engine: Engine):
    rng = np.random.default_rng(0)
    true = rng.integers(3, size=300)
    points = np.array([[0, 0], [10, 0], [0, 10]])[true] + rng.normal(size=(300, 2))
    found = engine.cluster(points, k=3, rng=rng)
    assert found.labels.shape == (300,)
    assert len({(a, b) for a, b in zip(true.tolist(), found.labels.tolist(), strict=True)}) == 3
    assert found.inertia == pytest.approx(((points - found.centres[found.labels]) ** 2).sum(), rel=1e-6)


def test_too_few_or_unknown_points_are_refused(engine: Engine):
    with pytest.raises(ValueError, match="k is 3 for 2 points"):
        engine.cluster(np.zeros((2, 2)), k=3, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="not finite"):
        engine.cluster(np.array([[np.nan], [1.0]]), k=1, rng=np.random.default_rng(0))


# --- the front door


def test_the_default_engine_is_the_local_one_and_is_made_once():
    assert isinstance(get_engine(), LocalEngine)
    assert get_engine() is get_engine("default")


def test_a_changed_setting_makes_new_engines():
    before = get_engine()
    engines = {
        "default": {"BACKEND": LOCAL, "OPTIONS": {"threads": 1, "block_mib": 8}},
        "big": {"BACKEND": LOCAL},
    }
    with override_settings(ENGINES=engines):
        inside = get_engine()
        assert isinstance(inside, LocalEngine)
        assert (inside.threads, inside.block_bytes) == (1, 8 * 2**20)
        assert engine_aliases() == ["default", "big"]
    assert get_engine() is not inside
    assert type(get_engine()) is type(before)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"BACKEND": "nowhere.Engine"}, "'nowhere.Engine' cannot be imported"),
        ({"BACKEND": "pathlib.Path"}, "no subclass"),
        ({"BACKEND": LOCAL, "OPTIONS": {"cores": 2}}, "does not take the OPTIONS"),
        ({"BACKEND": LOCAL, "OPTIONS": {"threads": 0}}, "threads is 0"),
        ({"BACKEND": LOCAL, "OPTION": {}}, "wanted BACKEND"),
        ({}, "wanted BACKEND"),
    ],
)
def test_an_entry_that_is_no_engine_is_refused(entry: dict, message: str):
    with override_settings(ENGINES={"default": entry}), pytest.raises(ImproperlyConfigured, match=message):
        get_engine()


def test_an_unknown_alias_is_refused_with_the_known_ones():
    with (
        override_settings(ENGINES={"default": {"BACKEND": LOCAL}}),
        pytest.raises(ImproperlyConfigured, match="no engine 'spark', only: default"),
    ):
        get_engine("spark")


def test_more_threads_than_processors_is_a_problem():
    assert LocalEngine().check() == []
    (problem,) = LocalEngine(threads=10_000).check()
    assert "10000" in problem.message
    assert "threads" in problem.hint


def test_an_arrow_table_keeps_64_bit_ids(engine: Engine):
    table = pa.table({"order": pa.array([2**60 + 1], pa.int64())})
    assert engine.scan(table).collect().rows() == [(2**60 + 1,)]
