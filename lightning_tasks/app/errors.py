"""One to three lines for a person: what is wrong, the nearest valid name, the remedy."""

import re
from difflib import get_close_matches

MAX_LINES = 3


def describe(error: BaseException) -> str:
    """The message a user reads.

    jsonargparse wraps an error raised inside a class in many lines, of which the last names the cause: the chain of
    causes is followed to its end, and prefixes that only repeat where the parser was are cut.
    """
    root = error
    while (inner := root.__cause__ or (root.__context__ if not root.__suppress_context__ else None)) is not None:
        if not isinstance(inner, (ValueError, TypeError, OSError, KeyError)) or not str(inner):
            break
        root = inner
    texts = [str(error), str(root)]
    for text in texts:
        if "is not expected" in text or "not accepted" in text or "Unrecognized arguments" in text.capitalize():
            return text.strip()
    return shorten(str(root)) or type(root).__name__


def shorten(text: str) -> str:
    """At most three lines, without blank ones."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line][:MAX_LINES])


def nearest(name: str, options: list[str]) -> str:
    """`` Did you mean 'x'?``, or nothing."""
    near = get_close_matches(name, options, 1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
