"""A generated shop for the benchmark of slots: people, products, orders, and the results of every job, made in SQL."""

from typing import Any, Final

import psycopg

PER_CUSTOMER_ACTIVE: Final = 10
"""Every so many customers one is active: has a class, orders and lists."""
CATEGORIES: Final = 200
ITEMS: Final = 100
JOBS: Final = ("price-classes", "recommendations", "popularity", "similar", "rules", "segments")
# Products are drawn with a skew: a few are in very many lists, most in hardly any.
_DRAWN: Final = "(1 + floor(power(random(), 3) * %(products)s))::bigint"
_STATEMENTS: Final = (
    "SELECT setseed(0.5)",
    "INSERT INTO precision_shop_category (platform_id, path, derived) "
    "SELECT 1, ARRAY['Group ' || n %% 20, 'Category ' || n], false FROM generate_series(1, %(categories)s) AS n",
    "INSERT INTO precision_shop_product (platform_id, external_id, title, category_id, price, currency, brand, url, "
    "image_url, in_stock, active, labels, traits, listed, aliases, updated_at) "
    "SELECT 1, 'p' || n, 'Product number ' || n, 1 + n %% %(categories)s, 1 + (n * 7919) %% 100, 'EUR', "
    "'Brand ' || n %% 100, 'https://shop.example/p/' || n, 'https://shop.example/i/' || n || '.jpg', n %% 50 > 0, "
    "true, '{}', '{}', true, '{}', now() FROM generate_series(1, %(products)s) AS n",
    "INSERT INTO precision_shop_customer (organisation_id, created_at) "
    "SELECT 1, now() FROM generate_series(1, %(customers)s)",
    "INSERT INTO precision_shop_identity (platform_id, kind, value, customer_id, created_at) "
    "SELECT 1, 'customer_id', 'c' || n, n, now() FROM generate_series(1, %(customers)s) AS n",
    "INSERT INTO precision_engine_run (job, scope, as_of, status, engine, parameters, rows, measures, error, holder, "
    "started_at) SELECT job, 'shop', current_date, 'published', '', '{}', '{}', '{}', '', '', now() "
    "FROM unnest(%(jobs)s::text[]) WITH ORDINALITY AS j (job, n) ORDER BY n",
    "INSERT INTO precision_engine_publication (job, scope, run_id, published_at) "
    "SELECT job, scope, id, now() FROM precision_engine_run",
    "INSERT INTO precision_segments_productprice (run_id, product_id, usual_price, price_position, discount_share, "
    "lines) SELECT 1, n, 1 + (n * 7919) %% 100, random(), random() * 0.4, 1 + (%(products)s / n) FROM "
    "generate_series(1, %(products)s) AS n",
    "INSERT INTO precision_segments_customerclass (run_id, customer_id, letter, reason, spend, saved, list_value, "
    "orders, lines, positioned_lines) SELECT 1, n, substr('ABCC', 1 + (n / %(every)s)::int %% 4, 1), 'neither', 50, 1, "
    "51, 2, 6, 6 FROM generate_series(%(every)s, %(customers)s, %(every)s) AS n",
    "INSERT INTO precision_shop_order (platform_id, external_id, identity_id, placed_at, status, currency, channel, "
    "coupon, payment_method, context, fingerprint, received_at) "
    "SELECT 1, 'o' || n, %(every)s * (1 + n %% (%(customers)s / %(every)s)), now() - (n %% 90) * interval '1 day', "
    "'completed', 'EUR', 'web', '', '', '{}', 0, now() FROM generate_series(1, 2 * %(customers)s / %(every)s) AS n",
    f"INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price) SELECT o, {_DRAWN}, 1, 5 "
    "FROM generate_series(1, 2 * %(customers)s / %(every)s) AS o, generate_series(1, 3) AS l",
    f"CREATE TEMPORARY TABLE drawn AS SELECT array_agg(DISTINCT p) AS items FROM ("
    f"SELECT g, {_DRAWN} AS p FROM generate_series(1, 20000) AS g, generate_series(1, {ITEMS}) AS i) AS d GROUP BY g",
    "CREATE TEMPORARY TABLE lists AS SELECT row_number() OVER () AS n, items, cardinality(items) AS length FROM drawn",
    "INSERT INTO precision_recommender_customerlist (run_id, kind, customer_id, items, scores, sources, anchors) "
    "SELECT 2, 'for-you', c, items, array_fill(0.5::float8, ARRAY[length]), "
    "array_fill('item-item'::varchar, ARRAY[length]), array_fill(NULL::bigint, ARRAY[length]) "
    "FROM generate_series(%(every)s, %(customers)s, %(every)s) AS c JOIN lists ON n = 1 + c / %(every)s %% 20000",
    "INSERT INTO precision_recommender_customerlist (run_id, kind, customer_id, items, scores, sources, anchors) "
    "SELECT 2, 'buy-again', c, items[1:8], array_fill(0.5::float8, ARRAY[8]), "
    "array_fill('buy-again'::varchar, ARRAY[8]), items[1:8] "
    "FROM generate_series(%(every)s, %(customers)s, %(every)s) AS c JOIN lists ON n = 1 + (c / %(every)s + 7) %% 20000",
    "INSERT INTO precision_recommender_popularlist (run_id, kind, days, \"group\", items, scores) "
    "SELECT 3, kind, days, g, ARRAY(SELECT i FROM generate_series(1, 200) AS i "
    "ORDER BY (i * days * 31 + g_n * 17) %% 199), array_fill(1.0::float8, ARRAY[200]) "
    "FROM unnest(ARRAY['popular', 'trending']) AS kind, unnest(ARRAY[7, 30, 90]) AS days, "
    "(SELECT 'all' AS g, 0 AS g_n UNION ALL SELECT 'class:' || c, 1 FROM unnest(ARRAY['A', 'B', 'C']) AS c "
    "UNION ALL SELECT 'category:' || n, n FROM generate_series(1, %(categories)s) AS n) AS groups",
    "INSERT INTO precision_recommender_productlist (run_id, kind, product_id, items, scores) "
    "SELECT CASE kind WHEN 'similar' THEN 4 ELSE 5 END, kind, p, items[1:30], array_fill(0.5::float8, ARRAY[30]) "
    "FROM unnest(ARRAY['similar', 'bought-together']) AS kind, generate_series(1, %(products)s) AS p "
    "JOIN lists ON n = 1 + p %% 20000",
    "VACUUM ANALYZE",
)  # fmt: skip


def build(link: "psycopg.Connection[Any]", *, customers: int, products: int) -> None:
    """Fill an empty installation whose platform 1, with the key `shop`, is new; `link` commits each statement."""
    given = {
        "customers": customers, "products": products, "categories": CATEGORIES, "every": PER_CUSTOMER_ACTIVE,
        "jobs": list(JOBS),
    }  # fmt: skip
    for statement in _STATEMENTS:
        # Bound by psycopg and not by the server: not every one of these statements takes parameters.
        with psycopg.ClientCursor(link) as cursor:
            cursor.execute(statement, given if "%" in statement else None)
