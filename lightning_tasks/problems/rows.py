"""Per-sample results of an epoch, gathered over devices, from which every metric is computed once."""

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_tasks.common.host import on_host

# Neither gloo nor NCCL gathers these: they travel as the second, and are themselves again on arrival.
TRAVELS_AS = {torch.int16: torch.int32, torch.uint16: torch.int32, torch.uint32: torch.int64}


class Rows(Metric):
    """Collect tensors with one row a sample; ``compute`` gives them concatenated over batches and devices.

    Rows of several devices are ordered by ``id``, so that a bootstrap over them draws what it draws from one.

    Metrics need the whole set (the mean of batch AUROCs is not the AUROC), bootstrap intervals need single
    samples, and folds are pooled by concatenation: all three read the same rows.

    Args:
        names: Names of the tensors; every ``update`` gives exactly these.
    """

    full_state_update = False

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        self._axes: dict[str, torch.Size] = {}  # all but the first
        for name in names:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, **tensors: Tensor) -> None:
        """Append one batch; no arithmetic and no host synchronisation."""
        for name in self.names:
            getattr(self, name).append(tensors[name].detach())
            self._axes[name] = tensors[name].shape[1:]

    def _sync_dist(self, *args, **kwargs) -> None:
        """Gather over processes, where every dtype can be gathered."""
        dtypes = {name: state[0].dtype for name in self.names if (state := getattr(self, name))}
        narrow = {name: dtype for name, dtype in dtypes.items() if dtype in TRAVELS_AS}
        for name, dtype in narrow.items():
            setattr(self, name, [value.to(TRAVELS_AS[dtype]) for value in getattr(self, name)])
        super()._sync_dist(*args, **kwargs)
        for name, dtype in narrow.items():
            setattr(self, name, getattr(self, name).to(dtype))

    def whole(self) -> dict[str, Tensor]:
        """What ``compute`` gives, on the host and with all axes (torchmetrics takes those of a single element away).

        Scores, figures and intervals are computed there: whoever reads a number that lies on a GPU waits for it.
        """
        return on_host({name: value.reshape(-1, *self._axes[name]) for name, value in self.compute().items()})

    def compute(self) -> dict[str, Tensor]:
        """Name -> tensor (N, ...) in float32 or integer, on the device."""
        rows = {}
        for name in self.names:
            state = getattr(self, name)
            value = torch.cat(state) if isinstance(state, list) else state
            rows[name] = value.float() if value.is_floating_point() else value
        if "id" in rows and isinstance(self.id, Tensor):  # gathered: process after process
            order = torch.argsort(rows["id"], stable=True)
            rows = {name: value[order] for name, value in rows.items()}
        return rows
