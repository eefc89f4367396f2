"""Arrows between the packages go one way: all imports are read, lazy ones and those for type checkers too."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

# A package may import those of lower rank and itself; those of one rank do not know each other.
RANKS = {
    "lightning_tasks.common": 0,
    "lightning_tasks.nets": 1,
    "lightning_tasks.measures": 1,
    "lightning_tasks.plots": 2,
    "lightning_tasks.callbacks": 3,
    "lightning_tasks.runs": 4,
    "lightning_tasks.baselines": 4,
    "lightning_tasks.problems": 5,
    "lightning_tasks.foundations": 6,
    "lightning_tasks.tasks": 6,
    "lightning_tasks": 7,  # the list of names
    "datamodules.readers": 0,
    "datamodules.simulate": 0,
    "datamodules.audit": 0,
    "datamodules.augment": 0,
    "datamodules.core": 1,
    "datamodules.pictures": 2,
    "datamodules.texts": 2,
    "datamodules.sets": 3,
    "datamodules": 7,
    "lightning_tasks.app": 8,
    "lightning_tasks.__main__": 9,
    "cli": 9,
}
FILES = sorted([ROOT / "cli.py", *(ROOT / "lightning_tasks").rglob("*.py"), *(ROOT / "datamodules").rglob("*.py")])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def package_of(module: str) -> str:
    """The entry of ``RANKS`` that a module belongs to."""
    return next(p for n in range(3, 0, -1) if (p := ".".join(module.split(".")[:n])) in RANKS)


def imports(module: str) -> set[str]:
    """Modules of ours that a module imports, anywhere in its text."""
    path, found = MODULES[module], set()
    base = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            # `from package import module` reads the module, `from module import name` the module itself
            found |= {name if (name := f"{origin}.{alias.name}") in MODULES else origin for alias in node.names}
    return {name for name in found if name in MODULES} - {module}


IMPORTS = {module: imports(module) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = package_of(module)
    for other in IMPORTS[module]:
        package = package_of(other)
        if package != own:
            assert RANKS[package] < RANKS[own], f"{module} imports {other}"
            if {own.split(".")[0], package.split(".")[0]} == {"lightning_tasks", "datamodules"}:
                assert own == "lightning_tasks.app", f"{module} imports {other}: tasks and data meet in the batch"


def test_no_circle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in sorted(IMPORTS[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_no_verb_imports_another_but_tune_the_sweep():
    verbs = "lightning_tasks.app.verbs."
    for module in MODULES:
        if module.startswith(verbs):
            own = module.removeprefix(verbs).split(".")[0]
            others = {m.removeprefix(verbs).split(".")[0] for m in IMPORTS[module] if m.startswith(verbs)} - {own}
            assert others <= ({"sweep"} if own == "tune" else set()), f"{module} imports {others}"


@pytest.mark.parametrize("module", MODULES)
def test_files_are_one_room(module):
    assert len(MODULES[module].read_text().splitlines()) <= 300, f"{module}: above 300 lines a file is two rooms"
