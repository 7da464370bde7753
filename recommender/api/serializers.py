"""Shapes of the answers on products."""

from typing import Any

from rest_framework import serializers

from recommender.serving.reasons import Code, Source


class WarningSerializer(serializers.Serializer[Any]):
    """Something that did not stop the answer but changed it."""

    code = serializers.CharField()
    detail = serializers.CharField()


class AnchorSerializer(serializers.Serializer[Any]):
    """The product behind a recommendation."""

    product_id = serializers.CharField()
    title = serializers.CharField()


class ReasonSerializer(serializers.Serializer[Any]):
    """Why an item is shown."""

    code = serializers.ChoiceField(choices=[(code.value, code.value) for code in Code])
    text = serializers.CharField(help_text="For shoppers, in English.")
    anchor = AnchorSerializer(allow_null=True)


class ItemSerializer(serializers.Serializer[Any]):
    """A product to show."""

    product_id = serializers.CharField()
    title = serializers.CharField()
    price = serializers.CharField(allow_null=True, help_text="A decimal number, like 12.50.")
    usual_price = serializers.CharField(
        allow_null=True,
        help_text="Where the shop has told no price: what one unit was mostly sold for lately. Not an offer.",
    )
    currency = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    image_url = serializers.CharField(allow_blank=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[(source.value, source.value) for source in Source],
        help_text="The rung of the fallback ladder.",
    )
    reason = ReasonSerializer()
    rank = serializers.IntegerField(help_text="1 is the first.")


class RecommendationsSerializer(serializers.Serializer[Any]):
    """A list of products, best first."""

    recommendation_id = serializers.CharField(help_text="Send it along with clicks and orders that follow.")
    items = ItemSerializer(many=True)
    warnings = WarningSerializer(many=True)


class GuessSerializer(serializers.Serializer[Any]):
    """Three lists after an order; no product is in two of them."""

    recommendation_id = serializers.CharField(help_text="Send it along with clicks and orders that follow.")
    for_you = ItemSerializer(many=True, help_text="What this customer may like.")
    cross = ItemSerializer(many=True, help_text="What goes with what was bought.")
    up = ItemSerializer(
        many=True,
        help_text="The same kind, of a higher price tier or with more margin, within what the customer accepts.",
    )
    warnings = WarningSerializer(many=True)


class RuleSerializer(serializers.Serializer[Any]):
    """Who buys all of the antecedent also buys all of the consequent."""

    antecedent = serializers.ListField(child=serializers.CharField(), help_text="Product ids.")
    consequent = serializers.ListField(child=serializers.CharField(), help_text="Product ids.")
    antecedent_titles = serializers.ListField(child=serializers.CharField())
    consequent_titles = serializers.ListField(child=serializers.CharField())
    count = serializers.IntegerField(help_text="Baskets with all of them.")
    support = serializers.FloatField(help_text="Share of all baskets.")
    confidence = serializers.FloatField(
        help_text="Share of the baskets with the antecedent that have the consequent."
    )
    lift = serializers.FloatField(help_text="Confidence over the consequent's share of all baskets.")
    leverage = serializers.FloatField(help_text="Support minus what independence would give.")
    text = serializers.CharField(help_text="The rule in words.")


class RulesSerializer(serializers.Serializer[Any]):
    """A page of rules."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    as_of = serializers.DateField(allow_null=True, help_text="The day they were computed for; null: not yet.")
    baskets = serializers.IntegerField(allow_null=True, help_text="Baskets behind the rules.")
    results = RuleSerializer(many=True)


class MatrixSerializer(serializers.Serializer[Any]):
    """How often products are bought together; row X, column Y."""

    products = serializers.ListField(
        child=serializers.CharField(), help_text="Product ids, in the order of rows."
    )
    titles = serializers.ListField(child=serializers.CharField())
    baskets = serializers.IntegerField(allow_null=True, help_text="All baskets.")
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(allow_null=True)),
        help_text="Baskets with both; diagonal: baskets with the product. null: fewer than `pair_floor`.",
    )
    confidence = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="Share of the baskets with X that have Y; null on the diagonal and where the count is.",
    )
    pair_floor = serializers.IntegerField(allow_null=True, help_text="Pairs in fewer baskets are not kept.")
    as_of = serializers.DateField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())
