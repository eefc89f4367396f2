"""One small fit of each kind of problem, for tests that hold something for every kind."""

from pathlib import Path

from tests.conftest import ROOT
from tests.tasks.images.test_mars import write_pack

TOY = ("--data", "tests.toys.ToyDataModule")
QUIET = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
KINDS = {
    "classification": ("--model", "tests.toys.ToySequence", *TOY),
    "regression": ("--model", "tests.toys.ToyRegression", *TOY),
    "reconstruction": ("--model", "tests.toys.ToyAutoencoder", *TOY),
    "adversarial": ("--model", "tests.toys.ToyGan", *TOY, "--model.ema", "0.9"),
    "closed form": ("--model", "tests.toys.ToyNearestMean", *TOY),
    # the course's format, in a small file: ``write_files``
    "segmentation": ("--config", f"{ROOT}/configs/mars_unet.yaml", "--model.net_args", "{width: 4, depth: 2}",
                     "--data.augment", "[]", "--data.folds", "4", "--data.limit", "20", "--model.loss", "ce"),
    # bounds and samples are drawn
    "generative": ("--config", f"{ROOT}/configs/mixture_vae.yaml", "--data.n_test", "33", "--data.n_train", "61",
                   "--model.hidden", "[8]"),
    # a state is carried along streams
    "language model": ("--config", f"{ROOT}/configs/char_lstm.yaml", "--model.width", "8", "--data.simulated", "1003",
                       "--data.steps", "10"),
    # decoded and changed in a worker process, from a folder that is made in the temporary folder
    "pictures in files": ("--config", f"{ROOT}/configs/image_folder.yaml", "--data.size", "16",
                          "--data.limit", "60", "--data.num_workers", "1", "--model.net", "mlp",
                          "--model.net_args", "{image_size: 16, hidden: [4]}"),
}  # fmt: skip


def write_files(folder: Path) -> None:
    """The files that some of them read, below the folder where the command is run."""
    (folder / "data").mkdir()
    write_pack(folder / "data/mars")
