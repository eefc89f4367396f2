"""What a calibration did, in words."""

from typing import Any

from .render import interval, number


def describe_map(calibration: dict[str, Any]) -> str:
    """One sentence about what was fitted, on what, and what it was scored on: ``calibration.json`` in words."""
    fitted, description = calibration["map"], calibration["method"]
    if "reason" in fitted:
        description = f"no temperature, T = 1 is kept ({fitted['reason']})"
    elif description == "temperature":
        description = f"T = {fitted['temperature']:.4f} (95 % interval {interval(fitted)}), "
        description += f"a = 1 / T = {1 / fitted['temperature']:.4f}"
    changes = "no predicted class changed" if not calibration["changed_predictions"] else (
        f"{calibration['changed_predictions']} predicted classes changed")  # fmt: skip
    mean, high = calibration["ece_of_perfect"]
    return (
        f"Fitted: {description}, on the {calibration['fitted_on']}, n = {calibration['n_fitted']}. "
        f"Scored on: {calibration['scored_on']}, n = {calibration['n_scored']}; {changes}. "
        f"A perfectly calibrated model would show ECE {number(mean)} by chance "
        f"(below {number(high)} in 95 % of draws)."
    )
