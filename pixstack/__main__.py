"""`python -m pixstack` is `pixstack`."""

import sys

from pixstack.cli import main

if __name__ == "__main__":
    sys.exit(main())
