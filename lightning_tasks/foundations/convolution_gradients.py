"""Gradients of a convolution layer by hand (G8)."""

import numpy as np

from lightning_tasks.foundations.pooling import (
    average_pool,
    average_pool_gradient,
    global_average_pool,
    global_average_pool_gradient,
    max_pool,
    max_pool_gradient,
    windows,
)
from lightning_tasks.plots.matrices import matrices_figure
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

INPUT = np.array([[3.0, 4.0, 5.0], [2.0, 1.0, -3.0], [4.0, -2.0, 0.0]])
KERNEL = np.array([[2.0, 0.0], [-3.0, 1.0]])


def cross_correlate(x: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Valid cross-correlation (H - h + 1, W - w + 1) of x (H, W) with f (h, w): what a "convolution" layer computes.

    Raises:
        ValueError: A kernel that is larger than the input, or arrays that are not matrices.
    """
    if x.ndim != 2 or f.ndim != 2 or not all(0 < k <= n for k, n in zip(f.shape, x.shape, strict=True)):
        raise ValueError(f"kernel {f.shape} on input {x.shape}: need two matrices, the kernel no larger.")
    return np.einsum("ijhw,hw->ij", windows(x, f.shape, 1), f)


def convolve_full(x: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Full convolution (H + h - 1, W + w - 1): x padded by h - 1 and w - 1 zeros a side, f turned by 180 degrees."""
    padded = np.pad(x, [(n - 1, n - 1) for n in f.shape])
    return cross_correlate(padded, f[::-1, ::-1])


def layer_gradients(x: np.ndarray, f: np.ndarray, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (dF, dX) of a valid cross-correlation, for dL/dO ``upstream``, the shape of its output.

    O_ij = sum_hw X_(i+h, j+w) F_hw, so dF_hw = sum_ij dO_ij X_(i+h, j+w), a valid correlation of X with dO, and
    dX_ab = sum_hw dO_(a-h, b-w) F_hw, a full convolution of dO with F.

    Raises:
        ValueError: ``upstream`` of another shape than the output.
    """
    output = cross_correlate(x, f).shape
    if upstream.shape != output:
        raise ValueError(f"upstream {upstream.shape}: the output of the layer is {output}.")
    return cross_correlate(x, upstream), convolve_full(upstream, f)


class ConvolutionGradients(Exercise):
    """The sheet's input and kernel, or others, followed by global average pooling.

    Args:
        upstream: dL/dout of the pooled number.
        image: Rows of another input.
        kernel: Rows of another kernel, no larger than the input.

    Raises:
        ValueError: Rows of unequal length, or a kernel that does not fit.
    """

    question = (
        "What are the gradients of the sheet's kernel and input, through a valid cross-correlation and global average "
        "pooling, with dL/dout = 1? And what do max and average pooling hand back?"
    )

    def __init__(
        self,
        upstream: float = 1.0,
        image: list[list[float]] | None = None,
        kernel: list[list[float]] | None = None,
    ) -> None:
        self.upstream, self.sheet = upstream, image is None and kernel is None
        self.image = INPUT if image is None else matrix_of("image", image)
        self.kernel = KERNEL if kernel is None else matrix_of("kernel", kernel)
        cross_correlate(self.image, self.kernel)  # says where they do not fit

    def answer(self) -> Answer:
        """Forward and backward, each matrix."""
        output = cross_correlate(self.image, self.kernel)
        spread = global_average_pool_gradient(output.shape, np.asarray(self.upstream))
        by_kernel, by_input = layer_gradients(self.image, self.kernel, spread)
        text = (
            f"O = {rows(output)}, its mean is {global_average_pool(output):g}. Pooling hands each of the {output.size} "
            f"entries its share of dL/dout, {spread[0, 0]:g}. dF is the valid correlation of X with dO: "
            f"{rows(by_kernel)}. dX is the full convolution of dO with F: {rows(by_input)}. Full convolution turns the "
            "kernel by 180 degrees because the forward pass did not; whoever correlates with the kernel unturned gets "
            f"another matrix ({rows(unturned(spread, self.kernel))})."
        )
        if self.sheet:
            text += (
                " The entry in row 2, column 1 is dO times the left column of F, "
                f"(-3 + 2) x {spread[0, 0]:g} = {by_input[1, 0]:g}; a reported solution has 1.25 there, "
                "as if -3 were 3."
            )
        pooled = self.pooled()
        h, w = self.window
        text += (
            f" Pooling of the input in windows of {h} x {w}, one step apart: the maximum hands a gradient to the "
            "largest value of its window alone, so that the others learn nothing from it; the average hands 1 / "
            f"{h * w} to each. Windows overlap, and shares add up. As dO is constant here, dF is "
            "dL/dout times the average pooling of X in windows of O's size."
        )
        matrices = {"O": output, "dL/dO": spread, "dL/dF": by_kernel, "dL/dX": by_input} | pooled
        tables = [Table(n, [str(i + 1) for i in range(m.shape[1])], m.tolist()) for n, m in matrices.items()]
        drawn = {"X": self.image, "F": self.kernel} | matrices
        figures = {} if max(self.image.shape) > 12 else {"matrices": matrices_figure(drawn, columns=5)}
        return Answer(
            text, tables, [*self.checks(output, spread, by_kernel, by_input), *self.pooling_checks()], figures
        )

    @property
    def window(self) -> tuple[int, int]:
        """Of the poolings: 2 x 2, or the image where it is smaller."""
        return min(2, self.image.shape[0]), min(2, self.image.shape[1])

    def pooled(self) -> dict[str, np.ndarray]:
        """Max and average pooling of the input at stride 1, and what they hand back for a gradient of ones."""
        largest, mean = max_pool(self.image, self.window, 1), average_pool(self.image, self.window, 1)
        ones = np.ones(largest.shape)
        return {
            "max pooling of X": largest,
            "dX of max pooling": max_pool_gradient(self.image, self.window, 1, ones),
            "average pooling of X": mean,
            "dX of average pooling": average_pool_gradient(self.image.shape, self.window, 1, ones),
        }

    def pooling_checks(self) -> list[Check]:
        """Numbers by hand where the input is the sheet's; torch; no gradient is lost."""
        import torch

        found = dict(zip(("max", "dX of max", "average", "dX of average"), self.pooled().values(), strict=True))
        by_hand = {
            "max": [[4.0, 5.0], [4.0, 1.0]],
            "dX of max": [[0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            "average": [[2.5, 1.75], [1.25, -1.0]],
            "dX of average": [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]],
        }
        x = torch.tensor(self.image, requires_grad=True)
        outs = (f(x[None], self.window, 1)[0] for f in (torch.nn.functional.max_pool2d, torch.nn.functional.avg_pool2d))
        of_torch = [m for out in outs for m in (out.detach(), torch.autograd.grad(out.sum(), x)[0])]
        places = float(found["max"].size)
        return [
            *(Check(f"{name}, by hand", found[name].tolist(), by_hand[name]) for name in found if self.sheet),
            *(
                Check(f"{name}, torch", m.tolist(), t.tolist())
                for (name, m), t in zip(found.items(), of_torch, strict=True)
            ),
            Check("dX of max sums to its windows", float(found["dX of max"].sum()), places),
            Check("dX of average does too", float(found["dX of average"].sum()), places),
        ]

    def checks(
        self, output: np.ndarray, spread: np.ndarray, by_kernel: np.ndarray, by_input: np.ndarray
    ) -> list[Check]:
        """The sheet's matrices, scaled by ``upstream``; autograd; SciPy; finite differences."""
        import torch
        from scipy.signal import convolve2d, correlate2d

        x, f = (torch.tensor(a, requires_grad=True) for a in (self.image, self.kernel))
        pooled = torch.nn.functional.conv2d(x[None, None], f[None, None]).mean()
        auto = torch.autograd.grad(pooled * self.upstream, (f, x))
        scale = self.upstream
        sheet = [] if not self.sheet else [
            Check("O", output.tolist(), [[1.0, 2.0], [-10.0, 8.0]]),
            Check("mean of O", float(global_average_pool(output)), 0.25),
            Check("dO", spread.tolist(), [[0.25 * scale] * 2] * 2),
            Check("dF", by_kernel.tolist(), (scale * np.array([[2.5, 1.75], [1.25, -1]])).tolist()),
            Check("dX", by_input.tolist(),
                  (scale * np.array([[0.5, 0.5, 0], [-0.25, 0, 0.25], [-0.75, -0.5, 0.25]])).tolist()),
        ]  # fmt: skip
        slopes = differences(self.image, self.kernel, scale)
        return [
            *sheet,
            Check("dF by autograd", by_kernel.tolist(), auto[0].tolist()),
            Check("dX by autograd", by_input.tolist(), auto[1].tolist()),
            Check("dF by SciPy", by_kernel.tolist(), correlate2d(self.image, spread, "valid").tolist()),
            Check("dX by SciPy", by_input.tolist(), convolve2d(spread, self.kernel, "full").tolist()),
            Check("dX by central differences, largest difference",
                  float(np.abs(by_input - slopes).max()), 0.0, 1e-6 * abs(scale)),
        ]  # fmt: skip


def matrix_of(name: str, rows: list[list[float]]) -> np.ndarray:
    """Rows as an array.

    Raises:
        ValueError: Rows of unequal length, or none.
    """
    if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise ValueError(f"{name}: rows of {[len(row) for row in rows]} numbers; need rows of the same length.")
    return np.array(rows, float)


def unturned(spread: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The wrong dX: a full correlation, with the kernel unturned."""
    return convolve_full(spread, kernel[::-1, ::-1])


def differences(image: np.ndarray, kernel: np.ndarray, upstream: float, step: float = 1e-4) -> np.ndarray:
    """The slope (H, W) of the pooled output by each entry of the input, by central differences."""
    slopes = np.zeros_like(image)
    for place in np.ndindex(image.shape):
        ends = []
        for sign in (1, -1):
            moved = image.copy()
            moved[place] += sign * step
            ends.append(global_average_pool(cross_correlate(moved, kernel)))
        slopes[place] = upstream * (ends[0] - ends[1]) / (2 * step)
    return slopes


def rows(matrix: np.ndarray) -> str:
    """A matrix in brackets."""
    return "[" + ", ".join("[" + ", ".join(f"{v:g}" for v in row) + "]" for row in matrix.tolist()) + "]"
