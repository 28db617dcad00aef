"""One module a subcommand, each with one function named `command`.

A command imports its machinery inside the function: its `--help` answers at once and needs no
extra. Its docstring is its help and ends with examples.
"""
