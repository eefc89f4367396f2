"""Which mirror images a policy shows a network: the views that a mean over flips may ask it about."""

GENERATES = {  # left and right changed, upside down, half a turn; two of them give the third
    "hflip": "h", "vflip": "v", "rot90": "r",
    "HorizontalFlip": "h", "VerticalFlip": "v", "RandomRotate90": "r", "D4": "hv", "SquareSymmetry": "hv",
}  # fmt: skip
OURS = ("affine", "rotate")  # turn the picture by `degrees`, which turn something else in others: gridmask's grid
TURNS = ("rotate", "limit")  # arguments of Affine, Rotate and others


def flips_shown(policy: list[str | dict]) -> str:
    """``none``, ``hflip``, ``vflip`` or ``flips`` (both, and their product), as tasks call views in ``tta``.

    Args:
        policy: Names and one-entry dicts ``{name: {argument: value}}``, of ours and of albumentations'.
    """
    shown: set[str] = set()
    for entry in policy:
        name, arguments = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
        if (arguments or {}).get("p") == 0:
            continue
        shown |= set(GENERATES.get(name, ""))
        turns = ("degrees",) if name in OURS else TURNS
        for value in (value for key, value in (arguments or {}).items() if key in turns):
            angles = value if isinstance(value, (list, tuple)) else [value]
            shown |= {"r"} if any(isinstance(angle, (int, float)) and abs(angle) >= 180 for angle in angles) else set()
    return "flips" if len(shown) > 1 else {"h": "hflip", "v": "vflip"}.get("".join(shown), "none")
