"""``python -m kata_exporter``."""

import sys

from kata_exporter.cli.main import main

sys.exit(main())
