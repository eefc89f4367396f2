"""Outlines of the simulated garments, with the details that tell alike ones apart."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

SIDE, FINE = 28, 4  # shapes are drawn FINE times larger and averaged, for smooth edges
T_SHIRT, TROUSER, PULLOVER, DRESS, COAT, SANDAL, SHIRT, SNEAKER, BAG, BOOT = range(10)

# Means of half width, length, sleeve length, hem over chest, neck width and neck depth; then chances of a
# front opening, a collar, a hem band and a print on the chest. Both overlap: no single trait names the top.
TOPS = {
    T_SHIRT: ((0.40, 0.95, 0.25, 1.00, 0.17, 0.09), (0.03, 0.05, 0.10, 0.45)),
    PULLOVER: ((0.38, 0.92, 0.80, 1.00, 0.15, 0.06), (0.05, 0.10, 0.75, 0.25)),
    DRESS: ((0.24, 1.00, 0.12, 1.55, 0.13, 0.10), (0.08, 0.10, 0.15, 0.10)),
    COAT: ((0.37, 0.97, 0.84, 1.08, 0.13, 0.10), (0.92, 0.55, 0.10, 0.03)),
    SHIRT: ((0.38, 0.95, 0.62, 1.02, 0.14, 0.11), (0.70, 0.80, 0.05, 0.08)),
}


class Canvas:
    """A black square to draw on, x in [-0.5, 0.5] and y in [0, 1]; each is turned, scaled and shifted."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.image = Image.new("L", (SIDE * FINE, SIDE * FINE))
        self.draw = ImageDraw.Draw(self.image)
        self.turn, self.scale = rng.normal(0, 0.06), rng.uniform(0.72, 0.98, 2)
        self.shift = rng.normal(0, 0.025, 2)

    def place(self, points, wobble: float) -> list[tuple[float, float]]:
        """Turn shape coordinates into pixels."""
        x, y = np.transpose(points) + self.rng.normal(0, wobble, (2, len(points)))
        x, y = x * self.scale[0] + self.shift[0], (y - 0.5) * self.scale[1] + self.shift[1]
        side = SIDE * FINE
        return list(zip(side * (0.5 + x - self.turn * y), side * (0.5 + y + self.turn * x), strict=True))

    def fill(self, points, shade: float = 0.8, wobble: float = 0.007) -> None:
        """Fill a polygon."""
        self.draw.polygon(self.place(points, wobble), fill=int(255 * shade))

    def line(self, points, shade: float, width: float = 0.03) -> None:
        """Draw an open line, ``width`` in shares of the side."""
        pixels = max(round(width * SIDE * FINE), 1)
        self.draw.line(self.place(points, 0.004), fill=int(255 * shade), width=pixels, joint="curve")


def draw_shape(rng: Generator, label: int) -> np.ndarray:
    """Draw the silhouette and its details, float32 (28, 28) in [0, 1]."""
    canvas = Canvas(rng)
    if label in TOPS:
        draw_top(rng, canvas, label)
    else:
        others = {
            TROUSER: draw_trouser,
            SANDAL: draw_sandal,
            SNEAKER: draw_shoe,
            BAG: draw_bag,
            BOOT: draw_shoe,
        }
        others[label](rng, canvas, label)
    fine = np.asarray(canvas.image, np.float32) / 255
    return fine.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))


def mirrored(points) -> list:
    """Close the right half of an outline with its left half."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def draw_top(rng: Generator, canvas: Canvas, label: int) -> None:
    """Draw anything with shoulders; its kind shows in proportions and details, none of them certain."""
    means, chances = TOPS[label]
    half, length, sleeve, flare, neck, depth = np.array(means) * rng.normal(1, 0.11, 6)
    if rng.random() < 0.25:  # long-sleeved t-shirts, short-sleeved shirts, sleeveless pullovers
        sleeve = rng.uniform(0.0, 0.85)
    sleeve = max(sleeve + rng.normal(0, 0.06), 0)
    length, shoulder, waist = min(length, 1.0), 0.75 * half, half * rng.normal(0.78, 0.05)
    hem = waist * flare * rng.normal(1, 0.07)
    opening, collar, band, chest = rng.random(4) < chances

    spread = rng.uniform(0.10, 0.24) if sleeve < 0.45 else rng.uniform(0.03, 0.12)
    if sleeve > 0.04:
        end = np.array([half + spread * min(sleeve * 2, 1), 0.08 + sleeve])
        cuff = rng.uniform(0.06, 0.11)
        for side in (-1, 1):
            arm = [(shoulder * 0.8, 0.02), (half, 0.09), end, (end[0] - cuff, end[1] + 0.02), (waist, 0.32)]
            canvas.fill([(side * x, y) for x, y in arm], 0.8 + rng.normal(0, 0.03))
            canvas.line([(side * waist, 0.3), (side * (end[0] - cuff), end[1])], 0.35, 0.012)
    body = [
        (neck, 0.0),
        (shoulder, 0.05),
        (waist, 0.3),
        (waist * rng.normal(0.97, 0.03), 0.55),
        (hem, length),
    ]
    canvas.fill(mirrored(body))
    neckline = [(-neck, -0.01), (0, 2 * depth * rng.uniform(0.6, 1.0)), (neck, -0.01)]
    canvas.fill(neckline, rng.choice([0.0, 0.35]))
    if collar:
        for side in (-1, 1):
            tip = [(side * neck, 0), (side * neck * 1.3, 0.09), (0, 0.14), (side * 0.03, 0.05)]
            canvas.fill(tip, rng.uniform(0.5, 1))
    if opening:
        middle = rng.normal(0, 0.015)
        shade, width = (rng.uniform(0.0, 0.4), 0.05) if label == COAT else (rng.uniform(0.4, 0.65), 0.025)
        canvas.line([(middle, depth), (middle, length)], shade, width * rng.uniform(0.7, 1.4))
    if band:
        canvas.line([(-hem, length - 0.03), (hem, length - 0.03)], rng.uniform(0.55, 1.0), 0.05)
    if chest:
        width, height = rng.uniform(0.06, 0.16, 2)
        canvas.fill(mirrored([(width, 0.35 - height), (width, 0.35 + height)]), rng.uniform(0.1, 1.0), 0.03)


def draw_trouser(rng: Generator, canvas: Canvas, label: int) -> None:
    """Draw two legs; close together they look like a narrow dress."""
    waist, knee, foot = rng.normal(0.17, 0.02), rng.normal(0.18, 0.025), rng.normal(0.17, 0.03)
    crotch, length, gap = rng.uniform(0.25, 0.4), rng.uniform(0.9, 1.0), max(rng.normal(0.05, 0.04), 0.0)
    for side in (-1, 1):
        leg = [(0, 0), (waist, 0), (knee + 0.02, crotch), (knee + gap / 2, 0.6), (foot + gap, length)]
        leg += [(gap + 0.02, length), (gap / 2, 0.6), (0, crotch)]
        canvas.fill([(side * x, y) for x, y in leg], 0.8 + rng.normal(0, 0.03))
    canvas.line([(0, crotch), (0, length)] if gap < 0.02 else [(0, 0), (0, crotch)], 0.4, 0.012)
    canvas.line([(-waist, 0.03), (waist, 0.03)], rng.uniform(0.5, 1.0), 0.03)


def draw_shoe(rng: Generator, canvas: Canvas, label: int) -> None:
    """Draw a closed shoe from the side: the shaft is high for a boot, low for a sneaker, or between."""
    shaft = max(rng.normal(0.52, 0.13) if label == BOOT else rng.normal(0.29, 0.06), 0.16)
    heel = max(rng.normal(0.09, 0.08), 0) if label == BOOT else max(rng.normal(0.0, 0.015), 0)
    ground = 0.62 + 0.5 * shaft * rng.uniform(0.6, 0.9)
    back, toe, instep = rng.uniform(0.40, 0.48), rng.uniform(0.09, 0.14), rng.uniform(0.05, 0.2)
    top, sole = ground - shaft - heel * 0.6, rng.uniform(0.03, 0.07)
    # The foot points to the left.
    collar = back - rng.uniform(0.26, 0.38)
    upper = [
        (back, ground),
        (back - 0.02, top),
        (back - 0.12, top + 0.15 * shaft * rng.random()),
        (collar, top),
    ]
    upper += [(collar - 0.05, ground - toe - 0.3 * shaft), (-0.2, ground - toe - instep * 0.3)]
    upper += [(-0.36, ground - toe), (-0.45, ground - 0.7 * toe), (-0.48, ground)]
    canvas.fill([(x, y - (heel if x > 0.2 else 0) * 0.7) for x, y in upper])
    welt = [(-0.47, ground - sole), (back, ground - sole - heel * 0.6), (back, ground), (-0.45, ground)]
    canvas.fill(welt, rng.uniform(0.3, 1.0))
    if heel > 0.03:
        block = [
            (back, ground - heel),
            (back, ground + 0.02),
            (back - 0.12, ground + 0.02),
            (0.2, ground - heel),
        ]
        canvas.fill(block)
    for step in np.linspace(0.05, 0.9, rng.integers(0, 5)):
        x, y = 0.1 - 0.25 * step, ground - shaft * 0.75 + step * 0.45 * shaft
        canvas.line([(x, y), (x + 0.1, y + 0.04)], rng.uniform(0.2, 1.0), 0.02)
    if rng.random() < 0.4:
        canvas.line([(0.3, ground - shaft * 0.6), (0.0, ground - 0.05)], rng.uniform(0.2, 1.0), 0.04)


def draw_sandal(rng: Generator, canvas: Canvas, label: int) -> None:
    """Draw a sole with straps, flat or with a heel; many straps look like a sneaker."""
    heel = rng.choice([rng.uniform(0.0, 0.05), rng.uniform(0.15, 0.4)])
    ground, thick = 0.66 + heel * 0.4, rng.uniform(0.03, 0.09)
    arch = [(-0.47, ground), (-0.15, ground), (0.15, ground - 0.6 * heel), (0.45, ground - heel)]
    canvas.fill([*arch, *((x, y - thick) for x, y in reversed(arch))], rng.uniform(0.5, 1.0))
    if heel > 0.1:
        foot = 0.44 - rng.uniform(0.03, 0.2)
        canvas.fill([(0.45, ground - heel), (0.44, ground), (foot, ground), (0.3, ground - heel)])
    for _ in range(rng.integers(2, 7)):
        start, stop = rng.uniform(-0.42, 0.42, 2)
        low = np.interp([start, stop], [p[0] for p in arch], [p[1] for p in arch]) - thick
        peak = low.min() - rng.uniform(0.06, 0.16 + 0.16 * (start + stop > 0))
        middle = (start + stop) / 2
        loop = [(start, low[0]), ((start + middle) / 2, peak), ((stop + middle) / 2, peak), (stop, low[1])]
        canvas.line(loop, rng.uniform(0.5, 1.0), rng.uniform(0.02, 0.07))


def draw_bag(rng: Generator, canvas: Canvas, label: int) -> None:
    """Draw a box with a handle; without one it looks like a folded top."""
    wide, top, bottom = rng.uniform(0.3, 0.49), rng.uniform(0.25, 0.5), rng.uniform(0.78, 0.97)
    narrow = wide * rng.uniform(0.75, 1.1)
    if rng.random() < 0.8:
        high, reach = top - rng.uniform(0.08, 0.4), wide * rng.uniform(0.4, 0.95)
        arc = [(reach * np.cos(t), top + (high - top) * np.sin(t)) for t in np.linspace(0, np.pi, 9)]
        canvas.line(arc, rng.uniform(0.5, 0.9), rng.uniform(0.02, 0.06))
    edge = [
        (narrow * 0.95, top),
        (min(narrow, 0.49), top + 0.05),
        (wide, bottom),
        (wide * 0.95, bottom + 0.02),
    ]
    canvas.fill(mirrored(edge))
    if rng.random() < 0.6:
        flap = top + rng.uniform(0.08, 0.3)
        canvas.line([(-narrow, flap), (narrow, flap)], rng.uniform(0.3, 1.0), 0.02)
    if rng.random() < 0.5:
        canvas.fill(mirrored([(0.05, top + 0.2), (0.05, top + 0.28)]), rng.uniform(0.1, 1.0))
