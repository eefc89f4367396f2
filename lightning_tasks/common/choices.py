"""Values that must be one of a few: checks, and the nearest valid name."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, options: Iterable[str], form: str = "{}", most: int = 1) -> str:
    """`` Did you mean 'x'?``, or nothing; upper and lower case count as equal.

    Args:
        name: What was asked for; a key of a YAML file may be a number.
        options: What there is.
        form: How an option is shown, such as ``timm/{}``.
        most: Options shown at most.
    """
    by_lower = {option.lower(): option for option in options}
    matches = get_close_matches(str(name).lower(), by_lower, most, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(form.format(by_lower[match])) for match in matches)}?" if matches else ""


def checked_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``, else raise a ValueError that lists them."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}: choose {', '.join(choices[:-1])} or {choices[-1]}.")
    return value
