"""What is wrong with a folder of training pictures, found before a run is started on it.

`subject` says what is looked at, `examine` looks, `page` shows it, `clean` writes a mended copy.
"""
