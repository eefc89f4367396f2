"""Pictures that stay encoded on disk until a batch needs them: bytes by name, decoding, dataset, loader."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
from PIL import Image

from .modes import as_rgb

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


class BrokenFile(ValueError):
    """A file of pictures, or one picture in it, that cannot be read; the message says what to do."""


class HDF5Source:
    """Encoded pictures in an HDF5 file: the key is the name, the value the bytes (opaque, string or uint8 array).

    The file is opened when something is read, by each process for itself: a handle that was opened before a fork, or
    copied to another process, gives wrong bytes or hangs. Call ``close`` before worker processes are started.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None

    def _open(self) -> h5py.File:
        if self._file is None:
            try:
                self._file = h5py.File(self.path, "r")
            except OSError as error:
                raise BrokenFile(
                    f"{self.path}: not a whole HDF5 file ({error}). Copy or unpack it again; it may be truncated."
                ) from None
        return self._file

    def names(self) -> set[str]:
        """Names of all pictures."""
        return set(self._open())

    def read(self, name: str) -> bytes:
        """Encoded bytes of one picture."""
        value = self._open()[name][()]
        return value if isinstance(value, bytes) else value.tobytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getstate__(self) -> dict:
        return {"path": self.path, "_file": None}


class FolderSource:
    """Encoded pictures as files ``<name>.jpg``, or with another of ``SUFFIXES``, in one folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        files = sorted(p.name for p in self.path.iterdir() if p.suffix.lower() in SUFFIXES)
        self._files = {name.rsplit(".", 1)[0]: name for name in files}

    def names(self) -> set[str]:
        """Names of all pictures."""
        return set(self._files)

    def read(self, name: str) -> bytes:
        """Encoded bytes of one picture."""
        return (self.path / self._files[name]).read_bytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the named files together."""
        return sum((self.path / self._files[name]).stat().st_size for name in names)

    def close(self) -> None:
        """Nothing stays open."""


class TreeSource:
    """Encoded pictures as files below a folder; the name of each is its path from there, with suffix.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def read(self, name: str) -> bytes:
        """Encoded bytes of one picture."""
        return (self.path / name).read_bytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the named files together."""
        return sum((self.path / name).stat().st_size for name in names)

    def close(self) -> None:
        """Nothing stays open."""


Source = HDF5Source | FolderSource | TreeSource


def open_source(path: Path) -> HDF5Source | FolderSource:
    """A folder of pictures, or an HDF5 file."""
    return FolderSource(path) if Path(path).is_dir() else HDF5Source(path)


Seen = Callable[[Image.Image], Image.Image]  # any picture -> RGB


def decode(data: bytes, size: int, crop: bool = False, seen: Seen = as_rgb) -> np.ndarray:
    """Encoded picture -> RGB uint8 (size, size, 3); other shapes are squeezed into the square, or cut with ``crop``.

    Colour modes and orientation are those of ``modes.as_rgb``, or of another function ``seen``.

    A JPEG that is larger than needed is decoded at the smallest of the scales 1/8, 1/4, 1/2, 1 that is not below
    ``size`` (fewer DCT coefficients, several times faster), and brought to ``size`` by antialiased bilinear
    interpolation.

    Raises:
        OSError, SyntaxError, ValueError: As PIL finds the data broken.
    """
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (size, size))
        image = seen(image)
    if crop:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)


def channels_first(image: np.ndarray, channels: int) -> np.ndarray:
    """RGB uint8 (H, W, 3) -> (3, H, W), or for one channel (1, H, W): luminance by ITU-R BT.601."""
    return image.transpose(2, 0, 1) if channels == 3 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[None]


class Pictures:
    """Decoded pictures of one pool by row.

    Args:
        source: Where the bytes are.
        names: (N,) str, name of the picture of each row.
        size: Side in pixels.
        cache: Keep decoded pictures: 3 size^2 bytes for each that was read.
        channels: Of a batch: 3, or 1 for gray.
        seen: Makes RGB of any picture.
    """

    def __init__(
        self,
        source: Source,
        names: np.ndarray,
        size: int,
        cache: bool = False,
        channels: int = 3,
        seen: Seen = as_rgb,
    ) -> None:
        self.source, self.names, self.size, self.channels = source, names, size, channels
        self.seen = seen
        self.known = np.zeros(len(names) if cache else 0, bool)
        self.cache = np.empty((len(self.known), size, size, 3), np.uint8)  # pages are taken as they are written

    def __getitem__(self, row: int) -> np.ndarray:
        """uint8 (size, size, 3), not to be written to.

        Raises:
            BrokenFile: The picture cannot be decoded.
        """
        if len(self.known) and self.known[row]:
            return self.cache[row]
        name = str(self.names[row])
        try:
            image = decode(self.source.read(name), self.size, seen=self.seen)
        except (OSError, SyntaxError, ValueError) as error:
            raise BrokenFile(
                f"{self.source.path}: picture {name} cannot be decoded ({error}). Restore it, or "
                "leave it out of training by --data.exclude with a CSV id,reason; inspect writes one of all of them."
            ) from None
        if len(self.known):
            self.cache[row], self.known[row] = image, True
        return image

    def decodes(self, row: int) -> bool:
        """Whether the picture of a row can be decoded."""
        try:
            self[row]
        except BrokenFile:
            return False
        return True

    def batch(self, rows: Sequence[int]) -> np.ndarray:
        """uint8 (n, channels, size, size) of some rows."""
        images = np.empty((len(rows), self.channels, self.size, self.size), np.uint8)
        for i, row in enumerate(rows):
            images[i] = channels_first(self[row], self.channels)
        return images
