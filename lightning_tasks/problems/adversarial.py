"""Adversarial training: several players, each with an optimiser of its own."""

from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from .generative import Generative
from .optim import LARGEST, make_optimizer


class Adversarial(Generative):
    """A subclass names its ``players``, attributes that are modules, and gives ``loss_of(player, batch)``.

    In each batch the players move in their order, ``steps`` times each. While one moves, the parameters of the others
    are frozen. All have the same optimiser and schedule, at their own factor of the rate.

    Args:
        rates: Player -> factor of ``lr``; 1 where it is not named.
        steps: Player -> moves a batch; 1 where it is not named.
        betas: Of Adam and its kin; None takes the optimiser's own.
        clip: Largest norm of a player's gradient; 0 for none.
        optimizer: As in ``GradientTask``.
        lr: As in ``GradientTask``; adversarial training bears less than other training.
        weight_decay: As in ``GradientTask``.
        schedule: As in ``GradientTask``, without ``plateau``: no loss says how good a player is.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: A player of another name, or a number that is out of range.
    """

    players: tuple[str, ...] = ("critic", "generator")
    idles = True

    def __init__(
        self,
        rates: dict[str, float] | None = None,
        steps: dict[str, int] | None = None,
        betas: list[float] | None = None,
        clip: float = 0.0,
        optimizer: str = "adam",
        lr: float = 2e-4,
        weight_decay: float = 0.0,
        schedule: str = "none",
        **kwargs,
    ) -> None:
        super().__init__(optimizer=optimizer, lr=lr, weight_decay=weight_decay, schedule=schedule, **kwargs)
        self.save_hyperparameters(logger=False)
        self.automatic_optimization = False
        if betas is not None and not (len(betas) == 2 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(f"betas={betas}: need two numbers from 0 to below 1, such as [0.5, 0.9].")
        for name, by_player in (("rates", rates or {}), ("steps", steps or {})):
            if unknown := sorted(set(by_player) - set(self.players)):
                raise ValueError(f"{name} names {unknown[0]!r}; the players are {', '.join(self.players)}.")
            if bad := [value for value in by_player.values() if not 0 < value <= LARGEST]:
                raise ValueError(f"{name} holds {bad[0]}; need more than 0, and {LARGEST:g} at most.")
        if clip < 0 or schedule == "plateau":
            raise ValueError(f"clip={clip}, schedule={schedule!r}: need 0 or more, and onecycle, cosine or none.")
        self.rates, self.steps = rates or {}, steps or {}

    def loss_of(self, player: str, batch: dict) -> Tensor:
        """The loss (0-dim) that ``player`` lowers in its move."""
        raise NotImplementedError(f"{type(self).__name__}.loss_of")

    def training_step(self, batch: dict, batch_idx: int) -> None:
        """Let each player move."""
        schedules = self.lr_schedulers() or []
        schedules = schedules if isinstance(schedules, list) else [schedules]
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]  # one player
        for number, (player, optimizer) in enumerate(zip(self.players, optimizers, strict=True)):
            for _ in range(self.steps.get(player, 1)):
                self.toggle_optimizer(optimizer)
                loss = self.loss_of(player, batch)
                optimizer.zero_grad()
                self.manual_backward(loss)
                if self.hparams.clip:
                    self.clip_gradients(optimizer, self.hparams.clip * self.gradient_scale, "norm")
                optimizer.step()
                self.untoggle_optimizer(optimizer)
                self.track(f"train/{player}", loss, len(batch["id"]))
            if schedules:
                schedules[number].step()

    @property
    def gradient_scale(self) -> float:
        """What 16-bit training has multiplied gradients with: they are divided by it within ``optimizer.step``."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return 1.0 if scaler is None else scaler.get_scale()

    def configure_optimizers(self) -> tuple[dict[str, Any], ...]:
        """One optimiser and schedule a player, in their order."""
        return tuple(self.scheduled(self.optimizer_of(player)) for player in self.players)

    def optimizer_of(self, player: str) -> Optimizer:
        """The optimiser of one player, at its own factor of the rate."""
        h = self.hparams
        options = {} if h.betas is None else {"betas": tuple(h.betas)}
        rate = h.lr * self.rates.get(player, 1.0)
        made = make_optimizer(getattr(self, player), h.optimizer, rate, h.weight_decay, **options)
        if options and "betas" not in made.defaults:
            raise ValueError(f"betas={h.betas}: optimizer={h.optimizer!r} has none. Leave them away, or take adam.")
        return made
