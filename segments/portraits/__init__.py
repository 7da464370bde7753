"""Portraits: what is known of a customer or of a group of customers, beside everyone."""

from segments.portraits.attributes import age
from segments.portraits.customer import portrait
from segments.portraits.group import group_portrait
from segments.portraits.habits import JOB, WINDOW_DAYS

__all__ = ["JOB", "WINDOW_DAYS", "age", "group_portrait", "portrait"]
