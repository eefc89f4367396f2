"""``python -m lightning_tasks``: the same as ``python cli.py``."""

from lightning_tasks.app.main import main

if __name__ == "__main__":
    main()
