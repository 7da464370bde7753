"""All that an answer wants to know of a person, from one call.

A function and no statement: PostgreSQL keeps the plans of its queries for the life of a connection, while planning one
large statement takes longer than everything it does. Generic plans are forced, because else PostgreSQL takes the
promise of a slightly better one for a reason to plan anew at every call. A change is a new function under a new
number, so that processes of both versions can run side by side.
"""

from django.db import migrations

LOOK = """
CREATE FUNCTION precision_recommender_look_1(
    in_platform bigint, in_identity bigint, in_customer text, in_anonymous text, in_trusted boolean,
    in_since timestamptz, in_classes bigint, in_stages bigint, in_segments bigint, in_lists bigint,
    in_lines integer, in_events integer, in_items integer,
    OUT known bigint, OUT visitor bigint, OUT person bigint, OUT letter text, OUT stage text, OUT segments text[],
    OUT bought bigint[], OUT seen_products bigint[], OUT seen_events text[], OUT seen_last double precision,
    OUT list_items bigint[], OUT list_sources text[], OUT list_anchors bigint[], OUT list_scores double precision[],
    OUT again_items bigint[], OUT again_sources text[], OUT again_anchors bigint[], OUT again_scores double precision[]
) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    linked bigint;
    own bigint[];
BEGIN
    IF in_identity IS NOT NULL THEN
        SELECT i.id, i.customer_id INTO known, person FROM precision_shop_identity i
        WHERE i.id = in_identity AND i.platform_id = in_platform;
    ELSIF in_customer IS NOT NULL THEN
        SELECT i.id, i.customer_id INTO known, person FROM precision_shop_identity i
        WHERE i.platform_id = in_platform AND i.kind = 'customer_id' AND i.value = in_customer;
    END IF;
    IF in_anonymous IS NOT NULL THEN
        SELECT i.id, i.customer_id INTO visitor, linked FROM precision_shop_identity i
        WHERE i.platform_id = in_platform AND i.kind = 'anonymous_id' AND i.value = in_anonymous;
        -- Anybody's browser could say whose it is: only a verified link to a known identity opens the person.
        IF known IS NULL AND in_trusted AND visitor IS NOT NULL AND (
            EXISTS (
                SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity o ON o.id = l.second_id
                WHERE l.first_id = visitor AND l.status = 'active' AND l.verified
                    AND o.customer_id = linked AND o.kind <> 'anonymous_id')
            OR EXISTS (
                SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity o ON o.id = l.first_id
                WHERE l.second_id = visitor AND l.status = 'active' AND l.verified
                    AND o.customer_id = linked AND o.kind <> 'anonymous_id')
        ) THEN
            person := linked;
        END IF;
    END IF;
    IF person IS NOT NULL THEN
        SELECT array_agg(i.id) INTO own FROM precision_shop_identity i WHERE i.customer_id = person;
        IF in_classes IS NOT NULL THEN
            SELECT c.letter INTO letter FROM precision_segments_customerclass c
            WHERE c.run_id = in_classes AND c.customer_id = person;
        END IF;
        IF in_stages IS NOT NULL THEN
            SELECT s.stage INTO stage FROM precision_segments_stagenow s
            WHERE s.run_id = in_stages AND s.customer_id = person;
        END IF;
        IF in_segments IS NOT NULL THEN
            SELECT array_agg(s.key ORDER BY s.key) INTO segments
            FROM precision_segments_segmentmember m JOIN precision_segments_segment s ON s.id = m.segment_id
            WHERE m.run_id = in_segments AND m.customer_id = person;
        END IF;
        IF in_lists IS NOT NULL THEN
            SELECT l.items[1:in_items], l.sources[1:in_items], l.anchors[1:in_items], l.scores[1:in_items]
            INTO list_items, list_sources, list_anchors, list_scores
            FROM precision_recommender_customerlist l
            WHERE l.run_id = in_lists AND l.kind = 'for-you' AND l.customer_id = person;
            SELECT l.items[1:in_items], l.sources[1:in_items], l.anchors[1:in_items], l.scores[1:in_items]
            INTO again_items, again_sources, again_anchors, again_scores
            FROM precision_recommender_customerlist l
            WHERE l.run_id = in_lists AND l.kind = 'buy-again' AND l.customer_id = person;
        END IF;
    END IF;
    IF visitor IS NOT NULL THEN
        own := array_append(own, visitor);
    END IF;
    IF own IS NOT NULL THEN
        SELECT array_agg(ARRAY[coalesce(p.same_as_id, p.id), p.category_id] ORDER BY l.placed_at DESC, l.id)
        INTO bought
        FROM (
            SELECT d.id, d.product_id, o.placed_at
            -- OFFSET 0: the planner must not look for the person's orders among the latest of the platform.
            FROM (
                SELECT s.id, s.identity_id, s.placed_at, s.platform_id, s.confirmed, s.status
                FROM precision_shop_order s WHERE s.identity_id = ANY(own) OFFSET 0) AS o
            JOIN precision_shop_orderline d ON d.order_id = o.id
            WHERE o.platform_id = in_platform AND (o.confirmed OR o.identity_id = visitor)
                AND o.status <> 'cancelled' AND o.status <> 'returned' AND d.quantity > 0
            ORDER BY o.placed_at DESC, d.id LIMIT in_lines) AS l
        JOIN precision_shop_product p ON p.id = l.product_id;
    END IF;
    IF known IS NOT NULL OR visitor IS NOT NULL THEN
        SELECT array_agg(coalesce(p.same_as_id, p.id) ORDER BY e.at DESC), array_agg(e.name ORDER BY e.at DESC),
            extract(epoch FROM max(e.at))
        INTO seen_products, seen_events, seen_last
        FROM (
            SELECT f.product_id, f.name, f.at
            FROM unnest(ARRAY[known, visitor]) AS who, LATERAL (
                SELECT v.product_id, v.name, v.at FROM precision_shop_event v
                WHERE v.identity_id = who AND v.product_id IS NOT NULL
                    AND v.received_at >= in_since AND v.at >= in_since
                ORDER BY v.at DESC LIMIT in_events) AS f
            ORDER BY f.at DESC LIMIT in_events) AS e
        JOIN precision_shop_product p ON p.id = e.product_id;
    END IF;
END $$
"""
DROP = "DROP FUNCTION precision_recommender_look_1"


class Migration(migrations.Migration):
    dependencies = [
        ("precision_recommender", "0003_quality_of_recommendations"),
        ("precision_segments", "0013_flows_count_people"),
        ("precision_shop", "0014_positions_of_products"),
    ]
    operations = [migrations.RunSQL(LOOK, DROP)]
