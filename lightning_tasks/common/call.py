"""How a user calls the application, for messages that name a command."""

from pathlib import Path

IN_CHECKOUT = "python cli.py"
# an installed wheel holds the configurations inside of the package, and brings a command of its own
CALL = "lightning-tasks" if (Path(__file__).resolve().parents[1] / "configs").is_dir() else IN_CHECKOUT
