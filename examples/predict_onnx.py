"""Predict with a file that `python cli.py export` wrote. Needs numpy and onnxruntime, and Pillow for pictures.

    python predict_onnx.py model.onnx cat.png dog.jpg          # pictures: a line of probabilities for each
    python predict_onnx.py model.onnx --text "Profit fell."    # texts
    python predict_onnx.py model.onnx --arrays inputs.npz      # anything: arrays by the names of the inputs
    python predict_onnx.py model.onnx --draw 16                # generators: from standard normal numbers

Without any of these it says what the file takes and gives. With --out FILE.npz outputs are written as arrays.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime

# As the application splits texts: a number with its decimals, a word with inner apostrophes or hyphens, or one mark.
TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]|\w+")
TYPES = {"uint8": np.uint8, "int64": np.int64, "float32": np.float32}


def pictures(paths: list[str], shape: list) -> np.ndarray:
    """Pictures of files as uint8 (N, C, H, W), brought to the size that the file asks for."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        sys.exit("Files of pictures are read with Pillow: pip install pillow. Or give arrays by --arrays.")
    channels, height, width = shape[1:]
    opened = [Image.open(path).convert("L" if channels == 1 else "RGB") for path in paths]
    arrays = [np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)) for picture in opened]
    return np.stack([array[None] if channels == 1 else array.transpose(2, 0, 1) for array in arrays])


def tokens(texts: list[str], known: dict) -> dict[str, np.ndarray]:
    """Numbers of words (N, T), 0 behind a text's end, and words of each text (N,)."""
    if known["ngrams"] != 1 or not known["stop_words"]:
        sys.exit("This file counts pairs of words or passes over stop words: make its tokens with the application.")
    number = {word: i for i, word in enumerate(known["vocabulary"], 2)}
    rows = []
    for text in texts:
        words = TOKEN.findall((text if known["digits"] else re.sub(r"\d", "0", text)).lower())
        words = [word for word in words if known["marks"] or word[0].isalnum()][: known["longest"]]
        rows.append([number.get(word, 1) for word in words] or [1])
    length = np.array([len(row) for row in rows], np.int64)
    table = np.zeros((len(rows), length.max()), np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return {"tokens": table, "length": length}


def inputs_of(options: argparse.Namespace, known: dict) -> tuple[dict[str, np.ndarray], list[str]]:
    """What the file is asked, by name, and a title for each sample."""
    ports = {port["name"]: port for port in known["inputs"]}
    if options.pictures:
        axes, kind = ports["image"]["axes"], ports["image"]["dtype"]
        image = pictures(options.pictures, axes)
        return {"image": image if kind == "uint8" else image.astype(np.float32) / 255}, options.pictures
    if options.text:
        return tokens(options.text, known), options.text
    if options.draw:
        random = np.random.default_rng(options.seed)
        sizes = {name: [options.draw if n == "batch" else n for n in port["axes"]] for name, port in ports.items()}
        arrays = {name: random.standard_normal(size).astype(np.float32) for name, size in sizes.items()}
    else:
        with np.load(options.arrays) as held:
            arrays = {name: held[name].astype(TYPES[port["dtype"]]) for name, port in ports.items()}
    return arrays, [str(i) for i in range(len(next(iter(arrays.values()))))]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="an exported .onnx file")
    parser.add_argument("pictures", nargs="*", help="files of pictures")
    parser.add_argument("--text", nargs="+", help="texts")
    parser.add_argument("--arrays", type=Path, help=".npz with an array for each input")
    parser.add_argument("--draw", type=int, help="samples of a generator")
    parser.add_argument("--seed", type=int, default=0, help="of what --draw draws")
    parser.add_argument("--out", type=Path, help=".npz for the outputs")
    options = parser.parse_args()
    session = onnxruntime.InferenceSession(options.file, providers=["CPUExecutionProvider"])
    known = json.loads(session.get_modelmeta().custom_metadata_map["lightning_tasks"])
    if not (options.pictures or options.text or options.arrays or options.draw):
        for side in ("inputs", "outputs"):
            for port in known[side]:
                print(f"{side[:-1]} {port['name']}: {port['dtype']} {port['axes']}, {port['meaning']}")
        return
    inputs, titles = inputs_of(options, known)
    names = [port["name"] for port in known["outputs"]]
    outputs = dict(zip(names, session.run(names, inputs), strict=True))
    if options.out:
        np.savez(options.out, **outputs)
    if "prob" in outputs and outputs["prob"].ndim == 2:
        for title, prob in zip(titles, outputs["prob"], strict=True):
            shares = ", ".join(f"{name} {p:.3f}" for name, p in zip(known["classes"], prob, strict=True))
            print(f"{title}: {shares}")
    else:
        for name, value in outputs.items():
            print(f"{name}: {value.dtype} {value.shape}, {value.min():.4g} to {value.max():.4g}")


if __name__ == "__main__":
    main()
