"""Recurrent layers: padding changes nothing, and both directions end where a sample ends."""

import pytest
import torch

from lightning_tasks.nets.recurrent import CELLS, Recurrent, at


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_sample_is_read_as_if_it_were_alone(cell, bidirectional):
    torch.manual_seed(0)
    net = Recurrent(3, 4, cell, layers=2, bidirectional=bidirectional)
    inputs, length = torch.randn(3, 6, 3), torch.tensor([6, 2, 4])
    states, last = net(inputs, length)
    assert states.shape == (3, 6, net.width) and last.shape == (3, net.width)
    longer = torch.cat([inputs, 9 * torch.randn(3, 5, 3)], 1)
    torch.testing.assert_close(net(longer, length)[1], last)
    for i, n in enumerate(length):
        alone, _ = net.rnn(inputs[i : i + 1, :n])
        torch.testing.assert_close(states[i, :n], alone[0])
        assert (states[i, n:] == 0).all()
        expected = torch.cat([alone[0, -1, :4], alone[0, 0, 4:]]) if bidirectional else alone[0, -1]
        torch.testing.assert_close(last[i], expected)


def test_the_state_at_a_step_and_an_unknown_cell():
    states = torch.arange(12.0).view(2, 3, 2)
    assert at(states, torch.tensor([0, 2])).tolist() == [[0, 1], [10, 11]]
    with pytest.raises(ValueError, match="cell='ltsm': choose rnn, gru, lstm"):
        Recurrent(2, 2, "ltsm")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_is_exported_reads_as_the_packed_layers_do(cell, bidirectional):
    torch.manual_seed(0)
    net = Recurrent(3, 4, cell, layers=2, bidirectional=bidirectional)
    inputs, length = torch.randn(3, 6, 3), torch.tensor([5, 1, 4])
    for exported, packed in zip(net._exported(inputs, length), net(inputs, length), strict=True):
        torch.testing.assert_close(exported, packed)
