"""Verified downloads: to a temporary file, checksum, rename; a file that is there is verified instead."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_info

CHUNK = 1 << 20
TIMEOUT = 30  # seconds without an answer


def verify(path: Path, checksum: str) -> None:
    """Compare a file with ``"md5:<hex>"`` or ``"sha256:<hex>"``.

    Raises:
        ValueError: The file differs: truncated, changed, or another file of the same name.
    """
    kind, expected = checksum.split(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) has {kind} {digest.hexdigest()}; expected {expected}. "
            "It is truncated or another file: delete it and download again, or set --data.download false to use it."
        )


def download(urls: tuple[str, ...], path: Path, checksum: str) -> Path:
    """Fetch ``path`` from the first of ``urls`` that answers; a file that stands there is verified and kept.

    Args:
        urls: Mirrors of one file.
        path: Where it goes; its folder is made.
        checksum: As in ``verify``.

    Raises:
        ConnectionError: No mirror could be read; the message says where to put the file by hand.
        ValueError: What came, or what stands there, is not the file.
    """
    if path.is_file():
        verify(path, checksum)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    reasons = []
    try:
        for url in urls:
            rank_zero_info(f"Downloading {url}")
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT) as source, temporary.open("wb") as target:
                    while block := source.read(CHUNK):
                        target.write(block)
            except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
                continue
            verify(temporary, checksum)
            os.replace(temporary, path)
            return path
    finally:
        temporary.unlink(missing_ok=True)
    raise ConnectionError(
        f"{path.name} could not be downloaded ({'; '.join(reasons)}). Without network put the file at {path} "
        "by hand, or use simulated data with --data.source simulated."
    )
