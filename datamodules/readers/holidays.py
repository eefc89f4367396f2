"""Public holidays that are computed, for tables that hold dates alone."""

import datetime as dt


def easter(year: int) -> dt.date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, 1998, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


def dutch_holidays(year: int) -> set[dt.date]:
    """Public holidays of the Netherlands, and the days between Christmas and New Year, when offices are closed."""
    sunday = easter(year)
    moving = {sunday + dt.timedelta(days) for days in (-2, 0, 1, 39, 49, 50)}  # Good Friday to Whit Monday
    royal = dt.date(year, 4, 27) if year >= 2014 else dt.date(year, 4, 30)
    royal -= dt.timedelta(royal.weekday() == 6)  # on the Saturday before a Sunday
    fixed = {dt.date(year, 1, 1), royal, dt.date(year, 5, 5)}
    return moving | fixed | {dt.date(year, 12, day) for day in range(24, 32)}
