"""Pictures that stay encoded on disk until a batch needs them: bytes by name, decoding, dataset, loader."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
from PIL import Image

from .modes import as_rgb
from .picture_names import picture_files
from .wording import short

LARGEST = 2**30  # bytes of one picture in a file: more is a broken or hostile file
PLACES = ("images", "image", "pictures")  # groups of an HDF5 file that hold the pictures, whatever stands beside them


class BrokenFile(ValueError):
    """A file of pictures, or one picture in it, that cannot be read; the message says what to do."""


def broken(path: Path, error: Exception) -> BrokenFile:
    """What is said of an HDF5 file that the library cannot follow."""
    return BrokenFile(f"{path}: not a whole HDF5 file ({short(error)}). Copy or unpack it again; it may be truncated.")


class HDF5Source:
    """Pictures in an HDF5 file: the key is the name, the value the picture.

    A value is a file's bytes (opaque, string or uint8 array, also as a row or column, alone or as an array of one), or
    decoded pixels, uint8 (H, W) or (H, W, 3). Where the file holds a group of ``PLACES``, or one group and nothing
    else, keys are those in it. The file is opened when something is read, by each process for itself: a handle that was
    opened before a fork, or copied to another process, gives wrong bytes or hangs. Call ``close`` before worker
    processes are started.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._values: h5py.Group | None = None

    def _open(self) -> h5py.Group:
        if self._values is None:
            try:
                self._file = values = h5py.File(self.path, "r")
                seen = {values}
                while (inner := inner_group(values)) is not None:
                    if inner in seen:
                        raise OSError("groups that hold each other")
                    values = inner
                    seen.add(values)
            except (OSError, KeyError, RuntimeError, TypeError) as error:  # TypeError: no hash of a broken group
                self.close()
                raise broken(self.path, error) from None
            self._values = values
        return self._values

    def names(self) -> set[str]:
        """Names of all pictures."""
        values = self._open()
        try:
            return set(values)
        except (OSError, RuntimeError) as error:
            raise broken(self.path, error) from None

    def read(self, name: str) -> bytes | np.ndarray:
        """One picture: encoded bytes, or pixels uint8 (H, W) or (H, W, 3).

        Raises:
            ValueError: The value is neither, or pixels of another shape or type.
            KeyError: A link that leads nowhere.
        """
        value = self._open()[name]
        if not isinstance(value, h5py.Dataset):
            raise ValueError("a group stands there, where bytes of a picture are expected")
        if value.shape is None or value.size == 0:
            raise ValueError("the value is empty")
        if value.size * value.dtype.itemsize > LARGEST:
            raise ValueError(f"the value claims {value.size * value.dtype.itemsize / 2**30:.0f} GiB")
        if h5py.check_ref_dtype(value.dtype) is not None:
            raise ValueError("the value holds references to others, where bytes of a picture are expected")
        content = value[()]
        if isinstance(content, np.ndarray) and content.ndim == 2 and 1 in content.shape:
            content = content.reshape(-1)  # bytes that were saved as a row or a column
        if isinstance(content, np.ndarray) and content.shape == (1,):
            content = content[0]
        if isinstance(content, np.ndarray) and content.ndim > 1:
            if content.dtype.kind not in "ub" or (content.ndim > 2 and content.shape[2:] not in ((3,), (4,))):
                raise ValueError(f"pixels {content.dtype} {content.shape}: expected uint8 (H, W) or (H, W, 3)")
            return content
        return content if isinstance(content, bytes) else content.tobytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = self._values = None

    def __getstate__(self) -> dict:
        return {"path": self.path, "_file": None, "_values": None}


def inner_group(values: h5py.Group) -> h5py.Group | None:
    """The group in which pictures stand, where they do not stand in ``values`` itself."""
    named = [name for name in PLACES if values.get(name, getclass=True) is h5py.Group]
    only = next(iter(values)) if len(values) == 1 else None
    inner = values[named[0] if named else only] if named or only is not None else None
    return inner if isinstance(inner, h5py.Group) else None


class FolderSource:
    """Encoded pictures as files ``<name>.jpg``, or with another of ``SUFFIXES``, in one folder.

    Args:
        path: The folder.

    Raises:
        ValueError: Two files that differ only in their suffix.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._files: dict[str, str] = {}
        for file in picture_files(self.path.iterdir()):
            if (twin := self._files.setdefault(file.stem, file.name)) != file.name:
                raise ValueError(f"{self.path}: {twin} and {file.name} are both called {file.stem}. Keep one of them.")

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


def decode(
    data: bytes | np.ndarray, size: int | tuple[int, int], crop: bool = False, seen: Seen = as_rgb
) -> np.ndarray:
    """Encoded picture, or pixels uint8 (H, W) or (H, W, 3) -> RGB uint8 of ``size``: (size, size, 3), or as it says.

    Other shapes are squeezed into that one, or first cut to a square with ``crop``. Colours and orientation are those
    of ``as_rgb``, or of another function ``seen``.

    A JPEG that is larger than needed is decoded at the smallest of the scales 1/8, 1/4, 1/2, 1 that is not below
    ``size`` (fewer DCT coefficients, several times faster), and brought to ``size`` by antialiased bilinear
    interpolation.

    Raises:
        ValueError: It cannot be decoded; the message says why.
    """
    height, width = (size, size) if isinstance(size, int) else size
    try:
        image = Image.fromarray(data) if isinstance(data, np.ndarray) else Image.open(io.BytesIO(data))
        with image:
            image.draft(None, (width, height))
            image = seen(image)
    except Exception as error:  # PIL and its readers raise errors of a dozen kinds for broken files
        raise ValueError(reason_of(error)) from None
    if crop:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def reason_of(error: Exception) -> str:
    """What an error of a library says, without addresses in memory."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "no picture of a kind that is known"
    return short(error) if type(error) is ValueError else f"{type(error).__name__}: {short(error)}"


def channels_first(image: np.ndarray, channels: int) -> np.ndarray:
    """RGB uint8 (H, W, 3) -> (3, H, W), or for one channel (1, H, W): luminance by ITU-R BT.601."""
    return image.transpose(2, 0, 1) if channels == 3 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[None]


class Pictures:
    """Decoded pictures of one pool by row.

    Args:
        source: Where the bytes are.
        names: (N,) str, name of the picture of each row.
        size: Side in pixels, or (height, width).
        cache: Keep decoded pictures: 3 size^2 bytes for each that was read.
        channels: Of a batch: 3, or 1 for gray.
        seen: Makes RGB of any picture.
        crop: Cut other shapes to a square, instead of squeezing them.
    """

    def __init__(
        self,
        source: Source,
        names: np.ndarray,
        size: int | tuple[int, int],
        cache: bool = False,
        channels: int = 3,
        seen: Seen = as_rgb,
        crop: bool = False,
    ) -> None:
        self.source, self.names, self.channels, self.seen, self.crop = source, names, channels, seen, crop
        self.shape = (size, size) if isinstance(size, int) else size
        self.known = np.zeros(len(names) if cache else 0, bool)
        self.cache = np.empty((len(self.known), *self.shape, 3), np.uint8)  # pages are taken as they are written

    def __getitem__(self, row: int) -> np.ndarray:
        """uint8 (height, width, 3), not to be written to.

        Raises:
            BrokenFile: The picture cannot be decoded.
        """
        if len(self.known) and self.known[row]:
            return self.cache[row]
        name = str(self.names[row])
        try:
            image = decode(self.source.read(name), self.shape, self.crop, self.seen)
        except BrokenFile:
            raise
        except Exception as error:  # h5py, the system and PIL raise errors of a dozen kinds
            raise BrokenFile(
                f"{self.source.path}: picture {name} cannot be decoded ({reason_of(error)}). Restore or "
                "remove it; one of the train pool may stay and be left out by --data.exclude with a CSV id,reason, "
                "which inspect writes of all of them."
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
        """uint8 (n, channels, height, width) of some rows."""
        images = np.empty((len(rows), self.channels, *self.shape), np.uint8)
        for i, row in enumerate(rows):
            images[i] = channels_first(self[row], self.channels)
        return images
