"""Docstrings say what every argument is: a list that lost an entry is found here."""

import inspect
import re

import pytest

import datamodules
import lightning_tasks
from lightning_tasks.nets import classifier, segmenter

PUBLIC = {f"{m.__name__}.{name}": getattr(m, name) for m in (lightning_tasks, datamodules) for name in m.__all__}
PUBLIC |= {f"nets.{cls.__name__}": cls for cls, _ in [*classifier.FAMILY.values(), *segmenter.FAMILY.values()]}
PUBLIC = {name: cls for name, cls in PUBLIC.items() if "__init__" in vars(cls)}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_of_a_class_is_described_once(name):
    cls = PUBLIC[name]
    text = inspect.getdoc(cls) or ""
    own = [p.name for p in inspect.signature(cls.__init__).parameters.values()
           if p.name != "self" and p.kind is not p.VAR_KEYWORD]  # fmt: skip
    section = re.search(r"^Args:\n((?:[ ]{4}.*\n?|\n)*)", text, re.M)
    told = re.findall(r"^ {4}(\w+): ", section[1], re.M) if section else []
    assert [argument for argument in own if argument not in told] == []
    assert len(told) == len(set(told))
