"""Which files a wheel holds; the rest stands in pyproject.toml.

``configs/`` is beside the packages in a checkout and inside of one in a wheel (``lightning_tasks/app/places.py``).
pyproject.toml cannot say that and let the other packages be found.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["lightning_tasks*", "datamodules*"]), "lightning_tasks.configs"],
    package_dir={"lightning_tasks.configs": "configs"},
    package_data={
        "lightning_tasks.configs": ["**/*.yaml"],
        "lightning_tasks.app.pages": ["templates/*"],
    },
)
