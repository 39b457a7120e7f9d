"""``python -m painprint``."""

import sys

from painprint.cli import main

sys.exit(main())
