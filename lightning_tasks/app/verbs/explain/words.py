"""Weights of the words of texts, and whether the words with most weight matter."""

from argparse import Namespace
from typing import Any

import torch
from matplotlib.figure import Figure

from lightning_tasks.app.members import Run, batches_of
from lightning_tasks.measures.bootstrap import bootstrap
from lightning_tasks.measures.word_weights import deletion
from lightning_tasks.plots.words import Line, words_figure

from .chosen import Sample

DRAWS = 1000
MOST = 500  # texts of the check by deletion; their mean is then known to a few thousandths


def explain(
    loaded: Run, samples: dict[str, list[Sample]], options: Namespace
) -> tuple[dict[str, Any], dict[str, Figure]]:
    """What ``explain.json`` says of the words of the samples and of the check, and a figure of each group."""
    groups: dict[str, list[dict]] = {}
    figures = {}
    for group, members in samples.items():
        groups[group], lines = [], []
        for sample in members:
            note, of_sample = weighted_words(loaded, sample)
            groups[group].append(note)
            lines += of_sample
        if lines:
            figures[group] = words_figure(lines)
    check = deletion_check(loaded, options)
    note = {"groups": groups, "deletion": check, "summary": [in_words(name, c) for name, c in check.items()]}
    return note, figures


def weighted_words(loaded: Run, sample: Sample) -> tuple[dict[str, Any], list[Line]]:
    """What is noted of a sample, and its words with their weights for its first target, a line each way to tell."""
    task, count = loaded.task, int(sample.batch["length"])
    target = sample.targets[0]
    words = loaded.data.spelled(sample.batch["tokens"][0, :count].tolist())
    weights = task.word_weights(sample.batch, torch.tensor([target], device=sample.batch["tokens"].device))
    by_name = {name: [round(float(v), 5) for v in values[0, :count]] for name, values in weights.items()}
    note = sample.note(task.class_names) | {"class": task.class_names[target], "words": words, "weights": by_name}
    title = f"{sample.title(task.class_names, ', truth ')}, {task.class_names[target]} {float(sample.prob[target]):.2f}"
    return note, [Line(f"{title}, {name}", words, values) for name, values in by_name.items()]


def deletion_check(loaded: Run, options: Namespace) -> dict[str, dict[str, Any]]:
    """Fall of the probability of the predicted class without the ``--remove`` highest words, and without random ones.

    Of at most ``MOST`` texts, spread over the part: means, and the difference with a 95 % bootstrap interval, over
    groups where the data has them. Weights that say what decides lower the probability more than chance does.
    """
    task, falls, groups = loaded.task, {}, []
    stream = torch.Generator().manual_seed(0)
    chosen = loaded.data.sample_ids(options.part, MOST)

    def prob(batch: dict) -> torch.Tensor:
        with torch.no_grad():
            return task.predict_step(batch, 0)["prob"].double()

    for (batch,) in batches_of([loaded], options.part):
        kept = torch.isin(batch["id"], chosen.to(batch["id"].device))  # batches come in order of length
        if not kept.any():
            continue
        batch = {k: v[kept] for k, v in batch.items() if isinstance(v, torch.Tensor)}
        groups += batch["group" if "group" in batch else "id"].tolist()
        for name, weights in task.word_weights(batch, prob(batch).argmax(1)).items():
            pair = torch.stack(deletion(prob, batch, weights, options.remove, stream))
            falls.setdefault(name, []).append(pair.cpu())
    checks = {}
    for name, pairs in falls.items():
        highest, chance = torch.cat(pairs, 1)
        apart = highest - chance
        rows = {"apart": apart, "group": torch.tensor(groups)}
        low, high = bootstrap(lambda rows: {"difference": rows["apart"].mean()}, rows, DRAWS)["difference"]
        checks[name] = {"removed": options.remove, "n": len(apart), "highest": float(highest.mean()),
                       "random": float(chance.mean()), "difference": float(apart.mean()),
                       "low": low, "high": high}  # fmt: skip
    return checks


def in_words(name: str, check: dict[str, Any]) -> str:
    """One line about a check."""
    return (
        f"{name}: without the {check['removed']} highest words the probability of the predicted class falls by "
        f"{check['highest']:.3f} on average, without as many random ones by {check['random']:.3f}; difference "
        f"{check['difference']:.3f} ({check['low']:.3f} to {check['high']:.3f}), n = {check['n']}."
    )
