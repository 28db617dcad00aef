"""Benchmarks: each prints a table and the figures that the README and the model cards quote.

``python -m benchmarks.NAME``; those that need pictures take ``--data``, by default the folder
``data`` of the checkout or the one that PIXSTACK_DATA names, and say so and exit with 2 where
pictures are missing or unreadable. With ``--json -`` the figures stand alone on stdout.
"""
