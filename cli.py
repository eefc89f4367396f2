"""The door: ``python cli.py fit --config configs/mars_unet.yaml``; ``python cli.py --help`` lists the rest."""

from lightning_tasks.app import main

if __name__ == "__main__":
    main()
