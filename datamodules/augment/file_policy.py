"""Augmentation of single pictures by albumentations, for sets of files whose pictures are decoded in workers."""

import inspect
import os
import random

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask a server for its newest version at import
import albumentations as A  # noqa: E402, N812

from .policy import nearest  # noqa: E402

# Pictures of skin have no up or down: D4 is one of the eight turns and mirrorings of the square.
POLICIES: dict[str, list[str | dict]] = {
    "none": [],
    "light": ["D4", {"RandomBrightnessContrast": {"brightness_limit": 0.1, "contrast_limit": 0.1, "p": 0.5}}],
    "strong": [
        "D4",
        {
            "Affine": {
                "scale": [0.8, 1.25],
                "rotate": [-180, 180],
                "translate_percent": [-0.08, 0.08],
                "border_mode": 4,  # mirrored, without repeating the edge (cv2.BORDER_REFLECT_101)
                "p": 0.7,
            }
        },
        {"ColorJitter": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.03, "p": 0.7}},
        {"GaussianBlur": {"sigma_limit": [0.3, 1.2], "p": 0.2}},
        {"GaussNoise": {"std_range": [0.01, 0.05], "p": 0.2}},
        {"CoarseDropout": {"num_holes_range": [1, 4], "hole_height_range": [0.05, 0.2],
                           "hole_width_range": [0.05, 0.2], "p": 0.3}},
    ],
}  # fmt: skip


class Policy:
    """Transforms of albumentations, in order.

    Args:
        policy: ``none``, ``light``, ``strong``, or a list of names and one-entry dicts ``{Name: {argument: value}}``
            of albumentations' transforms, each of which must keep shape and dtype of the picture.

    Raises:
        ValueError: An unknown policy, transform or argument, with the nearest valid name.
    """

    def __init__(self, policy: str | list[str | dict]) -> None:
        if isinstance(policy, str):
            if policy not in POLICIES:
                raise ValueError(
                    f"policy={policy!r}: choose {', '.join(POLICIES)}, or a list of albumentations transforms."
                    + nearest(policy, POLICIES)
                )
            policy = POLICIES[policy]
        self.steps = policy
        self.compose = A.Compose([transform(entry) for entry in policy])

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Change one picture, uint8 (H, W, 3); the same seed gives the same change.

        Raises:
            ValueError: A transform changed shape or dtype.
        """
        # One stream for all transforms. `set_random_seed` would start the same stream in each of them: two flips of
        # p 0.5 would then come together or not at all.
        self.compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        out = self.compose(image=image)["image"]
        if out.shape != image.shape or out.dtype != image.dtype:
            raise ValueError(
                f"policy: the transforms turn {image.dtype} {image.shape} into {out.dtype} {out.shape}; they must keep "
                "both. --data.size sets the size, and pixels are scaled and normalised later."
            )
        return out


def transform(entry: str | dict) -> A.BasicTransform:
    """One transform from its name, or from ``{Name: {argument: value}}``."""
    entry = {entry: {}} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ValueError(f"policy: {entry!r} must be a name or one {{Name: {{argument: value}}}}.")
    name, chosen = next(iter(entry.items()))
    kinds = {n: c for n, c in vars(A).items() if inspect.isclass(c) and issubclass(c, A.BasicTransform)}
    if name not in kinds:
        raise ValueError(f"policy: albumentations has no transform {name!r}.{nearest(name, kinds)}")
    chosen = {} if chosen is None else chosen
    if not isinstance(chosen, dict):
        raise ValueError(f"policy: {name}: {chosen!r} must be a mapping, as in {name}: {{p: 0.5}}.")
    valid = [argument for argument in inspect.signature(kinds[name].__init__).parameters if argument != "self"]
    for argument in chosen:  # albumentations itself only warns
        if argument not in valid:
            raise ValueError(
                f"policy: {name} has no argument {argument!r}.{nearest(argument, valid)} Valid: {', '.join(valid)}."
            )
    try:
        return kinds[name](**{k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})
    except ValueError as error:
        raise ValueError(f"policy: {name}: {' '.join(str(error).split())}") from None
