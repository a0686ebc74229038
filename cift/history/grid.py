"""The starts of bars: multiples of an interval since the Unix epoch, or whole days of an exchange.

A day of an exchange is 23 or 25 hours long when its clocks change, so bars of days are no multiples of
86,400 seconds.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_S = 86_400
EPOCH = date(1970, 1, 1)
END_S = 2**32 - 1
"""The latest time of a stored bar."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars of `seconds`. If these are whole days, bars begin at midnight of `zone`, and several days count
    from 1970-01-01."""

    seconds: int
    zone: str = "UTC"

    @property
    def days(self) -> int | None:
        """The number of days of a bar in a zone other than UTC; None: multiples of `seconds`."""
        return None if self.zone == "UTC" or self.seconds % DAY_S else self.seconds // DAY_S

    @property
    def part_s(self) -> int:
        """A number of seconds of which every bar is a multiple. Zones are whole quarters of an hour from
        UTC; most are whole hours."""
        if self.days is None:
            return self.seconds
        offset = datetime.now(ZoneInfo(self.zone)).utcoffset() or timedelta()
        return 3_600 if offset.total_seconds() % 3_600 == 0 else 900

    def floor(self, at_s: int) -> int:
        """The start of the bar that contains this time."""
        if self.days is None:
            return at_s - at_s % self.seconds
        day = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(self.zone)).date()
        number = (day - EPOCH).days
        return self._midnight(number - number % self.days)

    def after(self, start_s: int, bars: int) -> int:
        """The start of the bar that comes `bars` bars later."""
        if self.days is None:
            return start_s + bars * self.seconds
        day = datetime.fromtimestamp(start_s, UTC).astimezone(ZoneInfo(self.zone)).date()
        return self._midnight(min((day - EPOCH).days + bars * self.days, END_S // DAY_S))

    def start_of(self, number: int) -> int:
        """The start of bar `number`, counted from 1970-01-01."""
        return number * self.seconds if self.days is None else self._midnight(number * self.days)

    def _midnight(self, number: int) -> int:
        local = datetime.combine(EPOCH + timedelta(days=number), time(), ZoneInfo(self.zone))
        return max(int(local.timestamp()), 0)

    def whole_end(self, close_s: int) -> int:
        """The end of the bar that begins before `close_s`."""
        return min(self.after(self.floor(close_s - 1), 1), END_S)
