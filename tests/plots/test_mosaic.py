"""Grids of pictures: one array on one axes, pixel by pixel."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from lightning_tasks.plots.classes import RIGHT, WRONG, grid_figure, labelled_figure
from lightning_tasks.plots.explain import explain_figure
from lightning_tasks.plots.inspect import contact_sheet
from lightning_tasks.plots.masks import RED, mask_figure
from lightning_tasks.plots.mosaic import EDGE, GAP, mosaic, resized, rgb
from lightning_tasks.plots.pictures import SIDE, rows_figure, tiles_figure
from lightning_tasks.plots.save import png_of
from lightning_tasks.plots.style import COLORS

NAMES = ["a", "b", "c"]


def pixels(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png_of(figure))))


def colour(name) -> list[int]:
    return [round(255 * v) for v in (to_rgb(name))]


def test_pictures_stand_side_by_side_pixel_by_pixel():
    pictures = list(np.random.default_rng(0).random((5, 6, 10, 3)))
    found = pixels(mosaic([*pictures[:4], None, pictures[4]], 3, 30))
    expected = (np.stack(pictures) * 255).round().astype(np.uint8).repeat(3, 1).repeat(3, 2)
    assert found.shape == (2 * (18 + GAP) + GAP, 3 * (30 + GAP) + GAP, 3)
    for place, picture in zip((0, 1, 2, 3, 5), expected, strict=True):
        y, x = GAP + place // 3 * (18 + GAP), GAP + place % 3 * (30 + GAP)
        np.testing.assert_array_equal(found[y : y + 18, x : x + 30], picture)
        assert (found[y - 1, x - 1 : x + 31] == EDGE).all() and (found[y - 2, x - 1 : x + 31] == 255).all()
    y, x = 2 * GAP + 18, 2 * GAP + 30  # the empty place has no frame
    assert (found[y - 1 : y + 19, x - 1 : x + 31] == 255).all()


def test_captions_take_room_where_there_are_some_and_stand_above_their_picture():
    picture = np.zeros((40, 40, 3))
    bare, words = mosaic([picture] * 4, 2, 40), mosaic([picture] * 4, 2, 40, ["x", "one\ntwo"], ["#ff0000", "#0000ff"])
    found = pixels(words)
    assert found.shape[0] > pixels(bare).shape[0] + 20 and len(words.axes) == 1
    left, right = found[:, : GAP + 40 + GAP // 2], found[:, GAP + 40 + GAP // 2 :]
    for half, kept in ((left, 0), (right, 2)):
        coloured = half.max(-1).astype(int) - half.min(-1) > 100
        assert coloured.any() and half[coloured].argmax(-1).tolist() == [kept] * coloured.sum()
        assert coloured.nonzero()[0].max() < np.nonzero((half == 0).all(-1))[0].min()


def test_small_pictures_grow_by_whole_factors_and_large_ones_shrink_smoothly():
    small = np.random.default_rng(0).random((2, 8, 8, 3))
    grown = resized(small, 60)
    assert grown.shape == (2, 64, 64, 3)
    np.testing.assert_array_equal(grown[:, ::8, ::8], (small * 255).round().astype(np.uint8))
    stripes = np.zeros((1, 100, 400, 3))
    stripes[:, :, ::2] = 1
    shrunk = resized(stripes, 100)
    assert shrunk.shape == (1, 25, 100, 3) and abs(shrunk[:, :, 2:-2].astype(int) - 128).max() < 8


def test_gray_pictures_are_stretched_each_to_its_own_range_and_colours_are_not():
    dark = torch.rand(1, 4, 4).numpy() * 0.1 + 0.3
    assert rgb(dark).min() == 0 and rgb(dark).max() == 1 and (rgb(dark)[..., 0] == rgb(dark)[..., 2]).all()
    assert (rgb(np.full((1, 4, 4), 0.7)) == 0).all()
    colours = torch.rand(3, 4, 4).numpy() * 0.1 + 0.3
    np.testing.assert_array_equal(rgb(colours), np.moveaxis(colours, 0, -1))


def test_what_a_network_made_stands_under_the_data_on_one_scale():
    original, rebuilt = torch.full((3, 1, 12, 12), 0.2), torch.full((3, 1, 12, 12), 0.8)
    figure = rows_figure({"original": original, "rebuilt": rebuilt}, count=2)
    assert [t.get_text() for t in figure.axes[0].texts if t.get_text()] == ["original", "rebuilt"]
    found = pixels(figure)
    assert found.shape[1] == 2 * (SIDE + GAP) + GAP
    upper, lower = np.unique(found[GAP + SIDE // 2 + 12, :, 0]), np.unique(found[-GAP - SIDE // 2, :, 0])
    assert 51 in upper and 204 in lower and 204 not in upper and 51 not in lower
    assert pixels(tiles_figure(original, columns=2)).shape[:2] == (2 * (SIDE + GAP) + GAP,) * 2


def batch(count=7, channels=3, size=(12, 12)):
    return {"image": torch.rand(count, channels, *size), "label": torch.arange(count) % 3}


def test_grid_says_what_was_predicted_and_is_red_where_that_is_wrong():
    prob = torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    figure = grid_figure(batch(3), prob, NAMES)
    (axis,) = figure.axes
    assert [t.get_text() for t in axis.texts] == ["a 0.70", "a 0.60\ntruth: b", "c 0.70"]
    assert [t.get_color() for t in axis.texts] == [RIGHT, WRONG, RIGHT] and len(axis.images) == 1
    unknown = grid_figure({"image": batch(3)["image"]}, prob, NAMES).axes[0].texts
    assert [t.get_text() for t in unknown] == ["a 0.70", "a 0.60", "c 0.70"]


def test_training_pictures_tell_both_labels_of_a_mixture():
    mixed = batch(3) | {"label2": torch.tensor([1, 1, 0]), "lam": torch.tensor([0.25, 0.5, 1.0])}
    assert [t.get_text() for t in labelled_figure(mixed, NAMES).axes[0].texts] == ["a 0.25\nb 0.75", "b", "c"]
    assert len(labelled_figure(batch(40), NAMES).axes[0].texts) == 24


@pytest.mark.parametrize("size", [(8, 12), (500, 700)])
def test_masks_keep_the_colours_of_their_classes(size):
    truth, pred = torch.zeros(2, *size, dtype=torch.long), torch.zeros(2, *size, dtype=torch.long)
    truth[:, size[0] // 2 :], pred[:, :, size[1] // 2 :] = 1, 2
    image = torch.rand(2, 1, *size)
    figure = mask_figure({"image": image, "mask": truth}, pred, NAMES, ignore=0)
    assert [t.get_text() for t in figure.axes[0].texts] == ["image", "truth", "prediction", "error (red)"]
    assert [t.get_text() for t in figure.legends[0].texts] == NAMES
    found = pixels(figure)
    width = (found.shape[1] - GAP) // 4
    columns = [found[60:-60, GAP + i * width : i * width + width] for i in range(4)]
    shown = [{tuple(c) for c in np.unique(column.reshape(-1, 3), axis=0)} for column in columns]
    frame = {(255, 255, 255), (EDGE,) * 3}
    assert shown[1] - frame == {tuple(colour(COLORS[k])) for k in (0, 1)}
    assert shown[2] - frame == {tuple(colour(COLORS[k])) for k in (0, 2)}
    assert shown[3] - frame == {tuple(colour(RED)), (153, 153, 153)}
    alone = mask_figure({"image": image, "mask": truth}, None, NAMES, ignore=None)
    assert [t.get_text() for t in alone.axes[0].texts] == ["image", "truth"]


def test_explanations_leave_places_empty_where_a_sample_has_fewer_maps():
    image, hot, flat = np.random.default_rng(0).random((3, 9, 9)), np.ones((9, 9)), np.zeros((9, 9))
    panels = [("1", image, {"Grad-CAM: a 0.9": hot, "saliency: a": hot}), ("2", image, {"Grad-CAM: b 0.1": flat})]
    figure = explain_figure(panels)
    (axis,) = figure.axes
    words = ["1", "Grad-CAM: a 0.9", "saliency: a", "2", "Grad-CAM: b 0.1\n(nothing speaks for it)", ""]
    assert [t.get_text() for t in axis.texts] == words
    found = pixels(figure)
    side = (found.shape[1] - GAP) // 3
    assert (found[GAP + 40 : side - 20, 2 * side + 20 : -20] == 255).all()  # a map of ones is white
    assert (found[-side // 2 :, 2 * side + GAP :] == 255).all()


def test_contact_sheet_takes_bytes_and_floats():
    images = (batch(9)["image"].numpy() * 255).astype(np.uint8)
    sheets = [pixels(contact_sheet(i, [f"{k}\nnear" for k in range(9)])) for i in (images, images / 255)]
    np.testing.assert_array_equal(*sheets)
