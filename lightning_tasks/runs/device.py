"""Where a run was computed."""

import torch


def device_name(device: torch.device) -> str:
    """The accelerator's name, or the number of CPU threads, of the device that a trainer uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads != 1 else ''}"
