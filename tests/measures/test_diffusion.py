"""Schedules and steps of diffusion: variances, exact inversion, and that nothing is drawn in the last step."""

import pytest
import torch

from lightning_tasks.measures.diffusion import (
    SCHEDULES,
    cumulative_signal,
    denoised,
    noise_of_velocity,
    noised,
    step_back,
    step_numbers,
    velocity,
)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [50, 1000])
def test_signal_falls_from_one_to_nearly_nothing(schedule, steps):
    signal = cumulative_signal(schedule, steps)
    assert len(signal) == steps + 1 and signal[0] == 1
    assert (signal.diff() < 0).all() and 0 < signal[-1] < 1e-3


def test_the_linear_schedule_is_that_of_the_paper():
    beta = 1 - cumulative_signal("linear", 1000)[1:] / cumulative_signal("linear", 1000)[:-1]
    assert float(beta[0]) == pytest.approx(1e-4) and float(beta[-1]) == pytest.approx(0.02)


def test_variance_stays_one_and_the_start_comes_back_from_its_noise():
    torch.manual_seed(0)
    x, noise = torch.randn(20_000, 2, dtype=torch.float64), torch.randn(20_000, 2, dtype=torch.float64)
    for signal in cumulative_signal("cosine", 100)[[1, 30, 60, 99]]:
        at = signal.expand(len(x))
        late = noised(x, noise, at)
        assert abs(float(late.var()) - 1) < 0.03
        torch.testing.assert_close(denoised(late, noise, at), x)
    last = noised(x * 5 + 3, noise, cumulative_signal("linear", 1000)[-1].expand(len(x)))
    assert abs(float(last.mean())) < 0.05 and abs(float(last.std()) - 1) < 0.05


def test_the_velocity_is_the_rate_of_change_along_the_circle_and_holds_noise_and_start():
    torch.manual_seed(0)
    x, noise = torch.randn(50, 3, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64)
    angle = torch.linspace(0.05, 1.5, 50, dtype=torch.float64)  # a_t is its squared cosine
    late, rate = torch.autograd.functional.jvp(
        lambda angle: noised(x, noise, angle.cos().square()), angle, torch.ones_like(angle)
    )
    signal = angle.cos().square()
    speed = velocity(x, noise, signal)
    torch.testing.assert_close(speed, rate)
    torch.testing.assert_close(noise_of_velocity(late, speed, signal), noise)
    torch.testing.assert_close(denoised(late, noise, signal), x)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_with_the_true_start_each_step_has_the_right_mean_and_variance(eta):
    """x_t of one x_0: after a step back it is distributed as x_before (Song et al. 2021, lemma 1)."""
    torch.manual_seed(0)
    start = torch.full((50_000,), 0.7, dtype=torch.float64)
    signal = cumulative_signal("cosine", 100)
    now, before = signal[60], signal[40]
    x = noised(start, torch.randn_like(start), now.expand(len(start)))
    back = step_back(x, start, now, before, eta, torch.randn_like(start))
    assert float(back.mean()) == pytest.approx(float(before.sqrt() * 0.7), abs=0.01)
    assert float(back.std()) == pytest.approx(float((1 - before).sqrt()), abs=0.01)


def test_full_noise_between_neighbouring_steps_is_the_posterior_of_ddpm():
    signal = cumulative_signal("linear", 100)
    now, before = signal[50], signal[49]
    alpha, beta = now / before, 1 - now / before
    x, start = torch.tensor([0.3], dtype=torch.float64), torch.tensor([-0.2], dtype=torch.float64)
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    mean = step_back(x, start, now, before, 1.0, zero)  # Ho et al. 2020, equation 7
    expected = before.sqrt() * beta / (1 - now) * start + alpha.sqrt() * (1 - before) / (1 - now) * x
    torch.testing.assert_close(mean, expected)
    variance = (step_back(x, start, now, before, 1.0, one) - mean) ** 2
    torch.testing.assert_close(variance, ((1 - before) / (1 - now) * beta)[None])


def test_the_last_step_gives_the_start_and_draws_nothing():
    signal = cumulative_signal("cosine", 10)
    x, start = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    torch.testing.assert_close(step_back(x, start, signal[1], signal[0], 1.0, 99 * torch.ones_like(x)), start)


def test_step_numbers():
    assert step_numbers(1000, 4).tolist() == [1000, 750, 500, 250, 0]
    assert step_numbers(5, 5).tolist() == [5, 4, 3, 2, 1, 0] and step_numbers(7, 1).tolist() == [7, 0]
    with pytest.raises(ValueError, match="sampling_steps=8: need 1 to 7"):
        step_numbers(7, 8)
    with pytest.raises(ValueError, match="steps=0: need 2 or more"):
        cumulative_signal("linear", 0)
    with pytest.raises(ValueError, match="schedule='cosin': choose linear or cosine"):
        cumulative_signal("cosin", 10)
