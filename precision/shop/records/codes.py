"""Why a value or a row is refused."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Code(StrEnum):
    """Why a value is refused; the words for people are in REASONS."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NUL = "nul_character"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NEGATIVE = "negative"
    ZERO = "zero"
    NOT_A_TIME = "not_a_time"
    TOO_EARLY = "too_early"
    IN_FUTURE = "in_future"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_CHOICE = "not_a_choice"
    BAD_CURRENCY = "bad_currency"
    BAD_ADDRESS = "bad_address"
    TOO_MANY_FIELDS = "too_many_fields"
    BAD_LINE = "bad_line"
    UNKNOWN_ORDER = "unknown_order"
    NO_LINES = "no_lines"
    BOT = "bot"
    EVENT_TOO_LARGE = "event_too_large"
    UNUSABLE = "unusable"
    NOT_TEXT = "not_a_text"
    NOT_UNICODE = "not_unicode"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    UNKNOWN_FIELD = "unknown_field"
    UNUSABLE_IDENTITY = "unusable_identity"


REASONS: Final = MappingProxyType(
    {
        Code.MISSING: "The value is missing, and nothing can stand for it.",
        Code.TOO_LONG: "The text is longer than the field keeps.",
        Code.NUL: "The text contains a NUL character, which PostgreSQL cannot keep.",
        Code.NOT_A_NUMBER: "This is no finite number; write it like 12.50.",
        Code.OUT_OF_RANGE: "The number is beyond what the field keeps.",
        Code.NEGATIVE: "The value must not be negative.",
        Code.ZERO: "A quantity of zero says nothing.",
        Code.NOT_A_TIME: "This is no time; write it like 2024-05-31T14:30:00+02:00.",
        Code.TOO_EARLY: "The time lies before the year 1900.",
        Code.IN_FUTURE: "The time lies in the future.",
        Code.NOT_A_BOOLEAN: "This is neither true nor false.",
        Code.NOT_A_CHOICE: "The field does not know this value.",
        Code.BAD_CURRENCY: "A currency is written as three letters, like GBP.",
        Code.BAD_ADDRESS: "An address begins with http:// or https://.",
        Code.TOO_MANY_FIELDS: "The row has more fields than the file has columns.",
        Code.BAD_LINE: "The line is no JSON object.",
        Code.UNKNOWN_ORDER: "There is no usable order of this number.",
        Code.NO_LINES: "The order has no usable line.",
        Code.BOT: "The user agent is that of a bot.",
        Code.EVENT_TOO_LARGE: "The event is larger than 32 KiB.",
        Code.UNUSABLE: "The database cannot keep this value.",
        Code.NOT_TEXT: "A text or a number is wanted here.",
        Code.NOT_UNICODE: "The text holds half of a surrogate pair, which is no character.",
        Code.NOT_AN_OBJECT: "An object, names with values, is wanted here.",
        Code.NOT_A_LIST: "A list is wanted here.",
        Code.TOO_DEEP: "The value is nested more than 32 levels deep.",
        Code.TOO_LARGE: "The object is larger than the 64 KiB that the field keeps.",
        Code.UNKNOWN_FIELD: "There is no such field, and nowhere to keep what is unknown.",
        Code.UNUSABLE_IDENTITY: "This value names nobody: it is blocked, or malformed.",
    }
)
