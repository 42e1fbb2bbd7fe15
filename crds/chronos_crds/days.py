"""On which days of a month an expression fires.

A month is told by two numbers, the weekday of its first day and its length: there are only 28
different ones, so that each expression works each of them out once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chronos_crds.field import Mark, MarkKind

# 0 is Sunday.
_SUNDAY, _SATURDAY = 0, 6


@dataclass(frozen=True)
class DayRule:
    """The days of month and the days of week, and how they go together; weekdays from 0, Sunday."""

    days: frozenset[int]
    weekdays: frozenset[int]
    marks: frozenset[Mark]
    weekday_marks: frozenset[Mark]
    any_day: bool
    any_weekday: bool

    def days_in(self, first_weekday: int, length: int) -> tuple[int, ...]:
        """The days of a month of that length that begins on that weekday, in order.

        Where both the day of month and the day of week are restricted either one is enough, as
        crontab(5) says.
        """
        month = _Month(first_weekday, length)
        if self.any_day and self.any_weekday:
            return tuple(range(1, length + 1))
        found: set[int] = set()
        if not self.any_day:
            found.update(day for day in self.days if day <= length)
            found.update(month.days_of(self.marks))
        if not self.any_weekday:
            found.update(day for day in range(1, length + 1) if month.weekday(day) in self.weekdays)
            found.update(month.days_of(self.weekday_marks))
        return tuple(sorted(found))


@dataclass(frozen=True)
class _Month:
    first_weekday: int
    length: int

    def weekday(self, day: int) -> int:
        return (self.first_weekday + day - 1) % 7

    def days_of(self, marks: Iterable[Mark]) -> Iterable[int]:
        """The days that the marks mean; those that this month has not are left out."""
        days = (self._day_of(mark) for mark in marks)
        return [day for day in days if 1 <= day <= self.length]

    def _day_of(self, mark: Mark) -> int:
        match mark.kind:
            case MarkKind.LAST_DAY:
                return self.length - mark.number
            case MarkKind.NEAREST_WORKDAY:
                return self._workday_near(mark.number)
            case MarkKind.LAST_WORKDAY:
                return self._workday_near(self.length - mark.number)
            case MarkKind.LAST_WEEKDAY:
                return self.length - (self.weekday(self.length) - mark.number) % 7
            case MarkKind.NTH_WEEKDAY:
                return 1 + (mark.number - self.first_weekday) % 7 + 7 * (mark.nth - 1)

    def _workday_near(self, day: int) -> int:
        """The nearest of Monday to Friday within the month; 0 where it has no such day."""
        if not 1 <= day <= self.length:
            return 0
        if self.weekday(day) == _SATURDAY:
            return day - 1 if day > 1 else day + 2
        if self.weekday(day) == _SUNDAY:
            return day + 1 if day < self.length else day - 2
        return day
