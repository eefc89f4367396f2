"""Pictures in a folder for each class, perhaps in a folder for each part: which files are there, and which are not."""

from dataclasses import dataclass, field
from pathlib import Path

from .picture_names import in_left_folder, is_picture, picture_files
from .wording import counted, listed

# Names that common archives give to the folders of parts; capitals make no difference.
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
    "predict": "predict",
}


@dataclass
class Tree:
    """What a folder holds.

    Args:
        parts: part -> class -> names of pictures, paths from the folder; all sorted. Without folders of parts all is
            ``train``; pictures of ``predict`` have the class "".
        no_pictures: Other files in folders of classes, hidden ones among them.
        empty: Pictures of no bytes.
        bare: Folders of classes without a picture.
        beside: Folders beside those of parts.
        loose: Pictures beside the folders of classes or parts, in none of them.
    """

    parts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    no_pictures: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What the user should know of files that are not used."""
        kinds = {
            "Left out, no pictures": ("file", self.no_pictures),
            "Left out, of no bytes": ("picture", self.empty),
            "No classes, without a picture": ("folder", self.bare),
            "Not read, beside the folders of parts": ("folder", self.beside),
            "Left out, in no folder of a class": ("picture", self.loose),
        }
        return [
            f"{text}: {counted(names, thing)} ({listed(names, 3)})." for text, (thing, names) in kinds.items() if names
        ]


def scan_classes(folder: Path) -> Tree:
    """Look through ``folder/CLASS`` or ``folder/{train,val,test,predict}/CLASS``; deeper folders belong to their class.

    A folder is one of a part where it has such a name and holds folders but no pictures: a class may be called
    ``train``. The pictures of ``predict`` need no folders of classes.
    """
    tree, top = Tree(), folders_in(folder)
    tree.loose = [path.name for path in picture_files(folder.iterdir() if folder.is_dir() else ())]
    of_parts = [place for place in top if place.name.lower() in PARTS and not pictures_directly_in(place)
                and (folders_in(place) or PARTS[place.name.lower()] == "predict")]  # fmt: skip
    of_parts += [place for place in top if place.name.lower() == "predict" and place not in of_parts]
    if not any(PARTS[place.name.lower()] == "train" for place in of_parts):
        take_classes(tree, "train", folder, top)
        return tree
    for place in of_parts:
        part = PARTS[place.name.lower()]
        if part == "predict":
            tree.parts[part] = {"": pictures_below(tree, folder, place)}
        else:
            take_classes(tree, part, folder, folders_in(place))
    tree.beside = [place.name for place in top if place not in of_parts]
    return tree


def take_classes(tree: Tree, part: str, folder: Path, classes: list[Path]) -> None:
    """Note the pictures of each folder of a class."""
    held = tree.parts.setdefault(part, {})
    for place in classes:
        if names := pictures_below(tree, folder, place):
            held[place.name] = sorted(held.get(place.name, []) + names)  # ``val`` and ``valid`` may both be there
        else:
            tree.bare.append(place.relative_to(folder).as_posix())


def pictures_below(tree: Tree, folder: Path, place: Path) -> list[str]:
    """Names of the pictures at any depth below ``place``; other files are noted."""
    names = []
    for path in sorted(place.rglob("*")):
        if not path.is_file() or in_left_folder(path.relative_to(place)):
            continue
        name = path.relative_to(folder).as_posix()
        if not is_picture(path):
            tree.no_pictures.append(name)
        elif not path.stat().st_size:
            tree.empty.append(name)
        else:
            names.append(name)
    return names


def scan_unlabelled(place: Path) -> Tree:
    """Pictures of a folder at any depth, or one picture, as ``predict``; names are paths from the folder.

    Raises:
        ValueError: No picture is there.
    """
    tree = Tree()
    names = pictures_below(tree, place, place) if place.is_dir() else [place.name] if is_picture(place) else []
    if not names:
        what = "holds no picture" if place.is_dir() else "is no picture" if place.exists() else "is not there"
        raise ValueError(f"--data.predict: {place} {what}. Give a folder of pictures, or one picture.")
    tree.parts["predict"] = {"": names}
    return tree


def folders_in(folder: Path) -> list[Path]:
    """Folders directly in a folder, without hidden ones and those that archives leave behind."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not in_left_folder(Path(p.name, "x")))


def pictures_directly_in(folder: Path) -> bool:
    """Whether a picture stands in the folder itself."""
    return any(map(is_picture, folder.iterdir()))
