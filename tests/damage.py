"""Damaged files and texts for readers: seeded changes of valid ones, read in a process that may neither grow nor act.

Allowed is that a reader reads them, or refuses them in an error of ours that names the file.
"""

import multiprocessing
import os
import resource
import signal
import sys
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from queue import Empty

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SPARE = 2**31  # bytes that a reader may take
SECONDS = 20  # for one file
LINES = 3  # of an error
# What a file must not make a reader do, by the names of audit events
ACTS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect",
        "shutil.rmtree", "ctypes.dlopen")  # fmt: skip
TEXTS = (b"nan", b"-1", b"1e999", b"99999999999999999999", b"\0", b'"', b"'", b"\xef\xbb\xbf", b"\xff\xfe", b",", b";",
         b"\t", b"\n", b"\r\n", b"\n\n", b"=1+1", b"[", b"{", b": ", b"- ", b"&a [*a, *a]", b"!!python/name:os.system ",
         "\u0660\u202e\U0001f600".encode(), b" ", b"@", b"%", b"null", b"a" * 5000)  # fmt: skip
NUMBERS = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00", b"\xff\xff\xff\x7f")


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A file with one to four changes, half of them in its first 64 bytes."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, min(len(data), 64 if draw(st.booleans()) else len(data)) - 1)))
        kind = draw(st.sampled_from(("bit", "byte", "number", "insert", "text", "cut", "delete", "repeat")))
        if kind == "bit" and data:
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte" and data:
            data[start] = draw(st.sampled_from((0, 0xFF, 0x80, 0x0A, 0x22, 0x2C, 0x3A, 0x7B)))
        elif kind == "number":
            data[start : start + 4] = draw(st.sampled_from(NUMBERS))
        elif kind == "insert":
            data[start:start] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "text":
            data[start:start] = draw(st.sampled_from(TEXTS))
        elif kind == "cut":
            del data[start:]
        else:
            end = start + draw(st.integers(1, 200))
            data[start:end] = data[start:end] * (0 if kind == "delete" else 2)
    return bytes(data)


def outcomes(
    valid: list[bytes], read: Callable[[int, bytes], object], names: tuple[str, ...], examples: int
) -> Counter[str]:
    """How many damaged files were ``read``, ``refused``, or neither: an entry of its own for each way of that.

    Args:
        valid: Contents, of which one is damaged at a time.
        read: Is given the place of that content and what became of it; writes the file and reads it.
        names: Parts of file names, one of which an error must hold.
        examples: Number of damaged files.
    """
    context = multiprocessing.get_context("fork")
    queue, last = context.Queue(), Path("last_damaged")
    process = context.Process(target=_all, args=(valid, read, names, examples, queue, last))
    process.start()
    found: Counter[str] = Counter()
    while process.is_alive() or not queue.empty():
        try:
            found[queue.get(timeout=0.2)] += 1
        except Empty:
            continue
    process.join()
    if process.exitcode:
        found[f"the process ended with {process.exitcode} at {last.read_bytes()[:200]!r}"] += 1
    return found


def _all(valid, read, names, examples, queue, last: Path) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + SPARE, resource.RLIM_INFINITY))
    acts: list[str] = []
    sys.addaudithook(lambda event, args: acts.append(f"{event} {args}") if event in ACTS else None)
    signal.signal(signal.SIGALRM, _too_long)

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def each(data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(valid) - 1))
        content = data.draw(damaged(valid[place]))
        last.write_bytes(content)
        acts.clear()
        signal.alarm(SECONDS)
        try:
            read(place, content)
            outcome = "read"
        except TooLong:
            outcome = f"more than {SECONDS} s"
        except (SystemExit, Exception) as error:
            outcome = judged(error, names)
        signal.alarm(0)
        if doing := [act for act in acts if "last_damaged" not in act]:
            outcome = f"it acts: {doing[0]}"
        queue.put(outcome)

    each()


def zipped(path: str, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def inside(path: str, members: dict[str, bytes], read):
    """Damage the members of a zip archive, or in the last place the archive itself."""
    zipped(path, members)
    names, whole = list(members), Path(path).read_bytes()

    def write_and_read(place: int, content: bytes):
        if place == len(names):
            Path(path).write_bytes(content)
        else:
            zipped(path, {**members, names[place]: content})
        return read()

    return [*members.values(), whole], write_and_read


def files(contents: dict[str, bytes], read):
    """Damage one of some files."""
    names = list(contents)

    def write_and_read(place: int, content: bytes):
        for name, valid in contents.items():
            Path(name).write_bytes(valid)
        Path(names[place]).write_bytes(content)
        return read()

    return list(contents.values()), write_and_read


def judged(error: BaseException, names: tuple[str, ...]) -> str:
    """``refused`` for an error of ours, else what is wrong with it."""
    text = str(error)
    if type(error) not in (ValueError, FileNotFoundError, FileExistsError) and type(error).__name__ != "BrokenFile":
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {text[:200]} ({where.filename}:{where.lineno})"
    if not any(name in text for name in names):
        return f"names no file: {text[:200]}"
    if len(text.splitlines()) > LINES or len(text) > 1000 or " at 0x" in text:
        return f"is long or raw: {text[:300]}"
    return "refused"


class TooLong(BaseException):
    """Is caught by no reader."""


def _too_long(*_) -> None:
    raise TooLong


def png_with(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of chunks (kind, content) with right checksums, so that what is damaged inside is looked at."""
    parts = [len(c).to_bytes(4, "big") + k + c + zlib.crc32(k + c).to_bytes(4, "big") for k, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
