"""Reconstruction: what the decoder's values stand for in pictures, scores and losses."""

import pytest
import torch
import torch.nn.functional as F

from tests.toys import ToyAutoencoder


def test_a_linear_output_is_cut_to_the_picture_and_values_beyond_are_errors_where_it_is_wrong():
    task = ToyAutoencoder()
    decoded, image = torch.tensor([-0.5, 0.25, 2.0, -0.5]), torch.tensor([0.0, 0.5, 1.0, 1.0])
    assert task.picture(decoded).tolist() == [0, 0.25, 1, 0]
    decoded.requires_grad_()
    loss = task.criterion(decoded, image)
    assert float(loss.detach()) == pytest.approx((0 + 0.0625 + 0 + 2.25) / 4)
    loss.backward()
    assert decoded.grad.tolist() == pytest.approx([0, -0.125, 0, -0.75]), "the last would have none if it were cut"


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_sigmoid_output_is_a_logit(loss):
    task = ToyAutoencoder(output="sigmoid", loss=loss)
    decoded, image = torch.randn(50), torch.rand(50)
    torch.testing.assert_close(task.picture(decoded), decoded.sigmoid())
    expected = (
        F.mse_loss(decoded.sigmoid(), image) if loss == "mse" else F.binary_cross_entropy(decoded.sigmoid(), image)
    )
    torch.testing.assert_close(task.criterion(decoded, image), expected)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"loss": "bce"}, "loss='bce' reads the decoder's values as logits: set --model.output sigmoid"),
        ({"output": "tanh"}, "output='tanh'"),
        ({"loss": "l1"}, "loss='l1'"),
    ],
)
def test_wrong_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        ToyAutoencoder(**args)
