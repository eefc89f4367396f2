"""How the documentation is built: ``python -m sphinx -W --keep-going -j auto docs build/docs``.

Pages are the Markdown files of this folder as they stand; the API comes from the docstrings. Whatever leads nowhere (a
link, an anchor, a picture, a page that no table of contents has, a class of ours that a signature names) is a warning,
and ``-W`` makes it an error.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the checkout's own packages, installed or not

project = "Lightning tasks"
author = "The Lightning Tasks developers"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
root_doc = "index"
exclude_patterns = ["api/*/modules.rst"]
extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
highlight_language = "text"  # of blocks that name none: commands with placeholders, and output

myst_heading_anchors = 3  # links to headings as GitHub makes them

# A page for each package. Lightning's classes have a hundred members each, so that inherited ones are left out. So is
# the command line: nobody derives from it, and its function ``main`` has the name of a module.
apidoc_automodule_options = {"members", "show-inheritance"}
apidoc_modules = [
    {"path": str(ROOT / package), "destination": f"api/{package}", "exclude_patterns": [str(ROOT / package / "app")]}
    for package in ("lightning_tasks", "datamodules")
]
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute that a docstring lists and the class sets is one entry, not two

nitpicky = True
# Names of other libraries lead nowhere without their inventories, which a build without network cannot read.
# Classes that begin with an underscore are documented by those that derive from them.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!lightning_tasks\.|datamodules\.).*"),
    (r"py:.*", r"lightning_tasks\.app\..*"),  # left out above
    (r"py:class", r".*\._\w+"),
]
