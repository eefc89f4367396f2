"""Convolution where it helps and where it hurts: pictures, the same pictures permuted, a table (G19)."""

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lightning_tasks.problems.exercise import Answer, Check, Table

from .small_training import (
    PictureExercise,
    accuracy,
    mean_sd,
    mlp,
    parameters,
    picture_cnn,
    table_cnn,
    train,
    tumour_table,
)

COLORS = {"CNN": "#D55E00", "MLP": "#0072B2"}


class WhereConvolutionHelps(PictureExercise):
    """A CNN and an MLP of as many parameters, each trained with as many steps from a fresh start.

    Args:
        samples: Training pictures.
        side: Pixels a side, a multiple of 4.
        steps: Of each training.
        seeds: One or more.

    Raises:
        ValueError: Numbers out of range.
    """

    question = "What is a real example where convolution helps, and one where it hurts, and why?"

    def __init__(self, samples: int = 1000, side: int = 12, steps: int = 250, seeds: tuple[int, ...] = (0, 1)) -> None:
        super().__init__(samples, side, seeds)
        if steps < 1 or side % 4:
            raise ValueError(f"steps={steps}, side={side}: need 1 or more, and a multiple of 4.")
        self.steps = steps
        # one permutation for all pictures and seeds: a new one for each picture would destroy them
        self.permutation = torch.randperm(side**2, generator=torch.Generator().manual_seed(0))

    def permuted(self, image: Tensor) -> Tensor:
        """The same pixels in another order, the same for every picture."""
        return image.flatten(2)[:, :, self.permutation].view_as(image)

    def pair(self, columns: int | None) -> dict[str, nn.Module]:
        """A CNN and an MLP of as many parameters, for pictures or for a table of so many columns."""
        cnn = picture_cnn(self.channels, self.side, self.classes) if columns is None else table_cnn(columns, 2)
        inputs, classes = (self.channels * self.side**2, self.classes) if columns is None else (columns, 2)
        return {"CNN": cnn, "MLP": mlp(inputs, classes, parameters(cnn))}

    def answer(self) -> Answer:
        """The table of three kinds of data and two networks."""
        scores: dict[str, dict[str, list[float]]] = {}
        sizes: dict[str, dict[str, int]] = {}
        for seed in self.seeds:
            (x, y), (table, table_test) = self.drawn(seed), tumour_table(seed)
            kinds = {
                "pictures": ((x, y), self.test),
                "pictures, pixels permuted": ((self.permuted(x), y), (self.permuted(self.test[0]), self.test[1])),
                "table of tumours": (table, table_test),
            }
            for kind, (part, test) in kinds.items():
                torch.manual_seed(seed)  # the same first weights for pictures and permuted ones
                nets = self.pair(part[0].shape[1] if part[0].ndim == 2 else None)
                sizes[kind] = {name: parameters(net) for name, net in nets.items()}
                for name, net in nets.items():
                    score = accuracy(train(net, *part, self.steps, seed), *test)
                    scores.setdefault(kind, {}).setdefault(name, []).append(score)
        means = {kind: {name: sum(v) / len(v) for name, v in row.items()} for kind, row in scores.items()}
        plain, mixed, table_means = (means[kind] for kind in scores)
        text = (
            "It helps where neighbours belong together and a pattern may stand anywhere: pictures, sound, text. It "
            "hurts where the order says nothing (columns of a table) or where the absolute place is what matters. On "
            f"pictures the CNN is right in {plain['CNN']:.3f} of the test samples, the MLP of as many parameters in "
            f"{plain['MLP']:.3f}. One fixed permutation of the pixels, which loses no information, changes that by "
            f"{mixed['CNN'] - plain['CNN']:+.3f} for the CNN and {mixed['MLP'] - plain['MLP']:+.3f} for the MLP, which "
            f"never knew which pixels are neighbours. On the table it is {table_means['CNN']:.3f} and "
            f"{table_means['MLP']:.3f}: the order of its 30 columns is no neighbourhood."
        )
        if plain["CNN"] <= plain["MLP"]:
            text += (
                " So few steps and samples, of pictures that are centred and alike in size, do not show the advantage: "
                "--steps and --samples give more of both, --data CIFAR10DataModule pictures without such an order."
            )
        rows = [[kind, *(mean_sd(row[name]) for name in row), *sizes[kind].values()] for kind, row in scores.items()]
        heads = ["data", "CNN", "MLP", "parameters, CNN", "MLP"]
        title = f"Test accuracy, {self.samples} training pictures, {self.steps} steps, {len(self.seeds)} seeds"
        return Answer(text, [Table(title, heads, rows)], self.checks(sizes), {"accuracy": self.figure(scores)})

    def checks(self, sizes: dict[str, dict[str, int]]) -> list[Check]:
        """What must hold whatever was learnt."""
        image = self.test[0][:8]
        torch.manual_seed(0)
        dense = self.pair(None)["MLP"].eval()
        moved = mlp(image[0].numel(), self.classes, sizes["pictures"]["CNN"]).eval()
        moved.load_state_dict(dense.state_dict())
        order = torch.cat([self.permutation + c * self.side**2 for c in range(self.channels)])
        moved[1].weight.data = dense[1].weight.data[:, order]
        with torch.no_grad():
            gap = float((moved(self.permuted(image)) - dense(image)).abs().max())
        return [
            Check("an MLP with permuted weights says of permuted pictures what it said before", gap, 0.0, 1e-4),
            *(
                Check(f"{kind}: parameters of the MLP by those of the CNN", row["MLP"] / row["CNN"], 1.0, 0.02)
                for kind, row in sizes.items()
            ),
        ]

    def figure(self, scores: dict[str, dict[str, list[float]]]) -> Figure:
        """A group of bars for each kind of data, a dot a seed."""
        figure = Figure(figsize=(7, 3.4), layout="constrained")
        axis = figure.subplots()
        for shift, name in ((-0.2, "CNN"), (0.2, "MLP")):
            places = [i + shift for i in range(len(scores))]
            values = [row[name] for row in scores.values()]
            axis.bar(places, [sum(v) / len(v) for v in values], 0.38, color=COLORS[name], alpha=0.7, label=name)
            for place, seeds in zip(places, values, strict=True):
                axis.plot([place] * len(seeds), seeds, "k.", markersize=5)
        axis.set_xticks(range(len(scores)), list(scores))
        axis.set(ylabel="test accuracy", ylim=(0, 1))
        axis.legend(fontsize=8, loc="lower right")
        return figure
