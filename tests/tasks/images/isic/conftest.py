"""A small pack of skin-lesion files, shared by these tests."""

import shutil

import pytest

from datamodules.simulate import make_lesions


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """120 pictures of 30 patients, 15 of them malignant, and 9 test pictures."""
    folder = tmp_path_factory.mktemp("pack") / "isic"
    make_lesions(folder, n=120, n_test=9, patients=30, positives=0.125, size=40, seed=3)
    return folder


@pytest.fixture
def own(pack, tmp_path):
    """A copy to damage."""
    return shutil.copytree(pack, tmp_path / "own" / "isic")
