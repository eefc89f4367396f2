"""Wrist fractures (assignment D5): two networks from ImageNet, of which the last blocks are trained."""

import torch

from lightning_tasks.nets.parameter_groups import trainable_names

from .gap import GapClassifier


class WristTask(GapClassifier):
    """What the sheet's table compares, beside the scores of classification and those of the train part.

    A test also has ``test/train_samples`` and ``test/samples``, ``test/parameters`` of the network in all and
    ``test/trainable``, those that train in the last epoch of ``unfreeze``.

    Args:
        net: Network by name.
        unfreeze: As in ``ImageClassifier``: the MLP and the last two blocks, as the sheet asks.
        **kwargs: Arguments of ``GapClassifier``.
    """

    def __init__(self, net: str = "transfer", unfreeze: str | dict[int, str] = "last:2", **kwargs) -> None:
        super().__init__(net=net, unfreeze=unfreeze, **kwargs)
        self.save_hyperparameters(logger=False)

    def trained(self) -> list[str]:
        """Names of the parameters that train in the end."""
        schedule = self.unfreezing.schedule
        return trainable_names(self.net, schedule[max(schedule)])

    def on_test_epoch_start(self) -> None:
        """Also count samples and parameters."""
        super().on_test_epoch_start()
        sizes = self.trainer.datamodule.sizes()
        numbers = {name: parameter.numel() for name, parameter in self.net.named_parameters()}
        counts = {
            "train_samples": sizes["train"],
            "samples": sizes["test"],
            "parameters": sum(numbers.values()),
            "trainable": sum(numbers[name] for name in self.trained()),
        }
        for name, count in counts.items():
            self.track(f"test/{name}", torch.tensor(float(count), dtype=torch.float64), 1)
