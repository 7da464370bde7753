"""What people wrote and searched, as topics: computed results, and the words that staff add to the vocabulary."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.engine.models import Run
from precision.shop.models.catalogue import Category, Product
from precision.shop.models.organisation import Platform
from precision.shop.models.parties import Identity


class InterestWord(models.Model):
    """A word or phrase that staff tell to mean a topic, or to mean nothing."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="interest_words", db_index=False)
    word = models.CharField(
        max_length=100, help_text="As people write it: a word, a phrase, or Chinese characters."
    )
    topic = models.CharField(
        max_length=100,
        blank=True,
        help_text="What it says about a person, like “jacket”; empty: the word says nothing and is left out.",
    )
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "word"], name="precision_interest_word_once"),
        ]

    def __str__(self) -> str:
        return f"{self.word} → {self.topic or 'nothing'}"


class Interest(models.Model):
    """That an identity wants something, from its own words: comments, chat, reviews and search words."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    identity = models.ForeignKey(Identity, models.CASCADE, related_name="interests", db_index=False)
    topic = models.CharField(max_length=100)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="+")
    score = models.FloatField(
        help_text="Mentions, each halved with every half-life since; wishes count more."
    )
    mentions = models.IntegerField(help_text="Texts that name it; those that decline it are not counted.")
    last_at = models.DateTimeField(help_text="When it was last named.")
    events = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="Numbers of the newest events that name it: the evidence.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["identity", "topic", "run"], name="precision_interest_once"),
        ]
        indexes = [models.Index(fields=["run", "topic"], name="precision_interest_topic")]

    def __str__(self) -> str:
        return f"wants {self.topic}"


class StorePair(models.Model):
    """Two products that are among the best sellers of the same stores in the same months."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    first = models.ForeignKey(Product, models.CASCADE, related_name="+")
    second = models.ForeignKey(Product, models.CASCADE, related_name="+")
    count = models.IntegerField(help_text="Store-months in which both are among the best sellers.")
    support = models.FloatField(help_text="Share of all store-months.")
    lift = models.FloatField(help_text="How many times as often as by chance.")
    confidence = models.FloatField(
        help_text="Share of the store-months of the first that have the second too."
    )
    confidence_back = models.FloatField(
        help_text="Share of the store-months of the second that have the first too."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "first", "second"], name="precision_store_pair_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} + {self.second_id}"
