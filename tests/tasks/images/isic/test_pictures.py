"""Pictures of files: decoded in workers, changed with the epoch, and their policies."""

import io

import numpy as np
import pytest
import torch
from lightning import Trainer
from PIL import Image

from datamodules import IsicDataModule
from datamodules.augment.file_policy import POLICIES, Policy
from datamodules.readers.pictures import HDF5Source, decode
from lightning_tasks.problems import GradientTask
from tests.tasks.images.isic.files import batches, module, same

# ---- decoding, workers, augmentation -------------------------------------------------------------------------------


def test_large_jpegs_are_decoded_at_reduced_scale(monkeypatch):
    waves = np.sin(np.linspace(0, 6, 400))[:, None] * np.cos(np.linspace(0, 9, 400))
    image = np.uint8(127 + 100 * waves[..., None] * [1, 0.5, -0.7])
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    sizes = []
    convert = Image.Image.convert
    monkeypatch.setattr(Image.Image, "convert", lambda im, mode: sizes.append(im.size) or convert(im, mode))
    found = decode(buffer.getvalue(), 90)
    assert sizes == [(100, 100)]  # a quarter, the smallest scale that is not below 90
    whole = Image.fromarray(image).resize((90, 90), Image.Resampling.BILINEAR)
    assert np.abs(found.astype(int) - np.asarray(whole)).max() <= 6
    for mode, shape in (("L", (30, 50)), ("RGBA", (64, 64)), ("P", (10, 10))):
        buffer = io.BytesIO()
        Image.new(mode, shape, 7).save(buffer, "PNG")
        assert decode(buffer.getvalue(), 32).shape == (32, 32, 3)


def test_training_pictures_change_with_the_epoch_and_not_with_the_workers(pack):
    inline, forked = module(pack, policy="strong"), module(pack, policy="strong", num_workers=2)
    inline.images("train", np.arange(5))
    forked.images("train", np.arange(5))  # opens the file in this process, before the workers start
    loader = forked._dataloader("train")
    for epoch in (0, 1, 0):  # the workers stay
        loader.sampler.set_epoch(epoch)
        found = [b for b in loader]
        expected = batches(inline, "train", epoch)
        assert same({k: torch.cat([b[k] for b in found]) for k in found[0]}, expected)
    forked.teardown("fit")
    assert loader._workers is None
    first, second = (batches(inline, "train", epoch) for epoch in (0, 1))
    one, two = ({int(i): x for i, x in zip(b["id"], b["image"], strict=True)} for b in (first, second))
    shared = [i for i in one if i in two]
    assert len(shared) > 40 and not any(torch.equal(one[i], two[i]) for i in shared)
    plain = torch.from_numpy(inline.images("train", np.array(shared)))
    assert not any(torch.equal(one[i], image) for i, image in zip(shared, plain, strict=True))
    for data in (inline, forked):  # evaluation is never augmented
        assert torch.equal(batches(data, "val", 1)["image"], torch.from_numpy(data.images("train", data.parts["val"])))
        data.teardown("test")


class Watch(GradientTask):
    """Keeps a checksum of every training batch."""

    def __init__(self):
        super().__init__(schedule="none")
        self.weight, self.seen = torch.nn.Parameter(torch.ones(())), []

    def training_step(self, batch, batch_idx):
        weights = torch.arange(batch["image"].numel()).view_as(batch["image"]) % 97
        self.seen.append((self.trainer.current_epoch, round((batch["image"] * weights).sum().item(), 1)))
        return self.weight * batch["image"].mean()

    def evaluate(self, part, batch):
        pass


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_sees_the_pictures_of_an_unbroken_one(pack, tmp_path, workers):
    def fit(epochs, resume=None):
        task, data = Watch(), module(pack, num_workers=workers, positive_share=0.4, samples_per_epoch=32)
        trainer = Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                          enable_model_summary=False, accelerator="cpu", num_sanity_val_steps=0,
                          use_distributed_sampler=False)  # fmt: skip
        trainer.fit(task, datamodule=data, ckpt_path=resume)
        trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        assert not data._loaders
        return task.seen

    whole = fit(3)
    assert len(set(whole)) == 6
    assert fit(2) == whole[:4] and fit(3, tmp_path / "2.ckpt") == whole[4:]


def test_sources_travel_to_other_processes_without_their_handle(pack):
    source = HDF5Source(pack / "train-image.hdf5")
    name = sorted(source.names())[3]
    data = source.read(name)
    assert source._file is not None and source.__getstate__()["_file"] is None
    source.close()
    assert source.read(name) == data


@pytest.mark.parametrize("policy", [*POLICIES, [{"Rotate": {"limit": [10, 20]}}, "ChannelShuffle"]])
def test_policies_follow_from_the_seed_and_keep_shape_and_type(policy):
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    change = Policy(policy)
    outs = [change(image, seed) for seed in (1, 2, 3, 4, 1)]
    np.testing.assert_array_equal(outs[0], outs[4])
    assert all(o.shape == image.shape and o.dtype == np.uint8 for o in outs)
    assert len({o.tobytes() for o in outs}) == 1 if policy == "none" else len({o.tobytes() for o in outs}) > 2


def test_transforms_draw_independently_of_each_other():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    flips = Policy([{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}])
    counts = np.unique([flips(image, seed)[0, 0, 0] for seed in range(400)], return_counts=True)[1]
    assert len(counts) == 4 and (abs(counts - 100) < 40).all()


@pytest.mark.parametrize("policy, message", [
    ("lihgt", "policy='lihgt'.*Did you mean 'light'"),
    (["HorizontalFlop"], "no transform 'HorizontalFlop'. Did you mean 'HorizontalFlip'"),
    ([{"Affine": {"rotat": 3}}], "Affine has no argument 'rotat'. Did you mean 'rotate'"),
    ([{"Affine": {"p": 7}}], "policy: Affine: .*p"),
    ([{"Affine": 7}], "must be a mapping"),
    ([{"Affine": {}, "D4": {}}], "one {Name"),
    ([{"RandomCrop": {"height": 8, "width": 8}}], r"\(32, 32, 3\) into uint8 \(8, 8, 3\).*--data.size"),
    (["Normalize"], "into float32"),
])  # fmt: skip
def test_wrong_policies_are_named(policy, message):
    with pytest.raises(ValueError, match=message):
        IsicDataModule(policy=policy, size=32)
