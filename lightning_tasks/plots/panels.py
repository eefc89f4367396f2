"""Which metrics of training share a panel: on pages, in TensorBoard and where runs stand side by side."""

RATE = "train/lr"
Panels = dict[str, list[str]]  # title -> names of metrics


def panels_of(names: list[str], declared: Panels, monitor: str) -> Panels:
    """The panels that a run declares, then those of what it leaves out.

    Args:
        names: Metrics that were measured.
        declared: Title -> metrics with their part.
        monitor: Metric that chooses the best epoch.
    """
    held = {name for group in declared.values() for name in group}
    panels = {title: [name for name in group if name in names] for title, group in declared.items()}
    panels |= default_panels([name for name in names if name not in held])
    return with_always({title: group for title, group in panels.items() if group}, names, monitor)


def in_parts(declared: dict[str, tuple[str, ...]]) -> Panels:
    """Panels of a task, whose metrics have no part, with the parts they may be measured on."""
    return {
        title: [f"{part}/{name}" for name in names for part in ("train", "val")] for title, names in declared.items()
    }


def default_panels(names: list[str]) -> Panels:
    """A panel for each metric of training with its twin of validation: ``acc`` holds train/acc and val/acc.

    ``train/clean_acc`` is the train part measured as validation is measured, and stands in the same panel. What is
    measured on validation alone has none: there may be one for each class.
    """
    panels: Panels = {}
    for name in names:
        if name.startswith("train/") and name != RATE:
            panels.setdefault(name.removeprefix("train/").removeprefix("clean_"), []).append(name)
    return {title: [*group, *([twin] if (twin := f"val/{title}") in names else [])] for title, group in panels.items()}


def with_always(panels: Panels, names: list[str], monitor: str) -> Panels:
    """The same panels, and those of the monitored metric and of the learning rate where none holds them."""
    held = {name for group in panels.values() for name in group}
    always = {monitor.split("/", 1)[-1]: monitor, "learning rate": RATE}
    return panels | {title: [name] for title, name in always.items() if name in names and name not in held}
