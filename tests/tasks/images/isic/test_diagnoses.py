"""What lesions were found to be, as a target: read from the training table, one output each, no class changed by it."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from lightning_tasks.app.members import load_run
from lightning_tasks.common.json_files import read_json
from lightning_tasks.tasks.images.isic import PLAIN
from tests.conftest import results
from tests.tasks.images.isic.files import COURSE, batches, edit, module, same
from tests.tasks.images.isic.test_runs import Lesions, run_args, run_dir
from tests.tasks.images.isic.test_task import batch, ready

NAMES = [(0, "keratosis"), (0, "nevus"), (1, "carcinoma"), (1, "melanoma")]


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Nevi and keratoses, melanomas and 4 carcinomas; some are missing or said to be unknown."""
    place = np.arange(len(table))
    benign = np.where(place % 2, "nevus", "keratosis")
    malignant = np.where(table["target"].cumsum() <= 4, "carcinoma", "melanoma")
    found = pd.Series(np.where(table["target"] == 1, malignant, benign))
    return table.assign(found=found.mask(place % 9 == 0).mask(place % 13 == 0, " Unknown"))


def test_codes_are_of_the_training_table_and_no_feature(pack, own):
    edit(own, named)
    table, data, plain = pd.read_csv(own / COURSE[0]), module(own, diagnosis="found"), module(own)
    assert data.diagnoses == [(0, "keratosis"), (0, "nevus"), (1, "")], "malignant ones are fewer than 10 each"
    assert data.table_names == plain.table_names == module(pack).table_names
    held = batches(data, "val")
    words = [data.diagnoses[k] if k >= 0 else None for k in held.pop("diagnosis").tolist()]
    rows = table.iloc[held["id"].numpy()]
    common = rows["found"].isin(["keratosis", "nevus"])
    expected = [(0, name) if known else None for name, known in zip(rows["found"], common, strict=True)]
    assert words == expected and None in words
    assert same(held, batches(plain, "val")) and same(batches(data, "predict"), batches(plain, "predict"))
    assert not any("found" in note for note in data.notes) and any("found" in note for note in plain.notes)


def test_a_diagnosis_under_both_classes_is_two(own):
    edit(own, lambda t: t.assign(found=np.where(np.arange(len(t)) % 2, "atypical", "plain")))
    edit(own, lambda t: t.assign(target=(np.arange(len(t)) % 4 > 1).astype(int)))
    assert module(own, diagnosis="found").diagnoses == [(k, name) for k in (0, 1) for name in ("atypical", "plain")]


def test_a_table_without_the_column_has_no_diagnoses_and_says_so(own):
    data = module(own, diagnosis="iddx_9")
    assert data.diagnoses == [] and same(batches(data, "val"), batches(module(own), "val"))
    assert [note for note in data.notes if "new-train-metadata.csv has no column iddx_9" in note]


def told(branch="fused", diagnoses=NAMES, **kwargs):
    task = ready(branch, **kwargs)
    task.give_outputs(list(diagnoses))
    if branch != "image":
        task.make_room(5)
    task.output_of = torch.tensor([*range(len(diagnoses)), -1])
    return task.eval()


@pytest.mark.parametrize("branch", ["image", "metadata", "fused"])
def test_a_class_is_the_sum_of_its_diagnoses(branch):
    task, given = told(branch), batch()
    each = task.outputs(given).softmax(1)
    assert each.shape == (6, 4)
    of_class = torch.stack([each[:, :2].sum(1), each[:, 2:].sum(1)], 1)
    torch.testing.assert_close(task.logits(given).softmax(1), of_class)
    torch.testing.assert_close(task.predict_step(given)["prob"], of_class)


def test_the_loss_is_that_of_all_diagnoses_and_of_the_class_where_one_is_unknown():
    task, given = told(), batch()
    outputs, label = task.outputs(given), given["label"]
    given["diagnosis"] = torch.tensor([0, 3, 1, 2, 0, 3])
    assert task.training_loss(given).item() == pytest.approx(F.cross_entropy(outputs, given["diagnosis"]).item())
    given["diagnosis"][:] = -1
    of_class = F.cross_entropy(task.logits(given), label)
    assert task.training_loss(given).item() == pytest.approx(of_class.item())
    given["diagnosis"][2] = 1
    within = task.logits(given)[2, 0] - outputs[2, 1]
    assert task.training_loss(given).item() == pytest.approx((of_class + within / 6).item())
    task.hparams.diagnosis_weight = 0.5
    assert task.training_loss(given).item() == pytest.approx((of_class + within / 12).item())


def test_what_is_mixed_has_no_diagnosis():
    task, given = told(), batch()
    given |= {"diagnosis": torch.tensor([0, 3, 1, 2, 0, 3]), "label2": 1 - given["label"], "lam": torch.ones(6)}
    given["lam"][:5] = 0.7
    outputs, logits = task.outputs(given), task.logits(given)
    last = (logits[5, 1] - outputs[5, 3]) / 6
    assert task.training_loss(given).item() == pytest.approx((task.criterion(logits, given) + last).item())


class Diagnosed(Lesions):
    """The second column tells the two diagnoses of benign lesions apart; malignant ones have none."""

    diagnoses = [(0, "keratosis"), (0, "nevus"), (1, "")]

    def simulate(self):
        pools = super().simulate()
        code = (pools["train"]["table"][:, 1] > 0).astype(np.int64)
        pools["train"]["diagnosis"] = np.where(pools["train"]["label"] == 1, -1, code)
        return pools


def diagnosed_args():
    args = list(run_args("metadata"))
    args[args.index("--data") + 1] = "tests.tasks.images.isic.test_diagnoses.Diagnosed"
    return [*args, "--baselines", "false", "--model.lr", 0.05]


def test_a_run_learns_them_and_its_checkpoint_knows_its_outputs(cli):
    cli("fit", *diagnosed_args(), "--trainer.max_epochs", 8)
    value = results(run_dir())["metrics"]["test/auroc"]["value"]
    cli("test", "--run", run_dir())
    task = load_run(str(run_dir())).task
    assert task.diagnoses == Diagnosed.diagnoses
    table = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    outputs = task.outputs({"table": table})
    assert ((outputs[:, 1] > outputs[:, 0]) == (table[:, 1] > 0)).float().mean() > 0.9, "it tells them apart"
    assert value > 0.8
    cli("export", "--run", run_dir(), "--format", "torch")
    assert read_json(run_dir() / "export/model.pt2.json")["parity"]["samples"] > 1, "a sum over diagnoses is traced"


def test_a_run_may_be_resumed_and_begin_at_weights_with_other_outputs(cli):
    args = diagnosed_args()
    cli("fit", *args, "--name", "one", "--trainer.max_epochs", 1)
    cli("fit", *args, "--name", "one", "--resume")
    cli("fit", *run_args("metadata"), "--name", "plain")
    cli("fit", *args, "--name", "from_plain", "--start", run_dir("plain"))
    cli("fit", *run_args("metadata"), "--name", "from_one", "--start", run_dir("one"))
    kept = {name: load_run(str(run_dir(name))).task.diagnoses for name in ("one", "plain", "from_plain", "from_one")}
    assert kept["plain"] == kept["from_plain"] == PLAIN and kept["one"] == kept["from_one"] == Diagnosed.diagnoses
