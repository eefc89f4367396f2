"""What can be told before torch is imported is told before, and the application's own configs are found anywhere."""

import subprocess
import sys

import pytest

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.main import LIGHTNING, VERBS
from lightning_tasks.app.options import PARSERS
from lightning_tasks.app.preflight import KEYS, TAKE_CONFIG, preflight
from tests.conftest import ROOT

TOY = "model: {class_path: tests.toys.ToySequence}\ndata: {class_path: tests.toys.ToyDataModule}\n"
CONFIG = {  # content of x.yaml -> what is said of it
    "model: MarsTsk": "x.yaml: model='MarsTsk': no such class. Did you mean 'MarsTask'?",
    "data: {class_path: MarsDataModul}": "x.yaml: data='MarsDataModul': no such class. Did you mean 'MarsDataModule'?",
    "trainr: {}": "x.yaml, line 1: unknown key 'trainr'. Did you mean 'trainer'? Keys: model, data,",
    "triner: {}": "x.yaml, line 1: unknown key 'triner'. Did you mean 'trainer'?",
    "model: MarsTask\ndata: [a\n": "x.yaml, line 3: no valid YAML: expected ',' or ']'",
    "model: MarsTask\n\tdata: x": "x.yaml, line 2: no valid YAML: found character",
    "": "x.yaml is empty: expected keys such as model, data and trainer",
    "draws: 3\n\noptimizer: {class_path: A}": "x.yaml, line 3: unknown key 'optimizer'. Did you mean model.init_args",
    "lr_scheduler: {}": "unknown key 'lr_scheduler'. Did you mean model.init_args.schedule?",
    "batch_size: 3": "unknown key 'batch_size'. Did you mean data.init_args.batch_size?",
    "model:\n  class_path: MarsTask\n  init_arg: {}": "line 3: model: unknown key 'init_arg'. Did you mean 'init_args'",
    "model: {class_path: MarsTask, lr: 1}": "model: unknown key 'lr'. Arguments of the class stand under init_args.",
    'data: {init_args: {root: "C:\\Users\\x"}}': "x.yaml, line 1: no valid YAML: expected escape sequence",
    'data: {init_args: {root: "C:\\my\\x"}}': "write the path in single quotes, or with /",
    "trainer:\n\tmax_epochs: 1": "Indent with blanks, not with tabs",
    "trainer:\n  max_epochs: 1\n    x: 2": "x.yaml, line 3: no valid YAML: mapping values are not allowed here. Look",
    "a: &a [1]\nb: &b [*a, *a]": "x.yaml, line 1: unknown key 'a'",
    "draws: 3\nname: a\ndraws: 5": "x.yaml, line 3: the key 'draws' stands there again, after line 1. Keep one",
    "trainer: {max_epochs: 1, max_epochs: 2}": "x.yaml, line 1: the key 'max_epochs' stands there again",
    "model: MarsTask\n---\nmodel: MarsTask": "x.yaml, line 2: no valid YAML: but found another document",
    "data: {init_args: {root: 2001-99-99}}": "x.yaml: no valid YAML: month must be in 1..12. Put quotes around",
    "model: " + "[" * 2000 + "]" * 2000: "x.yaml: no valid YAML: brackets within brackets",
    "a: &a [*a]": "unfold to more than 100,000 values",
    "\n".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}' if i else '1'] * 9)}]" for i in range(9)): "unfold to more than",
    "- model": "x.yaml: expected a mapping with keys such as model, data and trainer",
}
EARLY = {  # command line -> what it prints
    "--help": "usage:",
    "fitt": "unknown command 'fitt'. Did you mean 'fit'?",
    "fit": "fit needs a task: add --config",
    "fit --config configs/mars_unit.yaml": "mars_unit.yaml does not exist. Did you mean 'configs/mars_unet.yaml'",
    "fit --config mnist_cnn": "mnist_cnn does not exist. Did you mean 'configs/mnist_cnn.yaml'?",
    "fit --config isic": "isic does not exist. Did you mean 'configs/isic.yaml'?",
    **{f"{verb} configs/mars_unet.yaml": f"option: {verb} --config configs/mars_unet.yaml" for verb in TAKE_CONFIG},
    "kfold --folds 5 configs/mars_unet.yaml": "option: kfold --config configs/mars_unet.yaml",
    "sweep configs/sweeps/cues.yaml": "option: sweep --sweep configs/sweeps/cues.yaml",
    "tune configs/tune/mnist_cnn.yaml": "option: tune --space configs/tune/mnist_cnn.yaml",
    "fit --config=wrong.yaml": "wrong.yaml, line 1: unknown key 'modell'. Did you mean 'model'?",
    "kfold -c wrong.yaml": "wrong.yaml, line 1: unknown key 'modell'. Did you mean 'model'?",
    "fit --model MarsTsk": "model='MarsTsk': no such class. Did you mean 'MarsTask'?",
    "sweep --sweep configs/sweeps/fashon.yaml": "Did you mean 'configs/sweeps/fashion_mlp.yaml'",
    "sweep --sweep sweep.yaml": "wrong.yaml, line 1: unknown key 'modell'. Did you mean 'model'?",
    "tune --space no.yaml": "no.yaml does not exist",
    "tune --space no.yaml --sampler x": "no.yaml does not exist",
    "report --run runs/none": "runs/none is no run",
    "test --config configs/mars_unet.yaml --ckpt_path x.ckpt": "checkpoint x.ckpt does not exist",
    "fit --config configs/mars_unet.yaml --ckpt_path http://host/x.ckpt": "addresses are not fetched. Download",
    "submit": "the following arguments are required: --run. `cli.py submit --help` tells the options.",
    **{f"{verb} --help": f"usage: cli.py {verb}" for verb in VERBS},
}
CHECK = """
import sys
from lightning_tasks.app import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"torch", "lightning", "numpy", "pandas", "matplotlib", "jsonargparse"} & set(sys.modules)
    print("imported:", *sorted(heavy))
"""


@pytest.mark.parametrize("line", EARLY)
def test_told_without_importing_torch(tmp_path, line):
    (tmp_path / "wrong.yaml").write_text("modell: MarsTask")
    (tmp_path / "sweep.yaml").write_text("variants: {a: {config: wrong.yaml}}")
    command = [sys.executable, "-c", CHECK, *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert EARLY[line] in done.stdout + done.stderr and len(done.stderr.strip().splitlines()) <= 3
    imported = done.stdout.splitlines()[-1].removeprefix("imported:").split()
    # an exercise has options of its own, and figures
    assert "torch" not in imported and (line == "exercise --help" or not imported)
    assert done.returncode == (0 if "--help" in line else 2)


@pytest.mark.parametrize("text", CONFIG)
def test_what_is_wrong_with_a_config_is_one_clear_error(tmp_path, cli, capsys, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit):
        cli("fit", "--config", "x.yaml")
    assert CONFIG[text] in capsys.readouterr().err


def test_a_wrong_option_is_told_before_network_and_data_are_built(cli, capsys, monkeypatch):
    monkeypatch.setattr(TaskCLI, "instantiate_classes", lambda self: pytest.fail("was built"))
    for args in (("fit",), ("kfold",), ("sweep", "--grid", "model.width=1,2"), ("inspect",)):
        with pytest.raises(SystemExit):
            cli(*args, "--config", "configs/mars_unet.yaml", "--model.lrr", 1)
        assert "no option 'lrr'" in capsys.readouterr().err


def test_an_augmentation_is_put_after_those_of_the_config():
    args = ["--config", str(ROOT / "configs/isic.yaml"), "--data.augment+", "{noise: {std: 0.1}}"]
    augment = TaskCLI([*args, "--data.augment+=mixup"], run=False).options.data.init_args.augment
    assert augment[0] == "hflip" and augment[-2:] == [{"noise": {"std": 0.1}}, "mixup"] and len(augment) == 7


def test_the_known_keys_are_those_of_the_parsers(monkeypatch):
    for step in ("before_instantiate_classes", "instantiate_classes", "_run_subcommand"):
        monkeypatch.setattr(TaskCLI, step, lambda self, *args: None)
    parsers = {}
    for command in LIGHTNING:
        cli = TaskCLI([command, "--config", str(ROOT / "configs/mars_unet.yaml")])
        parsers |= cli._subcommand_parsers
    assert set(parsers) == set(LIGHTNING)  # each command builds its own, and no other
    found = {action.dest.split(".")[0] for parser in parsers.values() for action in parser._actions}
    assert set(KEYS) == found - {"help", "config", "print_config", "print_shtab"} and set(PARSERS) == set(VERBS)


def test_the_applications_own_configs_are_found_from_any_folder(tmp_path):
    own = str(ROOT / "configs/variants/mnist_mlp.yaml")
    assert preflight(["--config", "configs/variants/mnist_mlp.yaml"]) == ["--config", own]
    assert preflight(["--config=configs/variants/mnist_mlp.yaml", "--name", "x"]) == [f"--config={own}", "--name", "x"]
    for option, path in (("--sweep", "configs/sweeps/fashion_mlp.yaml"), ("--space", "configs/tune/mnist_cnn.yaml")):
        assert preflight([option, path]) == [option, str(ROOT / path)]
    (tmp_path / "configs/variants").mkdir(parents=True)
    (tmp_path / "configs/variants/mnist_mlp.yaml").write_text(TOY)  # the folder's own goes first
    assert preflight(["-c", "configs/variants/mnist_mlp.yaml"]) == ["-c", "configs/variants/mnist_mlp.yaml"]


def test_a_run_of_an_own_config_is_named_after_it(cli, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(TaskCLI, "instantiate_classes", lambda self: seen.append(self.run_dir.path))
    monkeypatch.setattr(TaskCLI, "_run_subcommand", lambda self, *args: None)
    cli("fit", "--config", "configs/variants/mnist_mlp.yaml")
    assert str(seen[0]) == "runs/mnist_mlp/default"


@pytest.mark.parametrize("verb, option", [("sweep", "--sweep"), ("tune", "--space")])
def test_files_of_the_user_name_our_configurations_from_any_folder(tmp_path, cli, capsys, verb, option):
    (tmp_path / "mine").mkdir()
    for name in ("configs/two_class_relu.yaml", "configs/two_class_rely.yaml"):
        (file := tmp_path / "mine/x.yaml").write_text(f"config: {name}\ngrid: {{model.none: [1]}}\nspace: {{}}\n")
        with pytest.raises(SystemExit):
            cli(verb, option, file)
        error = capsys.readouterr().err
        assert ("does not exist" in error) == (name.endswith("rely.yaml")), error
        assert "Did you mean 'configs/two_class_rely.yaml'" not in error
