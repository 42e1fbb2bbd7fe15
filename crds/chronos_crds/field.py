"""One field of a cron expression: its bounds and words, and what its text means.

A field becomes plain numbers, marks (L, W, #) that depend on the month, and spans of which H picks
numbers by the job's UID. Positions of mistakes count from the start of the field's own text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from hashlib import sha256

FIRST_YEAR = 1970
LAST_YEAR = 2099

MONTHS = tuple("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())
WEEKDAYS = tuple("SUN MON TUE WED THU FRI SAT".split())


class CronError(ValueError):
    """An expression that cannot be read or can never fire; ``position`` counts from 0."""

    def __init__(self, message: str, *, position: int, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.remedy = remedy

    def moved(self, by: int) -> CronError:
        """The same mistake, seen from ``by`` characters further left."""
        return CronError(self.message, position=self.position + by, remedy=self.remedy)


@dataclass(frozen=True)
class Field:
    """One place in an expression: its name, its bounds, its words."""

    name: str
    low: int
    high: int
    # Where a star and an open step end; Unix' weekday 7 is only another name of Sunday.
    last: int
    words: tuple[str, ...] = ()
    first_word: int = 0
    # Where H ends: a day of the month that each month has.
    hash_last: int = 0
    # Quartz lets ranges run over the end: 22-2 is 22, 23, 0, 1, 2.
    wraps: bool = False
    # What the number of Sunday is called, where this is the day of the week.
    sunday: int | None = None

    @property
    def is_day(self) -> bool:
        return self.name == "day of month"

    @property
    def is_weekday(self) -> bool:
        return self.sunday is not None

    @property
    def bounds(self) -> str:
        """What may stand here, in words."""
        words = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
        return f"a number from {self.low} to {self.high}{words}"


def _layout(*, quartz: bool) -> tuple[Field, ...]:
    sunday = 1 if quartz else 0
    return (
        Field("second", 0, 59, 59, hash_last=59, wraps=quartz),
        Field("minute", 0, 59, 59, hash_last=59, wraps=quartz),
        Field("hour", 0, 23, 23, hash_last=23, wraps=quartz),
        Field("day of month", 1, 31, 31, hash_last=28, wraps=quartz),
        Field("month", 1, 12, 12, MONTHS, 1, hash_last=12, wraps=quartz),
        Field(
            "day of week", sunday, 7, 6 + sunday, WEEKDAYS, sunday, 6 + sunday, quartz, sunday
        ),
        Field("year", FIRST_YEAR, LAST_YEAR, LAST_YEAR),
    )  # fmt: skip


# Second to year; five-field expressions begin with the minute.
UNIX = _layout(quartz=False)
QUARTZ = _layout(quartz=True)


class MarkKind(Enum):
    """What a day that depends on the month is counted from."""

    LAST_DAY = auto()  # L, L-3
    NEAREST_WORKDAY = auto()  # 15W
    LAST_WORKDAY = auto()  # LW, L-3W
    LAST_WEEKDAY = auto()  # 6L
    NTH_WEEKDAY = auto()  # 6#3


@dataclass(frozen=True)
class Mark:
    """A day that depends on the month.

    ``number`` is a day, days before the last day, or a weekday (0 = Sunday); ``nth`` from 1 to 5.
    """

    kind: MarkKind
    number: int
    nth: int = 0


@dataclass(frozen=True)
class HashSpan:
    """The numbers of which H picks: one, or where there is a step one in each step."""

    low: int
    high: int
    step: int | None = None

    @property
    def size(self) -> int:
        """How many different picks there are."""
        whole = self.high - self.low + 1
        return whole if self.step is None else min(self.step, whole)

    def choice(self, number: int) -> range:
        """One of the picks, counted from 0."""
        low = self.low + number
        return range(low, low + 1) if self.step is None else range(low, self.high + 1, self.step)

    def pick(self, uid: str, name: str) -> range:
        """The numbers for that job; the fields of one job are independent of each other."""
        digest = sha256(f"{uid}/{name}".encode("utf-8", "replace")).digest()
        return self.choice(int.from_bytes(digest[:8], "big") % self.size)


@dataclass(frozen=True)
class FieldValue:
    """What a field's text means; weekdays count from 0, Sunday."""

    text: str
    numbers: frozenset[int]
    marks: frozenset[Mark]
    spans: tuple[HashSpan, ...]
    # Whether it restricts nothing: *, ? or */1 alone or in a list.
    is_free: bool
    field: Field

    def numbers_of(self, uid: str) -> frozenset[int]:
        """The numbers for the job with that UID."""
        if not self.spans:
            return self.numbers
        picked = {number for span in self.spans for number in span.pick(uid, self.field.name)}
        return self.numbers | _counted_from_sunday(picked, self.field)


@dataclass
class _Parts:
    """What the parts of a list add up to."""

    numbers: set[int] = field(default_factory=set)
    marks: set[Mark] = field(default_factory=set)
    spans: list[HashSpan] = field(default_factory=list)
    is_free: bool = False


@lru_cache(maxsize=4096)
def read_field(text: str, field: Field) -> FieldValue:
    """What the text of a field means; raises CronError. Cached, because fields repeat heavily."""
    if text == "?" and not (field.is_day or field.is_weekday):
        raise CronError(
            f"'?' in the {field.name}",
            position=0,
            remedy="'?' may stand only for the day of month or the day of week: write *",
        )
    parts, position = _Parts(), 0
    for part in text.split(","):
        _read_part(part, position, field, parts)
        position += len(part) + 1
    return FieldValue(
        text=text,
        numbers=_counted_from_sunday(parts.numbers, field),
        marks=frozenset(parts.marks),
        spans=tuple(parts.spans),
        is_free=parts.is_free,
        field=field,
    )


def _counted_from_sunday(numbers: set[int], field: Field) -> frozenset[int]:
    if field.sunday is None:
        return frozenset(numbers)
    return frozenset((number - field.sunday) % 7 for number in numbers)


def _read_part(part: str, position: int, field: Field, parts: _Parts) -> None:
    if part[:1] in ("H", "h"):
        parts.spans.append(_read_hash(part, position, field))
        return
    if field.is_weekday and part.upper() == "L":
        parts.numbers.add(_read_bare_l(part, position, field))
        return
    mark = _read_mark(part, position, field)
    if mark is not None:
        parts.marks.add(mark)
        return
    span, slash, step_text = part.partition("/")
    step = _read_step(step_text, position + len(span) + 1, field) if slash else 1
    if span in ("*", "?"):
        parts.is_free = parts.is_free or step == 1
        parts.numbers.update(range(field.low, field.last + 1, step))
        return
    parts.numbers.update(_read_span(span, step if slash else None, position, field))


def _read_step(text: str, position: int, field: Field) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 1:
        raise CronError(
            f"the step {text!r} in the {field.name} is not a positive number",
            position=position,
            remedy="write a step such as */15",
        )
    return int(text)


def _read_span(span: str, step: int | None, position: int, field: Field) -> Iterator[int]:
    low_text, dash, high_text = span.partition("-")
    low = _read_number(low_text, position, field)
    if not dash:
        return iter(range(low, (low if step is None else max(low, field.last)) + 1, step or 1))
    high = _read_number(high_text, position + len(low_text) + 1, field)
    if field.sunday == 0 and high == 0 and low > 0:
        high = 7
    if high >= low:
        return iter(range(low, high + 1, step or 1))
    if not field.wraps:
        raise CronError(
            f"the range {span!r} in the {field.name} runs backwards",
            position=position,
            remedy=f"write two ranges, such as {low_text}-{field.high},{field.low}-{high_text}",
        )
    size = field.last - field.low + 1
    around = range(low, high + size + 1, step or 1)
    return ((number - field.low) % size + field.low for number in around)


def _read_number(text: str, position: int, field: Field) -> int:
    upper = text.upper()
    if upper in field.words:
        return field.words.index(upper) + field.first_word
    if re.fullmatch(r"[0-9]{1,4}", text) and field.low <= int(text) <= field.high:
        return int(text)
    raise CronError(
        f"{text!r} in the {field.name}" if text else f"nothing in the {field.name}",
        position=position,
        remedy=_number_remedy(text, field),
    )


def _number_remedy(text: str, field: Field) -> str:
    upper = text.upper()
    if field.sunday == 1 and text == "0":
        return "Quartz counts weekdays from 1 = SUN to 7 = SAT: write 1, or cronDialect: Unix"
    for signs, place in (("LW", "day of month"), ("L#", "day of week")):
        if field.name != place and re.fullmatch(rf"[0-9]*[{signs}][0-9]*", upper):
            return f"write {field.bounds}; {upper} may stand in the {place}"
    close = difflib.get_close_matches(upper[:16], field.words, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{guess}write {field.bounds}, *, a range, list or step"


def _read_hash(part: str, position: int, field: Field) -> HashSpan:
    found = re.fullmatch(r"[Hh](?:\(([^()]*)\))?(?:/(.*))?", part, re.DOTALL)
    if found is None or not field.hash_last:
        raise CronError(
            f"{part!r} in the {field.name}",
            position=position,
            remedy=(
                "write H, H/15, H(0-29) or H(0-29)/10"
                if field.hash_last
                else f"H has no meaning in the {field.name}: write {field.bounds}"
            ),
        )
    low, high = field.low, field.hash_last
    if found[1] is not None:
        low, high = _read_hash_range(found[1], position + 2, field)
    step = None
    if found[2] is not None:
        step = _read_step(found[2], position + found.start(2), field)
    return HashSpan(low, high, step)


def _read_hash_range(text: str, position: int, field: Field) -> tuple[int, int]:
    low_text, dash, high_text = text.partition("-")
    low = _read_number(low_text, position, field)
    high = _read_number(high_text, position + len(low_text) + 1, field) if dash else -1
    if field.sunday == 0 and high == 0 and low > 0:
        high = 7
    if high < low:
        raise CronError(
            f"H({text}) in the {field.name} has no range",
            position=position,
            remedy=f"write the lower number first, such as H({field.low}-{field.hash_last})",
        )
    return low, high


def _read_bare_l(part: str, position: int, field: Field) -> int:
    """L alone in the day of week: the week's last day to Quartz, a riddle to everybody else."""
    if field.sunday == 0:
        raise CronError(
            f"{part!r} in the day of week says no weekday",
            position=position,
            remedy="write SAT for each Saturday, SATL for the month's last one, or L in the day of "
            "month for its last day",
        )
    return field.last


def _read_mark(part: str, position: int, field: Field) -> Mark | None:
    if field.is_day:
        return _read_day_mark(part, position)
    return _read_weekday_mark(part, position, field) if field.is_weekday else None


def _read_day_mark(part: str, position: int) -> Mark | None:
    last = re.fullmatch(r"L(?:-([0-9]{1,4}))?(W?)", part.upper())
    if last is not None:
        back = int(last[1] or 0)
        if back > 30:
            raise CronError(
                f"{part!r} in the day of month lies before the month",
                position=position + 2,
                remedy="write L, or L-1 to L-30 for so many days before the last",
            )
        return Mark(MarkKind.LAST_WORKDAY if last[2] else MarkKind.LAST_DAY, back)
    near = re.fullmatch(r"([0-9]{1,4})W", part.upper())
    if near is None:
        return None
    if not 1 <= int(near[1]) <= 31:
        raise CronError(
            f"{part!r} in the day of month",
            position=position,
            remedy="write 1W to 31W: the weekday nearest to that day",
        )
    return Mark(MarkKind.NEAREST_WORKDAY, int(near[1]))


def _read_weekday_mark(part: str, position: int, field: Field) -> Mark | None:
    upper = part.upper()
    if upper.endswith("L"):
        number = _read_number(part[:-1], position, field)
        return Mark(MarkKind.LAST_WEEKDAY, (number - (field.sunday or 0)) % 7)
    day_text, sharp, nth = part.partition("#")
    if not sharp:
        return None
    number = _read_number(day_text, position, field)
    if not re.fullmatch(r"[1-5]", nth, re.ASCII):
        raise CronError(
            f"{nth!r} behind # in the day of week" if nth else "nothing behind #",
            position=position + len(day_text) + 1,
            remedy="write #1 to #5: FRI#3 is the third Friday of the month",
        )
    return Mark(MarkKind.NTH_WEEKDAY, (number - (field.sunday or 0)) % 7, int(nth))
