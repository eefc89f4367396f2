"""Graphs in files, and their outputs by the program that users have: ONNX with onnxruntime, or torch.export."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from lightning_tasks.problems.exported import FREE, Exported, Graph

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "torch": ()}
KEY = "lightning_tasks"  # of the signature among a file's metadata
Outputs = Callable[[dict[str, Tensor]], list[Tensor]]


def check_installed(kind: str) -> None:
    """Raise a ModuleNotFoundError where a package is missing that a format needs."""
    if missing := [name for name in NEEDED[kind] if find_spec(name) is None]:
        raise ModuleNotFoundError(
            f"export --format {kind} needs {', '.join(missing)}. Install what it needs with\n"
            'pip install "lightning-tasks[export]", in a checkout pip install -e ".[export]" -c constraints.txt;\n'
            "or use --format torch, which needs nothing more."
        )


def write_graph(
    kind: str, graph: Graph, exported: Exported, sample: dict[str, Tensor], signature: dict, path: Path
) -> None:
    """Trace a graph with a sample and write it, with its signature among the metadata.

    Args:
        kind: ``onnx`` or ``torch``.
        graph: In evaluation mode, on the CPU.
        exported: Its inputs and outputs.
        sample: Inputs by name, of two samples or more.
        signature: Plain values.
        path: File to write.
    """
    args = tuple(sample[port.name] for port in exported.inputs)
    free = torch.export.Dim.DYNAMIC
    shapes = tuple({i: free for i, name in enumerate(port.axes) if name in FREE} for port in exported.inputs)
    text = json.dumps(signature)
    with quiet(), torch.no_grad(), free_sizes():
        program = torch.export.export(graph, args, dynamic_shapes={"inputs": shapes},
                                      prefer_deferred_runtime_asserts_over_guards=True)  # fmt: skip
        drop_assertions(program)
        if kind == "torch":
            torch.export.save(program, path, extra_files={KEY: text})
            return
        onnx = torch.onnx.export(
            program,
            input_names=[port.name for port in exported.inputs],
            output_names=[port.name for port in exported.outputs],
            dynamo=True,
            verbose=False,
        )
        for port, value in zip((*exported.inputs, *exported.outputs), (*onnx.model.graph.inputs,
                               *onnx.model.graph.outputs), strict=True):  # fmt: skip
            for i, name in enumerate(port.axes):
                value.shape[i] = name  # the tracer has names of its own for axes of any size
        onnx.model.metadata_props[KEY] = text
        onnx.save(path)


def drop_assertions(program: torch.export.ExportedProgram) -> None:
    """Take out what the tracer of loops asserts of sizes: it refuses a batch of one, which the graph computes rightly.

    What a file says of one sample is compared, too, when it is checked.
    """
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten._assert_scalar.default:
            program.graph.erase_node(node)
    program.graph.eliminate_dead_code()
    program.graph_module.recompile()


@contextlib.contextmanager
def free_sizes() -> Iterator[None]:
    """Within it, a traced graph takes a batch of one too, and recurrent layers loop over any number of steps.

    These are the switches that torch.onnx.export itself sets; torch.export alone would fix the number of steps.
    """
    from torch.export._patches import (
        register_gru_while_loop_decomposition,
        register_lstm_while_loop_decomposition,
    )
    from torch.fx.experimental import _config

    with (
        register_lstm_while_loop_decomposition(),
        register_gru_while_loop_decomposition(),
        _config.patch(backed_size_oblivious=True),
    ):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it, exporters do not speak of what they trace: hundreds of lines that a user can do nothing about."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def open_graph(kind: str, path: Path, exported: Exported) -> Outputs:
    """What a written file computes: inputs by name to its outputs in their order."""
    names = [port.name for port in exported.inputs]
    if kind == "torch":
        with quiet():
            module = torch.export.load(path).module()
        return lambda inputs: list(module(*(inputs[name] for name in names)))
    import onnxruntime  # here: --format torch does without it

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(inputs: dict[str, Tensor]) -> list[Tensor]:
        return [torch.from_numpy(v) for v in session.run(None, {name: inputs[name].numpy() for name in names})]

    return run
