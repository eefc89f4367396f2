"""Maps from probabilities to better calibrated ones, fitted on validation data.

N samples, K classes; ``logits`` and ``prob`` (N, K) float, ``label`` int64 (N,). Fits return plain values, which
``recalibrate`` takes, so that a JSON file holds a whole map. A temperature T divides logits: p = softmax(z / T), so
with the other convention p = softmax(a z) the factor is a = 1 / T: a < 1 softens, a > 1 sharpens.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.common.call import CALL

METHODS = ("temperature", "vector", "isotonic")
SMALLEST = torch.finfo(torch.float32).tiny  # below it float32 probabilities are 0
MARGIN = 1e-5  # of the top class: it must survive float32 and the seven digits of files
LIMIT = 3.0  # |log T|: a best T beyond it is none that a finite sample can prove


def logits_of(prob: Tensor) -> Tensor:
    """Natural logarithm of p in float64: the logits up to a constant in each row, which no map here sees."""
    return prob.double().clamp_min(SMALLEST).log()


def fit(method: str, prob: Tensor, label: Tensor, group: Tensor | None = None) -> dict[str, Any]:
    """Fit one of ``METHODS``; plain values with ``method``, for ``recalibrate``.

    A temperature comes with ``low`` and ``high`` of its 95 % interval, over whole groups where ``group`` (N,) int64
    says which samples belong together; or with ``reason``, why T = 1 was kept, and without an interval.

    Raises:
        ValueError: for another method, labels and probabilities that do not fit together, probabilities that are NaN,
            or a true class with probability 0, which no temperature or factor can raise.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: choose {', '.join(METHODS)}.")
    if prob.ndim != 2 or label.shape != (len(prob),) or not len(label):
        raise ValueError(f"prob {tuple(prob.shape)} and label {tuple(label.shape)}: need (N, K) and (N,).")
    broken = int(prob.isnan().any(1).sum())
    if broken:
        raise ValueError(f"{broken} of {len(label)} samples have probabilities that are NaN: look at them first.")
    impossible = int((prob.gather(1, label[:, None]) == 0).sum())
    if method != "isotonic" and impossible:
        raise ValueError(
            f"{impossible} of {len(label)} samples give their true class probability 0, which {method} scaling cannot "
            "mend. Use --method isotonic."
        )
    if method == "temperature":
        logits = logits_of(prob)
        temperature, reason = fit_temperature(logits, label), no_best_temperature(logits, label)
        if reason:
            return {"method": method, "temperature": temperature, "reason": reason}
        low, high = temperature_interval(logits, label, temperature, group)
        return {"method": method, "temperature": temperature, "low": low, "high": high}
    if method == "vector":
        weight, bias = fit_vector_scaling(logits_of(prob), label)
        return {"method": method, "weight": weight.tolist(), "bias": bias.tolist()}
    x, y = fit_isotonic(prob.max(1).values, prob.argmax(1) == label)
    return {"method": method, "x": x.tolist(), "y": y.tolist()}


def recalibrate(prob: Tensor, fitted: dict[str, Any]) -> Tensor:
    """Apply what ``fit`` returned: float64 (N, K). Temperature and isotonic keep the predicted class."""
    if fitted["method"] == "temperature":
        return apply_temperature(logits_of(prob), fitted["temperature"])
    if fitted["method"] == "vector":
        return apply_vector_scaling(logits_of(prob), torch.tensor(fitted["weight"]), torch.tensor(fitted["bias"]))
    return apply_isotonic(prob, torch.tensor(fitted["x"]), torch.tensor(fitted["y"]))


def calibrated(task: Any, out: dict[str, Any]) -> dict[str, Any]:
    """A ``predict_step`` with ``prob`` mapped by ``task.calibration``, where it has one.

    Raises:
        ValueError: The map was fitted to probabilities averaged over other views.
    """
    fitted = task.calibration
    if fitted is None:
        return out
    views = task.hparams.get("tta", "none")
    if fitted["tta"] != views:
        run = fitted["run"]
        raise ValueError(
            f"{run} was calibrated with tta={fitted['tta']!r}, and now tta is {views!r}: means are less sure. Run "
            f"`{CALL} calibrate --run {run} --model.tta {views}`, or ask for the views it was calibrated with: "
            f"--model.tta {fitted['tta']}, and no --tta."
        )
    return {**out, "prob": recalibrate(out["prob"], fitted)}


# ---- temperature ------------------------------------------------------------------------------------------------


def fit_temperature(logits: Tensor, label: Tensor) -> float:
    """T in e^-3..e^3 that minimises the NLL of softmax(z / T), by L-BFGS on log T; 1 where there is none inside.

    The NLL is convex in 1 / T, so there is one minimum, unless ``no_best_temperature`` says why not: then T is no
    finding, and the probabilities are left as they are.

    Source: Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
    """
    if no_best_temperature(logits, label):
        return 1.0
    logits = logits.detach().double().clone()  # tensors made in inference mode take no part in gradients
    u = torch.zeros(1, dtype=torch.float64, device=logits.device, requires_grad=True)
    _minimise([u], lambda: F.cross_entropy(logits * torch.exp(-_bounded(u)), label))
    return float(_bounded(u.detach()).exp())


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """softmax(z / T) in float64: float32 could turn near ties into ties, and so move the predicted class."""
    return (logits.double() / temperature).softmax(1)


def no_best_temperature(logits: Tensor, label: Tensor) -> str:
    """Why the NLL has no minimum within e^-3 < T < e^3, in words, or "" where it has one.

    Its slope over a = 1 / T is the mean of E_p z - z_y. It rises with a, so the signs at both ends decide. Where every
    sample is right it is below 0 at any a: ever sharper is ever better, whatever the model.
    """
    wrong = int((logits.argmax(1) != label).sum())
    share = f"{wrong} of {len(label)} samples are predicted wrong"
    if not _slope(logits, label, math.exp(LIMIT)) > 0:
        return f"{share}: the sharper the better, without end within T > e^-{LIMIT:g}"
    if not _slope(logits, label, math.exp(-LIMIT)) < 0:
        return f"{share}: the softer the better, without end within T < e^{LIMIT:g}"
    return ""


def _slope(logits: Tensor, label: Tensor, a: float) -> float:
    above = logits.double() - logits.double().gather(1, label[:, None])  # exactly 0 at the truth: the sign is exact
    return float(((a * above).softmax(1) * above).sum(1).mean())


def temperature_interval(
    logits: Tensor, label: Tensor, temperature: float, group: Tensor | None = None
) -> tuple[float, float]:
    """95 % interval of T over samples, or over whole groups (N,), by the sandwich variance of log T (White 1982).

    With a = 1 / T and p = softmax(a z): score g_i = a (z_y - E_p z), curvature H = mean of a^2 Var_p z. Scores are
    summed within each of the M groups (Liang & Zeger 1986); few of them are met by the factor M / (M - 1) and by
    Student's t with M - 1 degrees of freedom.
    """
    from scipy.stats import t as student  # here: only `calibrate` needs it

    z, a = logits.double(), 1 / temperature
    p = (a * z).softmax(1)
    mean = (p * z).sum(1)
    variance = (p * (z - mean[:, None]).square()).sum(1)
    score = a * (z.gather(1, label[:, None]).squeeze(1) - mean)
    if group is not None and len(group.unique()) > 1:
        place = group.unique(return_inverse=True)[1].to(score.device)
        score = score.new_zeros(int(place.max()) + 1).index_add_(0, place, score)
    units = len(score)
    curvature = float(a**2 * variance.mean())
    if units < 2 or curvature <= 1e-12:  # where all logits of a sample are equal, T does nothing and may be any
        width = 2 * LIMIT
    else:
        error = float((score.square().sum() * units / (units - 1)).sqrt()) / len(label) / curvature
        width = min(float(student.ppf(0.975, units - 1)) * error, 2 * LIMIT)
    return temperature * math.exp(-width), temperature * math.exp(width)


# ---- vector scaling ---------------------------------------------------------------------------------------------


def fit_vector_scaling(logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Weight w and bias b (K,) that minimise the NLL of softmax(w z + b), by L-BFGS from w = 1, b = 0.

    A weight decay of 1e-6 keeps the minimum finite where samples are separable.

    Source: Guo et al. 2017, section 4.2.
    """
    logits = logits.detach().double().clone()  # tensors made in inference mode take no part in gradients
    w = torch.ones(logits.shape[1], dtype=torch.float64, device=logits.device, requires_grad=True)
    b = torch.zeros_like(w, requires_grad=True)
    _minimise([w, b], lambda: F.cross_entropy(w * logits + b, label) + 1e-6 * (w.square().sum() + b.square().sum()))
    return w.detach().cpu(), b.detach().cpu()


def apply_vector_scaling(logits: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """softmax(w z + b) in float64. The predicted class may change."""
    logits = logits.double()
    return (weight.to(logits) * logits + bias.to(logits)).softmax(1)


# ---- isotonic regression ----------------------------------------------------------------------------------------


def fit_isotonic(value: Tensor, hit: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (x, y) of the rising step line from ``value`` (N,) in [0, 1] to the share of ``hit`` (N,).

    ``value`` is the confidence and ``hit`` whether the prediction is right (top label), or p_k and whether class k is
    true (one against the rest). y stays within 1 / (N + 2) of 0 and 1 (Laplace): a sure error costs infinite NLL.

    Source: Zadrozny & Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".
    """
    from sklearn.isotonic import IsotonicRegression  # here: only `calibrate` needs it

    edge = 1 / (len(value) + 2)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    model.fit(value.double().cpu().numpy(), hit.double().cpu().numpy())
    return torch.from_numpy(model.X_thresholds_).double(), torch.from_numpy(model.y_thresholds_).double()


def apply_isotonic(prob: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Give the predicted class its fitted share and scale the others to fill the rest: float64 (N, K).

    The share is not lowered below what keeps the class on top.
    """
    prob = prob.double()
    top, pred = prob.max(1)
    others = prob.scatter(1, pred[:, None], 0.0)
    others_sum = others.sum(1)
    second = others.max(1).values
    floor = second / (others_sum + second).clamp_min(SMALLEST) * (1 + MARGIN)
    share = torch.maximum(interpolate(top, x, y), floor)
    even = (torch.ones_like(prob) / (prob.shape[1] - 1)).scatter(1, pred[:, None], 0.0)
    spread = torch.where(others_sum[:, None] > SMALLEST, others / others_sum[:, None].clamp_min(SMALLEST), even)
    return (spread * (1 - share[:, None])).scatter(1, pred[:, None], share[:, None])


def interpolate(value: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Linear between the corners (x, y) with rising x, constant outside: float64 (N,)."""
    value, x, y = value.double().contiguous(), x.to(value).double(), y.to(value).double()
    if len(x) == 1:
        return y.expand(value.shape[0]).clone()
    # The same number of corners below each value; graphs that are exported know no binary search.
    place = (x < value[:, None]).sum(1) if torch.compiler.is_exporting() else torch.searchsorted(x, value)
    right = place.clamp(1, len(x) - 1)
    left = right - 1
    share = ((value - x[left]) / (x[right] - x[left])).clamp(0, 1)
    return torch.lerp(y[left], y[right], share)


def _bounded(u: Tensor) -> Tensor:
    return LIMIT * torch.tanh(u / LIMIT)


def _minimise(parameters: list[Tensor], loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=200, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    with torch.inference_mode(False), torch.enable_grad():
        optimizer.step(closure)


def prior_shift(counts: Tensor, drawn: Tensor, weights: Tensor | None = None) -> Tensor:
    """What to add to logits that were trained under other class shares: log(prior_k) - log(drawn_k w_k), float32 (K,).

    Args:
        counts: Class counts (K,) or fewer where the last classes do not occur; their shares are the prior.
        drawn: Share (K,) of each class among what training draws.
        weights: Class weights (K,) of the cross entropy.

    Returns:
        Zeros where a class does not occur: there is nothing to put right then.
    """
    prior = counts.double() / counts.sum()
    weighted = drawn.double() * (1 if weights is None else weights.double())
    if len(prior) < len(weighted) or (prior <= 0).any() or (weighted <= 0).any():
        return torch.zeros(len(weighted))
    return (prior.log() - (weighted / weighted.sum()).log()).float()
