"""Brain tumours (assignment D4): slices of MRI scans in a folder for each class, of two layouts."""

from pathlib import Path

from datamodules.simulate.brain_scans import make_brain_scans
from datamodules.simulate.scratch import scratch_folder

from .image_folder import ImageFolderDataModule


class BrainTumorDataModule(ImageFolderDataModule):
    """Reads ``no/*.jpg`` and ``yes/*.jpg``, or ``Training/CLASS`` and perhaps ``Testing/CLASS`` of the four-class set.

    Slices of one scan resemble each other, and no file says which belong together: near copies are kept on one side of
    the split (``near``). ``groups: none`` splits slices one by one, which flatters.

    Args:
        yes_no: Two classes, ``no`` and ``yes``: folders whose name begins with "no" are ``no``, all others ``yes``.
        near: As in ``ImageFolderDataModule``.
        channels: 1: scans are gray; 3 for networks that were trained on colour.
        policy: ``none``: augmentation in batches is cheaper here.
        **kwargs: Arguments of ``ImageFolderDataModule``.
    """

    title = "brain_tumor"
    how_to_get = "Put the course's folders yes and no, or those of the four-class set, in data/brain_tumor."

    def __init__(
        self, yes_no: bool = False, near: int | None = 6, channels: int = 1, policy: str | list = "none", **kwargs
    ) -> None:
        super().__init__(near=near, channels=channels, policy=policy, **kwargs)
        self.save_hyperparameters(logger=False)

    def class_of(self, folder_name: str) -> str:
        """The folder's name, or ``no`` or ``yes``."""
        if not self.hparams.yes_no:
            return folder_name
        return "no" if folder_name.lower().startswith("no") else "yes"

    def simulated_folder(self) -> Path:
        """Drawn slices in the folders of the four-class set."""
        return scratch_folder(make_brain_scans, self.hparams.seed, scans=160)
