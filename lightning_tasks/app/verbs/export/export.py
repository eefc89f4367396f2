"""``export``: a run, or the mean of several, as one file for other programs, with a model card."""

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.members import Run, batches_of, load_groups, require
from lightning_tasks.app.pages.card import write_card
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic, write_atomic_with
from lightning_tasks.common.json_files import read_json
from lightning_tasks.problems.exported import Case, Exported, Graph
from lightning_tasks.runs.calibration import weights_digest
from lightning_tasks.runs.kinds import kind_of
from lightning_tasks.runs.results import read_results

from .columns import of_raw_columns
from .graph import SUFFIXES, Outputs, check_installed, open_graph, write_graph

TOLERANCE = 1e-4  # of the largest output, or of 1: float32 sums in another order differ by far less
ROUNDING = 5e-7  # of the same, and times ``Exported.gain``: what such sums do differ by, before that enlarges it
PART = "checked"  # of the data modules: the samples that a file is checked by


@dataclass
class Parity:
    """How far a file is from the task.

    Args:
        samples: Samples that were compared.
        difference: The largest difference of any number.
        largest: The largest number, but for its sign, that the task gave.
        allowed: The largest difference that counts as none.
    """

    samples: int = 0
    difference: float = 0.0
    largest: float = 0.0
    allowed: float = TOLERANCE


def run(options: Namespace, overrides: list[str]) -> None:
    """``export --run R [R ...] [--format onnx|torch] [--out FILE] [--samples N]`` and dotted overrides."""
    check_installed(options.format)
    path = place(options)
    groups = load_groups(options.run, ["--trainer.accelerator", "cpu", *overrides])
    members = [member for group in groups for member in group]
    shares = [1 / len(groups) / len(group) for group in groups for _ in group]
    task, data = members[0].task, members[0].data
    require(task, "export")
    if len(members) > 1:
        require(task, "ensemble")
    for member in members:
        read_results(member.dir)  # of which the card tells: an error of it comes before the file
        member.data.parts[PART] = data.parts["val"][: options.samples]
    with torch.no_grad():
        batches = next(batches_of(members, PART))
        parts = [
            of_raw_columns(member.task.exported(batch), member.data.column_scales())
            for member, batch in zip(members, batches, strict=True)
        ]
        signature = {
            "task": type(task).__name__,
            **{side: [asdict(port) for port in getattr(parts[0], side)] for side in ("inputs", "outputs")},
            "classes": list(task.class_names),
            **parts[0].facts,
        }
        if any(port.name == "tokens" for port in parts[0].inputs):
            signature |= data.reading()
        graph = Graph([member.task for member in members], parts, shares).eval()
        parity = Parity()

        def write(temporary: Path) -> None:
            sample, _ = next(cases(members, parts, shares))
            write_graph(options.format, graph, parts[0], of_two_or_more(sample), signature, temporary)
            written = open_graph(options.format, temporary, parts[0])
            compare(written, cases(members, parts, shares), parity, max(part.gain for part in parts))

        write_atomic_with(path, write)
    finish(options, path, members, signature, parity)


def place(options: Namespace) -> Path:
    """The file to write.

    Raises:
        ValueError: Several runs and no ``--out``, a name of another format, or the directory of an ensemble.
    """
    suffix = SUFFIXES[options.format]
    for folder in options.run:
        if kind_of(folder) == "ensemble":
            results = read_json(folder / "results.json")
            names = " ".join(results.get("runs") or [member["run"] for member in results["members"]])
            raise ValueError(f"{folder} holds scores and no weights. Name its members: export --run {names} --out FILE")
    if options.out is None:
        if len(options.run) > 1:
            raise ValueError(f"The mean of several runs stands beside none of them: add --out FILE{suffix}.")
        return options.run[0].resolve() / "export" / f"model{suffix}"
    if options.out.suffix != suffix:
        raise ValueError(f"--out {options.out}: a file of format {options.format} ends in {suffix}.")
    return options.out


def cases(members: list[Run], parts: list[Exported], shares: list[float]) -> Iterator[Case]:
    """Inputs, and the mean of what the members say of them.

    Raises:
        ValueError: The members do not read the same inputs, as texts by other vocabularies.
    """
    for batches in batches_of(members, PART):
        for each in zip(*(part.cases(batch) for part, batch in zip(parts, batches, strict=True)), strict=True):
            inputs = each[0][0]
            for others, _ in each[1:]:
                check_same(inputs, others)
            yield (
                inputs,
                {
                    name: sum(share * said[name] for share, (_, said) in zip(shares, each, strict=True))
                    for name in each[0][1]
                },
            )


def check_same(inputs: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    """Raise a ValueError where two members read a sample in different ways."""
    for name, value in inputs.items():
        other = others[name]
        if value.shape != other.shape or not torch.allclose(value.double(), other.double(), 1e-4, 1e-4, equal_nan=True):
            raise ValueError(
                f"The members read {name!r} of the same samples differently, as texts by the vocabulary of each fold, "
                "so that no file can take one input for all. Export one run."
            )


def of_two_or_more(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inputs of four samples at most and of two at least: sizes of 1 are special to whoever traces a graph."""
    return {name: value[:4] if len(value) > 1 else torch.cat([value, value]) for name, value in inputs.items()}


def compare(written: Outputs, checked: Iterator[Case], parity: Parity, gain: float) -> None:
    """Fill ``parity``; the first sample is also asked for alone, so that a batch of any size is seen to work.

    ``gain``: as in ``Exported``.

    Raises:
        RuntimeError: The file says something else than the task.
    """
    for inputs, said in checked:
        few = [({k: v[:1] for k, v in inputs.items()}, {k: v[:1] for k, v in said.items()})] * (parity.samples == 0)
        for asked, expected in [(inputs, said), *few]:
            for name, value, output in zip(expected, expected.values(), written(asked), strict=True):
                if output.shape != value.shape or not torch.equal(output.isnan(), value.isnan()):
                    raise RuntimeError(f"The file gives {name} of another shape, or NaN where the task gives a number.")
                difference = (output.double() - value.double()).abs().nan_to_num(0)
                parity.difference = max(parity.difference, float(difference.max()))
                parity.largest = max(parity.largest, float(value.abs().nan_to_num(0).max()))
        parity.samples += len(next(iter(inputs.values())))
    parity.allowed = max(TOLERANCE, ROUNDING * gain) * max(1.0, parity.largest)
    if not parity.difference <= parity.allowed:
        raise RuntimeError(
            f"The file differs from the task by {parity.difference:.2g} on {parity.samples} samples; allowed are "
            f"{parity.allowed:.2g}. It is not kept. This is a bug: report it with the configuration."
        )


def finish(options: Namespace, path: Path, members: list[Run], signature: dict[str, Any], parity: Parity) -> None:
    """Write what is known of the file beside it, and say where it is."""
    record = {
        "format": options.format,
        "runs": [str(folder) for folder in options.run],
        "weights_sha256": [weights_digest(member.dir.best) for member in members],
        "parity": asdict(parity),
        **signature,
    }
    write_atomic(path.with_name(f"{path.name}.json"), json.dumps(record, indent=2) + "\n")
    card = write_card(path, options.run, members, record)
    of = f"the mean of {len(members)} networks" if len(members) > 1 else "one network"
    print(f"Wrote {as_shown(path)}: {of}, {path.stat().st_size / 1e6:.1f} MB")
    print(
        f"Checked on {parity.samples} samples: largest difference {parity.difference:.1e}, allowed {parity.allowed:.1e}"
    )
    print_notes([], any(member.data.data_source == "simulated" for member in members))
    print(f"Model card: {as_shown(card)}\nNext: the card has the lines that load the file.")
