"""Dropout by hand: what is dropped and what is scaled, in training and in testing (G4)."""

import numpy as np

from lightning_tasks.plots.matrices import matrices_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

OUTPUTS = np.array([[1.6, -0.7, -0.2, 1.9], [-2.3, 2.5, 2.5, -0.9], [-0.5, 3.2, 3.7, -0.4], [1.3, -0.4, -2.6, 1.2]])
MASK = np.array([[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
TRAIN = [[1.6, 0, 0, 1.9], [0, 2.5, 2.5, 0], [0, 3.2, 3.7, 0], [1.3, 0, 0, 1.2]]
TEST = [[0.8, -0.35, -0.1, 0.95], [-1.15, 1.25, 1.25, -0.45], [-0.25, 1.6, 1.85, -0.2], [0.65, -0.2, -1.3, 0.6]]
INVERTED = [[3.2, 0, 0, 3.8], [0, 5, 5, 0], [0, 6.4, 7.4, 0], [2.6, 0, 0, 2.4]]


def dropout(x: np.ndarray, keep: float, mask: np.ndarray | None = None, inverted: bool = False) -> np.ndarray:
    """Dropout of activations x (any shape); Srivastava et al. 2014, section 4, or its inverted form.

    Args:
        x: Activations.
        keep: Probability that one is kept, in (0, 1]. ``torch.nn.Dropout(p)`` takes that of dropping, p = 1 - keep.
        mask: 1 where it is kept, 0 elsewhere, the shape of x; none: testing.
        inverted: Scale by 1 / keep in training instead of by ``keep`` in testing.

    Raises:
        ValueError: A probability outside (0, 1], or a mask of another shape or with other numbers.
    """
    if not 0 < keep <= 1:
        raise ValueError(f"keep={keep}: the probability of keeping lies above 0 and is at most 1.")
    if mask is None:
        return x if inverted else x * keep
    if mask.shape != x.shape or not np.isin(mask, (0, 1)).all():
        raise ValueError(f"mask {mask.shape} for activations {x.shape}: need zeros and ones of the same shape.")
    kept = np.where(mask, x, 0.0)  # not x * mask, which has -0 where x is below 0
    return kept / keep if inverted else kept


class DropoutArithmetic(Exercise):
    """The sheet's matrix and mask under both conventions.

    Args:
        keep: Probability of keeping; the sheet's mask keeps half.
        draws: Random masks that the expected value is estimated from.

    Raises:
        ValueError: A probability outside (0, 1], or fewer than two draws.
    """

    question = "What does a dropout layer with the sheet's outputs and mask give in training, and what in testing?"

    def __init__(self, keep: float = 0.5, draws: int = 4000) -> None:
        dropout(OUTPUTS, keep)  # tells a wrong probability
        if draws < 2:
            raise ValueError(f"draws={draws}: need two or more.")
        self.keep, self.draws = keep, draws

    def answer(self) -> Answer:
        """Four matrices, and the mean over random masks."""
        forms = {
            "training: O x M": dropout(OUTPUTS, self.keep, MASK),
            f"testing: O x {self.keep:g}": dropout(OUTPUTS, self.keep),
            f"inverted, training: O x M / {self.keep:g}": dropout(OUTPUTS, self.keep, MASK, inverted=True),
            "inverted, testing: O": dropout(OUTPUTS, self.keep, inverted=True),
        }
        text = (
            f"The mask keeps {MASK.sum()} of {MASK.size}. In training a dropped output is 0 and the others stay; in "
            f"testing nothing is dropped, and all are multiplied by the probability of keeping, {self.keep:g}, so that "
            "the next layer gets what it got on average in training. Inverted dropout, the form of torch and Keras, "
            "divides by it in training and leaves testing alone. With the sheet's .5 the test value in row 2, column 3 "
            "is +1.25 (2.5 x .5); a reported solution has -1.25: a scale above 0 changes no sign. Mind the name of the "
            "probability: torch's p is that of dropping."
        )
        tables = [Table(name, ["1", "2", "3", "4"], matrix.tolist()) for name, matrix in forms.items()]
        drawn = {"outputs O": OUTPUTS, "mask M": MASK} | forms
        return Answer(text, tables, self.checks(), {"matrices": matrices_figure(drawn)})

    def checks(self) -> list[Check]:
        """The sheet's matrices (at keep .5, whatever the option); torch's layer; the mean over masks."""
        import torch

        layer = torch.nn.Dropout(p=1 - self.keep)
        ones, x = torch.ones(1000, dtype=torch.float64), torch.tensor(OUTPUTS)
        values = layer(ones).numpy()
        off = np.minimum(np.abs(values), np.abs(values - 1 / self.keep)).max()
        masks = np.random.default_rng(0).random((self.draws, *OUTPUTS.shape)) < self.keep
        plain = np.mean([dropout(OUTPUTS, self.keep, mask) for mask in masks], axis=0)
        expected = dropout(OUTPUTS, self.keep)
        # five standard errors of the mean of a Bernoulli variable times the largest output
        bound = 5 * float(np.abs(OUTPUTS).max()) * (self.keep * (1 - self.keep) / self.draws) ** 0.5 + 1e-9
        pairs = {
            "training": (dropout(OUTPUTS, 0.5, MASK), TRAIN),
            "testing": (dropout(OUTPUTS, 0.5), TEST),
            "inverted, training": (dropout(OUTPUTS, 0.5, MASK, inverted=True), INVERTED),
            "inverted, testing": (dropout(OUTPUTS, 0.5, inverted=True), OUTPUTS.tolist()),
        }
        return [
            *(
                Check(f"{name}, row {i + 1}", row, sheet[i])
                for name, (matrix, sheet) in pairs.items()
                for i, row in enumerate(matrix.tolist())
            ),
            Check("kept by the mask", int(MASK.sum()), 8),
            Check("testing keeps every sign", bool((np.sign(expected) == np.sign(OUTPUTS)).all()), True),
            Check(f"torch in training: ones become 0 or {1 / self.keep:.4g}, largest distance", float(off), 0.0),
            Check("torch in testing changes nothing", torch.equal(layer.eval()(x), x), True),
            Check(f"mean over {self.draws} masks less testing", float(np.abs(plain - expected).max()), 0.0, bound),
        ]
