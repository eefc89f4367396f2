"""What a calibration did, in words."""

from typing import Any

from .render import interval, number


def describe_map(found: dict[str, Any]) -> str:
    """One sentence about what was fitted, on what, and what it was scored on: ``calibration.json`` in words."""
    fitted, what = found["map"], found["method"]
    if what == "temperature":
        what = f"T = {fitted['temperature']:.4f} (95 % interval {interval(fitted)}), "
        what += f"a = 1 / T = {1 / fitted['temperature']:.4f}"
    kept = "no predicted class changed" if not found["changed_predictions"] else (
        f"{found['changed_predictions']} predicted classes changed")  # fmt: skip
    mean, high = found["ece_of_perfect"]
    return (
        f"Fitted: {what}, on the {found['fitted_on']}, n = {found['n_fitted']}. Scored on: {found['scored_on']}, "
        f"n = {found['n_scored']}; {kept}. A perfectly calibrated model would show ECE {number(mean)} by chance "
        f"(below {number(high)} in 95 % of draws)."
    )
