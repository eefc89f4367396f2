"""Screenshots of what a person sees, in a phone's width and a window's: to be looked at.

    python docs/screenshots.py runs/mars_unet/latest/report.html build/docs/index.html
    python docs/screenshots.py --tensorboard runs          # its tabs, with these runs

Pages are HTML files or addresses: reports of runs, folds, sweeps and comparisons, pages of the documentation. Pictures
go to ``--out`` (build/screenshots). Needs Chromium or Chrome (``--browser``, or ``CHROMIUM`` in the environment).
"""

import argparse
import contextlib
import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

WIDTHS = {390: 844, 1280: 900}  # a phone and a window: width -> height in pixels
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
NARROWEST = 500  # a window of Chromium is never narrower; a phone is a frame in one
BELOW = 200  # what is near the lower edge of a window may not be painted: it is made higher, and cut
FRAME = '<body style="margin:0"><iframe src="{}" style="border:0;width:{}px;height:{}px"></iframe>'
TABS = ("timeseries", "scalars", "custom_scalars", "images", "text", "hparams", "projector")


def browser() -> str:
    """Path of the browser.

    Raises:
        FileNotFoundError: There is none by any of its names.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise FileNotFoundError(f"No browser: looked for {', '.join(NAMES)}. Install one, or name it by --browser.")
    return path


def shoot(address: str, width: int, out: Path, height: int = 844, wait: int = 5) -> None:
    """Write the top of a page as PNG.

    Args:
        address: ``file://`` or ``http://``.
        width: Of the page, in pixels.
        out: PNG file.
        height: Of the picture, in pixels.
        wait: Seconds that scripts of the page may take.

    Raises:
        FileNotFoundError: There is no browser, or it wrote nothing.
    """
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if width < NARROWEST:
            (Path(folder) / "frame.html").write_text(FRAME.format(address, width, height + BELOW), encoding="utf-8")
            is_file = address.startswith("file:")
            address = f"{Path(folder).as_uri() if is_file else stack.enter_context(served(folder))}/frame.html"
        subprocess.run(
            [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}",
             f"--window-size={max(width, NARROWEST)},{height + BELOW}", f"--virtual-time-budget={1000 * wait}",
             f"--screenshot={out.resolve()}", address],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    with Image.open(out) as picture:
        picture.crop((0, 0, width, height)).save(out)


@contextlib.contextmanager
def served(folder: str) -> Iterator[str]:
    """The address of ``folder``: a page of this machine stays empty in a frame that is a file, a site of its own."""
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Gives files without a line for each."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def tensorboard(runs: Path) -> Iterator[str]:
    """The address of a TensorBoard that serves ``runs`` until the block ends.

    Raises:
        TimeoutError: It does not answer within a minute.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(runs), "--port", address.rsplit(":", 1)[1]]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
                break
            time.sleep(0.5)
        else:
            raise TimeoutError(f"TensorBoard does not answer at {address}.")
        yield address
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Write every page in both widths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="HTML files or addresses")
    parser.add_argument("--tensorboard", type=Path, metavar="RUNS", help="a folder of runs, shown by TensorBoard")
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--browser", help="path of Chromium or Chrome")
    options = parser.parse_args()
    if options.browser:
        os.environ["CHROMIUM"] = options.browser
    options.out.mkdir(parents=True, exist_ok=True)
    for page in options.pages:
        address = page if "://" in page else Path(page).resolve().as_uri()
        name = "_".join(address.rsplit("/", 3)[-3:]).removesuffix(".html")
        both(address, options.out / name)
    if options.tensorboard:
        with tensorboard(options.tensorboard) as address:
            for tab in TABS:
                both(f"{address}/#{tab}", options.out / f"tensorboard_{tab}", wait=20)


def both(address: str, stem: Path, wait: int = 5) -> None:
    """``<stem>_390.png`` and ``<stem>_1280.png``."""
    for width, height in WIDTHS.items():
        out = stem.with_name(f"{stem.name}_{width}.png")
        shoot(address, width, out, height, wait)
        print(out, flush=True)


if __name__ == "__main__":
    main()
