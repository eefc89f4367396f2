"""Values that must be one of a few: checks, and the nearest valid name."""

from difflib import get_close_matches


def nearest(name: str, options: list[str]) -> str:
    """`` Did you mean 'x'?``, or nothing."""
    matches = get_close_matches(name, options, 1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def checked_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``, else raise a ValueError that lists them."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}: choose {', '.join(choices[:-1])} or {choices[-1]}.")
    return value
