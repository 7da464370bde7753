"""Forgetting a person: their names, words and traces go, the figures stay.

`request` notes that somebody is to be erased, `advance` does it: all tables in one transaction, then what lies outside
them (files, staff's log, sessions, dead rows on disk). A process that is killed in between leaves the rest to the next
one, which calls `advance_all`. What is kept of an erased person, and why, stands in docs/privacy.md.
"""

from precision.shop.erasure.erasing import advance, advance_all, erase_customer, request
from precision.shop.erasure.subject import Subject, of_customer, of_identity

__all__ = ["Subject", "advance", "advance_all", "erase_customer", "of_customer", "of_identity", "request"]
