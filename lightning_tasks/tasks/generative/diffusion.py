"""Denoising diffusion on points and pictures (assignment E5)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.diffusion import (
    cumulative_signal,
    denoised,
    noise_of_velocity,
    noised,
    step_back,
    step_numbers,
    velocity,
)
from lightning_tasks.nets.denoiser import ConvDenoiser, DenseDenoiser
from lightning_tasks.plots.pictures import rows_figure
from lightning_tasks.plots.samples import errors_figure
from lightning_tasks.problems import Generative
from lightning_tasks.problems.exported import Case, Exported, Port

STRIP = 8  # steps that the strips show
CHECKED = 4  # samples that an export is checked by, at every step


class DiffusionTask(Generative):
    """Reads ``image`` (B, C, S, S) in [0, 1] with ``net: conv``, or ``point`` (B, D) with ``net: dense``.

    The network estimates the noise in x_t, or its velocity; the loss is the mean squared error of what it estimates at
    a random step (Ho et al. 2020, equation 14), so that losses of the two cannot be compared. ``test/loss`` is that of
    the part, or of ``samples`` of it; steps and noise come from a stream that begins anew each time. The
    other scores are those of ``Generative``.

    Args:
        net: ``conv``, a small U-Net, or ``dense``.
        steps: T of the training.
        noise_schedule: ``linear`` or ``cosine``: how much noise each step holds.
        target: What the network estimates: ``noise``, or ``velocity`` (``measures.diffusion``).
        sampling_steps: Steps of a sample, at most T.
        eta: Noise of a sampling step: 0 is DDIM, 1 with all T steps DDPM.
        conditional: Also give the network the ``label`` of a sample.
        guidance: w of classifier-free guidance (Ho & Salimans 2022): (1 + w) e(x, class) - w e(x). Needs
            ``conditional``.
        unlabelled: Share of training samples whose class is hidden, so that the network also learns e(x).
        width: Of the network.
        side: S of the pictures.
        timeless: Hide the step from the network: the control.
        in_channels: C of the pictures; the data states it.
        class_names: Names of the classes; the data states them.
        schedule: Of the learning rate, as in ``GradientTask``.
        **kwargs: Arguments of ``Generative``.

    Raises:
        ValueError: Another network, schedule or target, a number out of range, or guidance without classes.
    """

    monitor, mode = "val/loss", "min"
    resampled_rows = ("error",)

    def __init__(
        self,
        net: str = "conv",
        steps: int = 1000,
        noise_schedule: str = "cosine",
        target: str = "noise",
        sampling_steps: int = 50,
        eta: float = 0.0,
        conditional: bool = False,
        guidance: float = 0.0,
        unlabelled: float = 0.1,
        width: int = 32,
        side: int = 28,
        timeless: bool = False,
        in_channels: int = 1,
        class_names: list[str] | None = None,
        schedule: str = "cosine",
        **kwargs,
    ) -> None:
        super().__init__(schedule=schedule, **kwargs)
        self.save_hyperparameters(logger=False)
        self.make_by(net)
        checked_choice("target", target, ("noise", "velocity"))
        if not 0 <= eta <= 1 or not 0 <= unlabelled <= 1 or guidance < 0:
            raise ValueError(f"eta={eta}, unlabelled={unlabelled}, guidance={guidance}: need 0 to 1 and 0 or more.")
        if guidance and not (conditional and unlabelled):
            raise ValueError(
                f"guidance={guidance} leads samples from e(x) to e(x, class), and the network learns both with "
                f"--model.conditional true and --model.unlabelled above 0; they are {conditional} and {unlabelled}."
            )
        if conditional and not class_names:
            raise ValueError("conditional=True needs class_names, which data with labels states.")
        signal = cumulative_signal(noise_schedule, steps).float()
        self.numbers = step_numbers(steps, sampling_steps).tolist()
        self.classes = len(class_names) if conditional else 0
        self.class_names, self.knows_labels = list(class_names or []), conditional
        self.reads = (*self.reads, "label") if conditional else self.reads
        self.scored_rows = (*self.scored_rows, "error", "step")
        # A first step back from nearly pure noise multiplies errors a thousandfold: estimates stay where the data is.
        self.register_buffer("reach", torch.ones(()))
        self.register_buffer("signal", signal, persistent=False)
        if net == "conv":
            self.net: nn.Module = ConvDenoiser(in_channels, side, width, self.classes, timeless)
            self.shape = (in_channels, side, side)
        else:
            self.net = DenseDenoiser(self.hparams.dims, width, classes=self.classes, timeless=timeless)
            self.shape = (self.hparams.dims,)

    def setup(self, stage: str) -> None:
        """Also take the largest value of the training points; pictures reach 1."""
        super().setup(stage)
        data = self.trainer.datamodule
        if stage == "fit" and data is not None and not self.pictures:
            self.reach.fill_(data.arrays("train")[self.reads[0]].abs().max())

    # ---- training ---------------------------------------------------------------------------------------------

    def estimate(self, x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        """What the network says of x_t at steps int64 (B,): its noise or its velocity."""
        return self.net(x, step.float() / self.hparams.steps, label).float()

    def noise_in(self, x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        """The noise in x_t by the network's estimate."""
        estimate = self.estimate(x, step, label)
        return estimate if self.hparams.target == "noise" else noise_of_velocity(x, estimate, self.signal[step])

    def errors(self, batch: dict, stream: torch.Generator | None = None, hide: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mean squared error of the estimate for each sample (B,) at a random step, and the step int64 (B,)."""
        x = self.scaled(batch[self.reads[0]])
        step = torch.randint(1, self.hparams.steps + 1, (len(x),), generator=stream, device=x.device)
        noise = torch.randn(x.shape, generator=stream, device=x.device)
        label = batch["label"] if self.classes else None
        if label is not None and hide:
            label = torch.where(torch.rand(len(x), device=x.device) < hide, self.classes, label)
        signal = self.signal[step]
        target = noise if self.hparams.target == "noise" else velocity(x, noise, signal)
        return (self.estimate(noised(x, noise, signal), step, label) - target).square().flatten(1).mean(1), step

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Mean squared error of the estimate."""
        loss = self.errors(batch, hide=self.hparams.unlabelled)[0].mean()
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    @property
    def sample_classes(self) -> list[str]:
        """The classes, where the network is told them."""
        return self.class_names if self.classes else []

    # ---- sampling ---------------------------------------------------------------------------------------------

    def guided(self, x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        """The noise that sampling takes away."""
        w = self.hparams.guidance
        noise = self.noise_in(x, step, label)
        return noise if not w else (1 + w) * noise - w * self.noise_in(x, step, torch.full_like(label, self.classes))

    def states(self, n: int, stream: torch.Generator, label: Tensor | None = None) -> Iterator[Tensor]:
        """x_t at each of the sampling steps, from pure noise to the sample, in the network's scale."""
        x = torch.randn(n, *self.shape, generator=stream, device=self.device)
        if self.classes and label is None:
            label = torch.randint(self.classes, (n,), generator=stream, device=self.device)
        yield x
        for now, before in zip(self.numbers, self.numbers[1:], strict=False):
            step, to = (torch.full((n,), number, device=self.device) for number in (now, before))
            fresh = torch.randn(x.shape, generator=stream, device=self.device) if self.hparams.eta else x
            x = self.step_to(x, step, to, label, fresh)
            yield x

    def step_to(self, x: Tensor, step: Tensor, to: Tensor, label: Tensor | None, fresh: Tensor) -> Tensor:
        """The state at steps ``to`` of x_t at steps ``step``, both int64 (B,); ``fresh`` is drawn noise as ``x``."""
        start = denoised(x, self.guided(x, step, label), self.signal[step])
        start = start.clamp(-self.reach, self.reach)
        now, before = (self.signal[number].view(-1, *[1] * (x.ndim - 1)) for number in (step, to))
        return step_back(x, start, now, before, self.hparams.eta, fresh)

    def sample(self, n: int, stream: torch.Generator, label: Tensor | None = None) -> Tensor:
        """Samples as the data has them; ``label`` int64 (n,) chooses their classes, else they are drawn evenly."""
        for x in self.states(n, stream, label):
            last = x  # all others may be forgotten
        return self.unscaled(last)

    def exported(self, sample: dict) -> Exported:
        """One step of a sample: a state at one step to the state at another."""
        eta, free = self.hparams.eta, ("batch", *self.shape)
        inputs = [
            Port("state", "float32", free, "what is to be denoised, at first standard normal noise"),
            Port("step", "int64", ("batch",), "number of the step that state is at"),
            Port("to", "int64", ("batch",), "number of the earlier step that is asked for; 0 is the sample"),
            *([Port("label", "int64", ("batch",), "number of the class")] if self.classes else []),
            *([Port("fresh", "float32", free, "standard normal noise")] if eta else []),
        ]

        def compute(state: Tensor, step: Tensor, to: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
            label = others[0] if self.classes else None
            return (self.step_to(state, step, to, label, others[-1] if eta else state),)

        def cases(batch: dict) -> Iterator[Case]:
            self.restart_streams()
            stream, n = self.stream("predict"), min(CHECKED, len(batch["id"]))
            state = torch.randn(n, *self.shape, generator=stream, device=self.device)
            others = {"label": batch["label"][:n]} if self.classes else {}
            for now, before in zip(self.numbers, self.numbers[1:], strict=False):
                if eta:
                    others["fresh"] = torch.randn(state.shape, generator=stream, device=self.device)
                step, to = (torch.full((n,), number, device=self.device) for number in (now, before))
                after = self.step_to(state, step, to, others.get("label"), others.get("fresh", state))
                yield {"state": state, "step": step, "to": to, **others}, {"denoised": after}
                state = after

        output = Port("denoised", "float32", free, "the state at step to")
        facts: dict[str, Any] = {"steps of a sample": self.numbers}
        if self.pictures:
            facts["pictures"] = "(denoised + 1) / 2 at step 0, cut to [0, 1]"
        gain = float(self.signal[self.numbers[0]]) ** -0.5  # the first step divides what is left by the square root
        return Exported(tuple(inputs), (output,), compute, cases, facts, gain)

    # ---- evaluation -------------------------------------------------------------------------------------------

    def measured(self, part: str, batch: dict) -> dict[str, Tensor]:
        """Error and step of each sample."""
        error, step = self.errors(batch, self.stream(part))
        return {"error": error, "step": step}

    def resampled(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """The loss."""
        return {"loss": rows["error"].double().mean()}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Loss, and distances of the two sets."""
        return self.resampled(rows) | super().score(rows)

    # ---- figures ----------------------------------------------------------------------------------------------

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Also how pictures become noise, and how noise becomes pictures."""
        figures = super().figures(batch, out)
        if not self.pictures:
            return figures
        stream = torch.Generator(self.device).manual_seed(0)
        x = self.scaled(batch["image"][:6])
        noise = torch.randn(x.shape, generator=stream, device=self.device)
        at = torch.linspace(0, self.hparams.steps, STRIP).long()
        forward = {f"t={int(t)}": noised(x, noise, self.signal[t].expand(len(x))) for t in at}
        path = list(self.states(6, stream))
        chosen = torch.linspace(0, len(path) - 1, STRIP).long().tolist()
        back = {f"t={self.numbers[i]}": path[i] for i in chosen}
        for name, strip in (("forward", forward), ("denoising", back)):
            figures[name] = rows_figure({step: self.unscaled(pictures) for step, pictures in strip.items()})
        return figures

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Also the loss over the steps."""
        errors = errors_figure(rows["step"], rows["error"], self.hparams.target)
        return super().figures_of_rows(rows) | {"loss_over_steps": errors}
