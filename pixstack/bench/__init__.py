"""How fast a model file runs here: made-up views, providers that take turns, peak memory."""
