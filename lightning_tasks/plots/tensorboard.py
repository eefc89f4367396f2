"""Ready PNGs to TensorBoard."""

import struct

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter


def add_png(writer: SummaryWriter, tag: str, png: bytes, step: int = 0) -> None:
    """Give TensorBoard a PNG as it is: ``add_figure`` and ``add_image`` would draw or encode it again."""
    width, height = struct.unpack(">II", png[16:24])  # of the header, see the PNG specification, 11.2.2
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)
