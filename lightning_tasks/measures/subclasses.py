"""Classes that are made of subclasses: logits of the class, and the loss of the subclass within it."""

import torch
from torch import Tensor


def class_logits(outputs: Tensor, class_of: list[int], num_classes: int) -> Tensor:
    """Logits (B, K) of classes from those of their subclasses (B, D): the log of the sum of exponentials.

    Softmax of the result is the sum, over each class, of the softmax of ``outputs``.

    Args:
        outputs: Float (B, D).
        class_of: Class of each of the D; every class has one or more.
        num_classes: K.
    """
    # lists of places, and not masks, whose number of elements a graph for export could not tell
    places = [[i for i, its_class in enumerate(class_of) if its_class == k] for k in range(num_classes)]
    return torch.stack([outputs[:, of_class].logsumexp(1) for of_class in places], 1)


def within_class_loss(outputs: Tensor, logits: Tensor, label: Tensor, place: Tensor) -> Tensor:
    """Cross entropy of the subclass given the true class, mean over all B samples; 0 for those that have none.

    With the cross entropy of ``logits`` it makes that of all subclasses: log p(d) = log p(class) + log p(d | class).

    Args:
        outputs: Float (B, D).
        logits: Those of the classes (B, K), see ``class_logits``.
        label: Class int64 (B,).
        place: Subclass int64 (B,), of that class; -1 where it is not known.
    """
    found = logits.gather(1, label[:, None]) - outputs.gather(1, place.clamp_min(0)[:, None])
    return torch.where(place >= 0, found.squeeze(1), 0).mean()
