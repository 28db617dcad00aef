"""`python app.py` starts the web app; it takes the options of `pixstack serve`."""

import sys

from pixstack.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
