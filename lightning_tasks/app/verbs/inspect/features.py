"""Features of a trained network for samples of a data set."""

import numpy as np
import torch

from lightning_tasks.app.members import Run, batches_of


@torch.inference_mode()
def network_features(loaded: Run, rows: np.ndarray) -> np.ndarray:
    """(N, F) float32: ``Task.features`` of rows of the train pool.

    Args:
        loaded: The network, and the data that is inspected.
        rows: Rows of the train pool.

    Raises:
        ValueError: The network has no features that can be read.
    """
    loaded.data.parts["inspected"] = rows
    try:
        features = [loaded.task.features(batch).cpu() for (batch,) in batches_of([loaded], "inspected")]
    except ValueError as error:
        raise ValueError(f"{error} Use --features pixels.") from None
    finally:
        del loaded.data.parts["inspected"]
    return torch.cat(features).numpy()
