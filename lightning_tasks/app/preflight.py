"""What can be told of a command line before torch is imported, which takes seconds: files, keys, class names."""

from pathlib import Path
from typing import Any

import yaml

import datamodules
import lightning_tasks
from lightning_tasks.common.choices import nearest
from lightning_tasks.runs.directory import find_run

from .places import CONFIGS, config_of, find_config
from .synonyms import key_for
from .weights import file_of

# Of a configuration: what the parsers of fit, validate, test and predict know.
KEYS = (
    *("model", "data", "trainer", "seed_everything"),
    *("runs", "experiment", "name", "start", "resume", "overwrite", "seen", "early_stopping"),
    *("draws", "baselines", "figures", "needs"),
    *("ckpt_path", "weights_only", "verbose", "return_predictions"),
)
TAKE_CONFIG = ("fit", "validate", "test", "predict", "kfold", "sweep", "tune", "inspect", "layers")
LARGEST = 100_000  # values of a YAML file
REMEDIES = {
    "escape": "In double quotes a backslash begins an escape: write the path in single quotes, or with /.",
    "that cannot start any token": "Indent with blanks, not with tabs.",
    "mapping values are not allowed": "Look at the indentation of this line and the one before.",
    "did not find expected": "Look at the indentation, brackets and quotes of this line and the one before.",
    "expected <block end>": "Look at the indentation of this line and the one before.",
}
CLASSES = {"model": lightning_tasks.EXPORTS, "data": datamodules.EXPORTS}


def preflight(args: list[str]) -> list[str]:
    """Look at the files and class names of a command line.

    Args:
        args: Arguments of a command.

    Returns:
        The arguments, in which ``configs/...`` names the application's own file where the folder holds none.

    Raises:
        FileNotFoundError: A configuration, sweep, space, run or checkpoint is not there.
        ValueError: A file is no YAML, has an unknown key, or a class is unknown.
    """
    checked = list(args)
    for i, arg in enumerate(args):
        option, joined, value = arg.partition("=")
        if not joined:
            if i + 1 == len(args):
                break
            value = args[i + 1]
        if option in ("--config", "-c", "--sweep", "--space"):
            if "://" in value:  # the parser reads addresses
                continue
            path = find_config(value)
            (check_config if option in ("--config", "-c") else check_comparison)(path)
            checked[i if joined else i + 1] = f"{option}={path}" if joined else str(path)
        elif option == "--run" and not Path(value).is_dir():
            find_run(value)  # raises
        elif option in ("--ckpt_path", "--start") and "://" in value:
            raise ValueError(f"{option} {value}: addresses are not fetched. Download the file and give its path.")
        elif option in ("--ckpt_path", "--start"):
            weights = file_of(value)
            checked[i if joined else i + 1] = f"{option}={weights}" if joined else weights
        elif option.removesuffix(".class_path") in ("--model", "--data"):
            check_class(option[2:].removesuffix(".class_path"), value)
    return checked


def check_positional(command: str, args: list[str]) -> None:
    """Raise a ValueError where a configuration stands without its option in a command that takes one."""
    for before, arg in zip(["", *args], args, strict=False):
        if command in TAKE_CONFIG and arg.endswith((".yaml", ".yml")) and not arg.startswith("-"):
            if before.startswith("-") and "=" not in before:
                continue
            option = {"sweep": "--sweep", "tune": "--space"}.get(command) if is_comparison(arg) else None
            raise ValueError(f"{command} reads a configuration as an option: {command} {option or '--config'} {arg}")


def is_comparison(path: str) -> bool:
    """Whether a file stands where sweeps and spaces do."""
    return Path(path).parent.name in ("sweeps", "tune")


def check_given(command: str, args: list[str]) -> None:
    """Raise a ValueError where nothing says what a command of Lightning is to build."""
    options = {arg.split("=")[0] for arg in args}
    if not options & {"--config", "-c", "--model", "--model.class_path", "--help", "-h"}:
        run = "--run RUN of a trained one, " if command != "fit" else ""
        raise ValueError(
            f"{command} needs a task: add {run}--config configs/TASK.yaml, or --model CLASS and --data CLASS."
        )


def read_yaml(path: Path) -> Any:
    """Content of a YAML file.

    Raises:
        FileNotFoundError: No such file; names a near one.
        ValueError: No YAML; names the line.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'no file'}: a YAML file is expected.")
    if not path.is_file():
        configs = [str(Path("configs", p.relative_to(CONFIGS))) for p in sorted(CONFIGS.rglob("[!_]*.yaml"))]
        candidates = [name for name in (*map(str, sorted(path.parent.glob("*.yaml"))), *configs) if name != str(path)]
        named = [candidate for candidate in candidates if Path(candidate).stem == path.stem]
        raise FileNotFoundError(f"{path} does not exist.{nearest(named[0] if named else str(path), candidates)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        nodes = yaml.compose(text, yaml.SafeLoader)
        if expanded(nodes) > LARGEST:
            raise ValueError(f"{path}: its aliases (*name) unfold to more than {LARGEST:,} values. Write them out.")
        check_once(path, nodes)
        try:
            return yaml.safe_load(text)
        except ValueError as error:  # a date such as 2023-02-30
            raise ValueError(f"{path}: no valid YAML: {error}. Put quotes around what is no date.") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        remedy = next((f" {text}" for words, text in REMEDIES.items() if words in str(error)), "")
        raise ValueError(f"{path}{line}: no valid YAML: {error.problem}.{remedy}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError(f"{path}: no valid YAML: brackets within brackets, too deep to be read.") from None


def check_once(path: Path, node: yaml.Node | None) -> None:
    """Raise a ValueError where a mapping has a key twice: YAML readers take the last one without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise ValueError(
                    f"{path}, line {line}: the key {key.value!r} stands there again, after line {seen[key.value]}. "
                    "Keep one of them."
                )
            seen[key.value if isinstance(key, yaml.ScalarNode) else ""] = line
            check_once(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            check_once(path, value)


def expanded(node: yaml.Node | None, sizes: dict[int, float] | None = None) -> float:
    """Number of values of a YAML document with its aliases unfolded; infinite where one holds itself."""
    sizes = {} if sizes is None else sizes
    if id(node) not in sizes:
        sizes[id(node)] = float("inf")
        inner = getattr(node, "value", None)
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))] if isinstance(
            inner, list) else []  # fmt: skip
        sizes[id(node)] = 1 + sum(expanded(part, sizes) for part in parts)
    return sizes[id(node)]


def check_config(path: Path) -> None:
    """Raise a FileNotFoundError or ValueError where a configuration cannot be one."""
    content = read_yaml(path)
    if content is None:
        raise ValueError(f"{path} is empty: expected keys such as model, data and trainer.")
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: expected a mapping with keys such as model, data and trainer; it is {content!r:.60}."
        )
    for key, value in content.items():
        name = str(key).split(".")[0]
        if name not in KEYS:
            ours = key_for(name).replace(".", ".init_args." if key_for(name).startswith(("model", "data")) else ".")
            hint = f" Did you mean {ours}?" if ours else nearest(name, list(KEYS))
            raise ValueError(f"{path}, line {line_of(path, key)}: unknown key {name!r}.{hint} Keys: {', '.join(KEYS)}.")
        if key in CLASSES and isinstance(value, dict):
            check_class_keys(path, key, value)
        check_class(name, value.get("class_path") if isinstance(value, dict) else value, f"{path}: ")


def line_of(path: Path, *keys: Any) -> int:
    """Line of a YAML file where a key stands, or one within another."""
    node = yaml.compose(path.read_text(encoding="utf-8-sig"), yaml.SafeLoader)
    for wanted in keys:
        key, node = next(pair for pair in node.value if pair[0].value == str(wanted))
    return key.start_mark.line + 1


def check_class_keys(path: Path, name: str, value: dict) -> None:
    """Raise a ValueError where a class is given by other keys than ``class_path`` and ``init_args``."""
    known = ("class_path", "init_args", "dict_kwargs")
    for key in value:
        if str(key).split(".")[0] not in known:
            hint = nearest(str(key), known) or " Arguments of the class stand under init_args."
            raise ValueError(f"{path}, line {line_of(path, name, key)}: {name}: unknown key {key!r}.{hint}")


def check_comparison(path: Path) -> None:
    """Raise where a sweep or a space is no YAML, or a configuration that it names cannot be one."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        return  # the verb knows which keys it needs
    variants = content.get("variants")
    for holder in (content, *(variants.values() if isinstance(variants, dict) else ())):
        if isinstance(holder, dict) and isinstance(holder.get("config"), str):
            check_config(config_of(path, holder["config"]))


def check_class(key: str, value: Any, where: str = "") -> None:
    """Raise a ValueError where ``value`` is a bare name that no class has; dotted paths are left to the parser."""
    known = CLASSES.get(key)
    if known is not None and isinstance(value, str) and value.isidentifier() and value not in known:
        raise ValueError(f"{where}{key}={value!r}: no such class.{nearest(value, list(known))}")
