"""Plays of Shakespeare as one text, for language models (assignments F3, F8)."""

from datamodules.texts.stream import TextStreamDataModule


class ShakespeareDataModule(TextStreamDataModule):
    """A million characters of public-domain plays; the test part is the last tenth.

    Args:
        file: As in ``TextStreamDataModule``, as are all others.
        test_fraction: As there.
        **kwargs: Arguments of ``TextStreamDataModule``.
    """

    how_to_get = "Put shakespeare.txt there, or any text in UTF-8 with --data.file (docs/data.md)."

    def __init__(self, file: str = "shakespeare.txt", test_fraction: float = 0.1, **kwargs) -> None:
        super().__init__(file=file, test_fraction=test_fraction, **kwargs)
        self.save_hyperparameters(logger=False)
