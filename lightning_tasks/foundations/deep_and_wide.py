"""Deep beside wide networks of as many parameters, what each layer knows, and what keeps depth from training (G18)."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn

from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Answer, Check, Table

from .small_training import PictureExercise, accuracy, mean_sd, parameters, train

LAYERS = 16
ASKED = (7, 11)
FORMS = ("plain", "residual")


class Layered(nn.Module):
    """A flattened picture through ``depth`` hidden layers of one width to the classes.

    ``plain``: linear, ReLU, with torch's first weights, which shrink what passes. ``residual``: from the second layer
    on h + ReLU(linear(norm(h))), so that gradients have a way around each layer.

    Args:
        inputs: D.
        classes: K.
        depth: Hidden layers.
        width: Units of each.
        form: One of ``FORMS``.
    """

    def __init__(self, inputs: int, classes: int, depth: int, width: int, form: str) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(inputs if i == 0 else width, width) for i in range(depth))
        self.head, self.form = nn.Linear(width, classes), form

    def hidden(self, image: Tensor) -> list[Tensor]:
        """Outputs (B, width) of every hidden layer."""
        outputs, h = [], image.flatten(1)
        for number, layer in enumerate(self.layers):
            if self.form == "residual" and number:
                h = h + F.relu(layer(F.layer_norm(h, h.shape[1:])))
            else:
                h = F.relu(layer(h))
            outputs.append(h)
        return outputs

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.head(self.hidden(image)[-1])


def width_of(inputs: int, classes: int, depth: int, budget: int) -> int:
    """Width at which ``depth`` layers have about ``budget`` parameters.

    The root of (depth - 1) w^2 + (inputs + depth + classes) w + classes = budget, to the nearest unit.
    """
    a, b, c = depth - 1, inputs + depth + classes, classes - budget
    return max(1, round(-c / b if a == 0 else (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)))


def gradient_ratio(net: Layered, x: Tensor, y: Tensor) -> float:
    """Norm of the loss's gradient by the first layer's weights over that by the last hidden layer's."""
    net.zero_grad()
    F.cross_entropy(net(x), y).backward()
    first, last = (float(net.layers[i].weight.grad.norm()) for i in (0, -1))
    net.zero_grad()
    return first / last


@torch.no_grad()
def probes(net: Layered, part: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> list[float]:
    """Test accuracy of a linear classifier (ridge to one-hot classes) on the outputs of each hidden layer."""
    scores = []
    for h, h_test in zip(net.hidden(part[0]), net.hidden(test[0]), strict=True):
        mean, std = h.mean(0), h.std(0).clamp_min(1e-6)
        ridge = RidgeClassifier(10.0).fit(((h - mean) / std).numpy(), part[1].numpy())
        scores.append(float(ridge.score(((h_test - mean) / std).numpy(), test[1].numpy())))
    return scores


class DeepAndWide(PictureExercise):
    """Networks of 1, 4 and 16 hidden layers with as many parameters; linear probes of the 16 layers.

    Args:
        samples: Training pictures.
        side: Pixels a side.
        steps: Of each training.
        budget: Parameters of each network, about.
        seeds: One or more.

    Raises:
        ValueError: Numbers out of range.
    """

    question = (
        "In a net of 16 layers, is layer 7 or 11 better for the decision? What speaks for deep and what for wide "
        "networks?"
    )
    depths = (1, 4, LAYERS)

    def __init__(
        self,
        samples: int = 1000,
        side: int = 12,
        steps: int = 250,
        budget: int = 25_000,
        seeds: tuple[int, ...] = (0, 1),
    ) -> None:
        super().__init__(samples, side, seeds)
        if steps < 1 or budget < 20_000:
            raise ValueError(f"steps={steps}, budget={budget}: need 1 or more, and 20,000 parameters or more.")
        self.steps, self.budget = steps, budget

    def net(self, depth: int, form: str, seed: int) -> Layered:
        """Fresh, of the budget's size."""
        torch.manual_seed(seed)
        inputs = self.channels * self.side**2
        return Layered(inputs, self.classes, depth, width_of(inputs, self.classes, depth, self.budget), form)

    def answer(self) -> Answer:
        """Accuracies over depth, gradients at the start, and what a probe reads from each layer."""
        rows, sizes = [], []
        known: dict[str, list[list[float]]] = {form: [] for form in FORMS}
        for form in FORMS:
            for depth in self.depths:
                if depth == 1 and form != FORMS[0]:
                    continue  # one layer has no shortcut
                scores, ratios = {"train": [], "test": []}, []
                for seed in self.seeds:
                    part, net = self.drawn(seed), self.net(depth, form, seed)
                    ratios.append(gradient_ratio(net, part[0][:200], part[1][:200]))
                    train(net, *part, self.steps, seed)
                    scores["train"].append(accuracy(net, *part))
                    scores["test"].append(accuracy(net, *self.test))
                    if depth == LAYERS:
                        known[form].append(probes(net, part, self.test))
                sizes.append(parameters(net))
                ratio = float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-30)))))
                name = form if depth > 1 else "-"
                rows.append([name, depth, net.head.in_features, sizes[-1], *map(mean_sd, scores.values()), ratio])
        probe_rows = [
            [layer + 1, *(mean_sd([run[layer] for run in known[form]]) for form in FORMS)] for layer in range(LAYERS)
        ]
        gains = {f: [run[ASKED[1] - 1] - run[ASKED[0] - 1] for run in known[f]] for f in FORMS}
        text = (
            "The sheet's answer is layer 11: later layers hold more abstract features, from which the decision is "
            "closer. Measured here with linear probes, layer 11 less layer 7 is "
            + ", ".join(f"{mean_sd(gains[form])} ({form})" for form in FORMS)
            + ". Deep networks build features from features, need fewer units for some functions, and see more of a "
            "picture; wide ones are easier to train and to run in parallel. At equal parameters a plain net of 16 "
            "layers is not worse because it could not say as much: the gradient of its first layer is a small part of "
            "that of its last one, so that it trains slowly (its accuracy on training pictures tells). Shortcuts and "
            "norms mend that, and what is then left is the difference of capacity."
        )
        title = f"Test accuracy, {self.samples} training pictures, {self.steps} steps, {len(self.seeds)} seeds"
        heads = ["form", "layers", "width", "parameters", "train accuracy", "test accuracy", "first gradient / last"]
        return Answer(
            text,
            [
                Table(title, heads, rows),
                Table("Linear probes of a trained net of 16 layers: test accuracy", ["layer", *FORMS], probe_rows),
            ],
            self.checks(sizes),
            {"probes": self.figure(known)},
        )

    def checks(self, sizes: list[int]) -> list[Check]:
        """Equal sizes, and a probe of the last layer that is a readout of the same features."""
        net = self.net(4, "residual", 0)
        x = self.test[0][:50]
        with torch.no_grad():
            gap = float((net.head(net.hidden(x)[-1]) - net(x)).abs().max())
        ratios = [gradient_ratio(self.net(LAYERS, form, 0), *(part[:200] for part in self.test)) for form in FORMS]
        return [
            Check("largest network by the smallest", max(sizes) / min(sizes), 1.0, 0.06),
            Check("the head reads the last hidden layer", gap, 0.0, 1e-5),
            Check(
                "the plain net's first gradient is a smaller part than the residual one's", ratios[0] < ratios[1], True
            ),
        ]

    def figure(self, known: dict[str, list[list[float]]]) -> Figure:
        """Probe accuracy over the layer, a line a seed, both asked layers marked."""
        figure = Figure(figsize=(6.5, 3.4), layout="constrained")
        axis = figure.subplots()
        for color, (form, runs) in zip((PALETTE[3], PALETTE[4]), known.items(), strict=True):
            for number, run in enumerate(runs):
                axis.plot(range(1, LAYERS + 1), run, ".-", color=color, alpha=0.8, label=form if not number else None)
        for layer in ASKED:
            axis.axvline(layer, color="#999999", linestyle=":")
        axis.set(xlabel="layer (dotted: 7 and 11)", ylabel="test accuracy of a linear probe")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        return figure
