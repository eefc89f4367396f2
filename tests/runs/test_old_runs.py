"""What an earlier version made is one clear error, not a traceback and not a wrong result."""

from pathlib import Path

import pytest
import torch

from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.frozen import load_frozen
from lightning_tasks.runs.frozen import task_class as class_of
from tests.toys import ToyGan, ToySequence


def checkpoint(folder: Path, **arguments) -> Path:
    path = folder / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    torch.save({"state_dict": {}, "hyper_parameters": arguments}, path)
    return folder


def test_an_argument_that_is_gone_names_the_file_and_the_remedy(tmp_path):
    old = checkpoint(tmp_path, _class_path="lightning_tasks.ImageClassifier", label_smoothing=0.1)
    with pytest.raises(ValueError, match="best.ckpt was made by another version of ImageClassifier .*Train it anew"):
        load_frozen(old)


def older(state: dict) -> dict[str, tuple[dict, str]]:
    """What versions of a task may have stored, and what the message says of it; "" where nothing is lost."""
    weight = state["embedding.weight"]
    rest = {key: value for key, value in state.items() if key != "embedding.weight"}
    return {
        "the same": (state, ""),
        "an empty buffer more": ({**state, "mode_weight": torch.zeros(0)}, ""),
        "renamed": (
            {**rest, "words.weight": weight},
            "embedding.weight is absent there and 9x8 here, as words.weight is there",
        ),
        "a parameter less": (rest, "embedding.weight is absent there and 9x8 here)"),
        "a buffer more": ({**state, "scale": torch.ones(3)}, "scale is 3 there and absent here)"),
        "another size": ({**rest, "embedding.weight": weight[:5]}, "embedding.weight is 5x8 there and 9x8 here)"),
    }


@pytest.mark.parametrize("change", older({"embedding.weight": torch.zeros(9, 8)}))
def test_a_checkpoint_of_an_earlier_version_loads_or_says_what_changed(change, tmp_path):
    task = ToySequence(class_names=["a", "b"], width=8)
    state, message = older(task.state_dict())[change]
    arguments = {"class_names": ["a", "b"], "width": 8, "_class_path": "tests.toys.ToySequence"}
    path = checkpoint(tmp_path, **arguments) / "checkpoints/best.ckpt"
    torch.save({"state_dict": state, "hyper_parameters": arguments}, path)
    for load in (load_frozen, lambda run: load_weights(ToySequence(class_names=["a", "b"], width=8), path)):
        if not message:
            loaded = load(tmp_path)
            assert not hasattr(loaded, "embedding") or torch.equal(loaded.embedding.weight, task.embedding.weight)
            continue
        with pytest.raises(ValueError, match="best.ckpt was made by another version of ToySequence") as error:
            load(tmp_path)
        assert message in str(error.value) and "Train it anew" in str(error.value)
        assert len(str(error.value).splitlines()) == 1
    if message.startswith("embedding.weight is 5x8"):
        with pytest.raises(ValueError, match="does not fit the configured network: size mismatch at embedding.weight"):
            load_weights(ToySequence(class_names=["a", "b"], width=9), path)


def test_a_buffer_that_had_no_elements_may_be_lacking(tmp_path):
    task = ToyGan()
    arguments = {"latent": 2, "_class_path": "tests.toys.ToyGan"}
    checkpoint(tmp_path, **arguments)
    state = {key: value for key, value in task.state_dict().items() if not key.startswith("mode_")}
    torch.save({"state_dict": state, "hyper_parameters": arguments}, tmp_path / "checkpoints/best.ckpt")
    assert torch.equal(load_frozen(tmp_path).generator.weight, task.generator.weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "made by an unknown task"), ({"_class_path": 3}, "no readable checkpoint"),
     ({"_class_path": "tests.toys.ToySequence", "lr": "fast"}, "another version of ToySequence"),
     ({"_class_path": "tests.toys.ToySequence", "num_classes": 1}, "another version of ToySequence")],
)  # fmt: skip
def test_arguments_that_a_class_refuses_name_the_file(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=f"best.ckpt .*{message}"):
        load_frozen(checkpoint(tmp_path, **arguments))


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
