"""What the head of a configuration says: title, data, expected scores and minutes, commands. No torch here."""

import re
from dataclasses import dataclass
from pathlib import Path

from lightning_tasks.common.call import CALL, IN_CHECKOUT

from .places import CONFIGS

LINE = re.compile(r"# ([A-Z][\w -]*?): +(.*)")
GOES_ON = re.compile(r"#  +(.*)")
ASSIGNMENT = re.compile(r"\b[A-G]\d{1,2}\b")
FILES = re.compile(r"\bdata/[\w./*{},<>-]*[\w*>](?:(?:, | or )[\w*-]+\.\w+)*")  # data/FOLDER/a.csv, b.csv or c.csv
OTHER = re.compile(", | or ")
MADE = ("made", "generated")
AS = re.compile(r"as (configs/[\w/.-]+\.yaml)")
DURATION = re.compile(
    r"(?:about |under |half )?(?:[\d.]+|a|an|half a) (?:minutes?|min|seconds|s|hours?)\b(?: (?:a seed|each))?"
    r"(?: on (?:an?|one|\d)[\w ]* (?:cores?|CPU|GPU|machine))?|\bseconds\b"
)


@dataclass(frozen=True)
class Header:
    """Of one file.

    Args:
        path: As commands name it, such as ``configs/mars_unet.yaml``.
        title: What it trains, in words.
        lines: Key and text of the lines below, in their order; a key may stand twice.
        trains: The configuration that a sweep or a space trains, as commands name it; nothing for others.
    """

    path: str
    title: str
    lines: tuple[tuple[str, str], ...]
    trains: str

    @property
    def name(self) -> str:
        """The file's name without its end."""
        return Path(self.path).stem

    def of(self, key: str) -> str:
        """The text of a line; nothing where there is none."""
        return next((text for name, text in self.lines if name == key), "")

    @property
    def assignments(self) -> list[str]:
        """``A1``, ``D9`` and the like, as the title names them."""
        return list(dict.fromkeys(ASSIGNMENT.findall(self.title)))

    @property
    def takes(self) -> str:
        """How long it takes, in the words of ``Takes`` or ``Expect``; nothing where none says it."""
        if text := self.of("Takes"):
            return text
        durations = [match[0] for match in DURATION.finditer(self.of("Expect"))]
        return durations[-1] if durations else ""  # others are of what it is compared with

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Key and command of each line that is one."""
        return [(key, text) for key, text in self.lines if text.startswith(f"{CALL} ")]


def read_header(path: Path) -> Header:
    """The head of a file of ``configs/``: its comment lines before the first key."""
    title, lines, content = [], [], path.read_text(encoding="utf-8").replace(IN_CHECKOUT, CALL)
    for line in content.splitlines():
        if not line.startswith("#"):
            break
        if title and (match := LINE.fullmatch(line)):
            lines.append([match[1], match[2]])
        elif (match := GOES_ON.fullmatch(line)) and lines:
            lines[-1][1] = f"{lines[-1][1].removesuffix(chr(92)).rstrip()} {match[1].strip()}"
        else:
            title.append(line[1:].strip())
    config = re.search(r"^config: *(\S+)", content, re.MULTILINE)
    trains = as_named(path.parent.joinpath(config[1])) if config else ""
    return Header(as_named(path), " ".join(title), tuple((key, text) for key, text in lines), trains)


def as_named(path: Path) -> str:
    """``configs/...`` for a file of ``CONFIGS``."""
    return Path("configs", path.resolve().relative_to(CONFIGS)).as_posix()


def header_of(name: str) -> Header:
    """The head of ``configs/...``."""
    return read_header(CONFIGS.joinpath(*Path(name).parts[1:]))


def headers() -> list[Header]:
    """Of all configurations and sweeps: those of ``configs/`` first, then those below it; overlays left out."""
    paths = [*sorted(CONFIGS.glob("[!_]*.yaml")), *sorted(CONFIGS.glob("*/*.yaml"))]
    return [read_header(path) for path in paths if path.parent.name != "overlays"]


def data_text(header: Header) -> str:
    """What its ``Data`` line says, or that of the configuration it names there or trains."""
    text = header.of("Data")
    if match := AS.match(text):
        return data_text(header_of(match[1]))
    return text if text or not header.trains else data_text(header_of(header.trains))


def names_of(files: str) -> list[str]:
    """The names that a file may have, of ``data/text/data.csv or train.csv``."""
    first, *others = OTHER.split(files)
    return [Path(first).name, *others]


def data_state(header: Header, root: str | None) -> str:
    """``made``, ``there``, ``simulated`` (a simulated set takes the place of what is not there) or ``missing``.

    A root that is named must hold the data, as in ``fit``.
    """
    text = data_text(header)
    if text.startswith(MADE) or not (paths := FILES.findall(text)):
        return "made"
    folder = Path(root or "data")
    for path in (Path(first).with_name(name) for first in paths for name in names_of(first)):
        parts = [re.sub(r"\{.*\}|<.*>|[A-Z]{4,}", "*", part) for part in path.parts[1:]]
        for tail in (parts, parts[1:]):  # root/title/file, and root/file
            if tail and tail[0] != "**" and next(folder.glob("/".join(tail)), None) is not None:
                return "there"
    return "simulated" if root is None else "missing"
