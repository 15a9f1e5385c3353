"""Fuzzers of the command and of the library; ``python -m tests.fuzz --help`` says how to run them."""

import os

os.environ["XDMPREP_OFFLINE"] = "1"  # changed arguments may be URLs, and nothing here may reach out
