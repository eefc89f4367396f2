"""What is said of a run without weights, by what stands in its folder."""

import pytest

from lightning_tasks.common.unfinished import no_checkpoint

NAMED = "For test, validate and predict name what is there: --run a --ckpt_path"
CASES = {  # (the run, files of it, what was asked for) -> the message
    ("a", "", "best"): "a is unfinished and has no weights: no epoch of its fit was validated yet. Train it: "
    "fit --config a/config.yaml --overwrite.",
    ("a", "checkpoints/last.ckpt", "best"): "a has last.ckpt and no best.ckpt: its fit did not finish. "
    f"Go on with it: fit --config a/config.yaml --resume. {NAMED} last.",
    ("a", "checkpoints/last.ckpt results.json", "best"): "a has last.ckpt and no best.ckpt: what chooses the best "
    f"epoch was NaN in all of them, or none was validated. {NAMED} last.",
    ("a", "checkpoints/best.ckpt results.json", "last"): f"a has best.ckpt and no last.ckpt. {NAMED} best.",
    ("a", "results.json", "best"): "a was trained to its end, and its checkpoints are gone. Put them back, or train it "
    "anew: fit --config a/config.yaml --overwrite.",
    ("trials/tpe_0", "metrics.csv", "best"): "trials/tpe_0 has no weights: a search keeps none of its trials. "
    "Train it: fit --config trials/tpe_0/config.yaml --overwrite.",
    ("a", "", "epoch_3"): "checkpoint a/checkpoints/epoch_3.ckpt does not exist.",
}


@pytest.mark.parametrize("run, files, asked", CASES)
def test_the_message_says_what_a_run_is_and_what_to_do(tmp_path, monkeypatch, run, files, asked):
    monkeypatch.chdir(tmp_path)
    for name in ("config.yaml", *files.split()):
        (path := tmp_path / run / name).parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert str(no_checkpoint(f"{run}/checkpoints/{asked}.ckpt")) == CASES[run, files, asked]
    assert str(no_checkpoint("x/checkpoints/best.ckpt")) == "checkpoint x/checkpoints/best.ckpt does not exist."
