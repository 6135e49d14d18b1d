"""``python -m tuszstore``."""

from tuszstore.cli import main

main()
