"""Ready PNGs to TensorBoard, which thus shows what files and reports show."""

import struct
from pathlib import Path

from matplotlib.figure import Figure
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from .save import save_figure


def publish(folder: Path, figures: dict[str, Figure], inside: str = "figures") -> list[Path]:
    """Write figures into a folder and into its TensorBoard events, and return their files.

    Args:
        folder: A run, or what a verb made of several.
        figures: Tag in TensorBoard -> figure; ``calibration/risk`` is ``figures/calibration_risk.png``.
        inside: Where the files stand within the folder.
    """
    paths = []
    writer = SummaryWriter(str(folder))
    for tag, figure in figures.items():
        paths.append(folder / inside / f"{tag.replace('/', '_')}.png")
        add_png(writer, tag, save_figure(figure, paths[-1]))
    writer.close()
    return paths


def add_png(writer: SummaryWriter, tag: str, png: bytes, step: int = 0) -> None:
    """Give TensorBoard a PNG as it is: ``add_figure`` and ``add_image`` would draw or encode it again."""
    width, height = struct.unpack(">II", png[16:24])  # of the header, see the PNG specification, 11.2.2
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)
