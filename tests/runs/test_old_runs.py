"""What an earlier version made is one clear error, not a traceback and not a wrong result."""

from pathlib import Path

import pytest
import torch

from lightning_tasks.runs.frozen import load_frozen
from lightning_tasks.runs.frozen import task_class as class_of


def checkpoint(folder: Path, **arguments) -> Path:
    path = folder / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": {}, "hyper_parameters": arguments}, path)
    return folder


def test_an_argument_that_is_gone_names_the_file_and_the_remedy(tmp_path):
    old = checkpoint(tmp_path, _class_path="lightning_tasks.ImageClassifier", label_smoothing=0.1)
    with pytest.raises(ValueError, match="best.ckpt was made by another version of ImageClassifier .*train it anew"):
        load_frozen(old)


@pytest.mark.parametrize("name", ["lightning_tasks.base.ClassificationTask", "os.system", "antigravity.fly", ""])
def test_a_class_that_is_not_ours_is_not_imported(tmp_path, name):
    with pytest.raises(ValueError, match="which this application does not have"):
        class_of(name, tmp_path)


def test_a_class_that_was_renamed_and_a_key_that_is_gone_are_one_line(cli, capsys, tmp_path):
    old = tmp_path / "config.yaml"
    for model, message in (
        ("{class_path: ClassificationTask}", "model='ClassificationTask': no such class"),
        ("{class_path: ImageClassifier, init_args: {suite_severities: [1]}}", "no option 'suite_severities'"),
    ):
        old.write_text(f"model: {model}\ndata: {{class_path: MNISTDataModule}}\n")
        with pytest.raises(SystemExit):
            cli("fit", "--config", old)
        assert message in capsys.readouterr().err
