"""The experiments of ``python -m benchmarks.tricks``, one a file, and what they share.

An experiment is a module with two functions: ``run(options)`` measures and returns an `Outcome`,
figures that fit JSON and a picture; ``section(results)`` puts such figures into words. The second
never measures, so that the page can be written again from kept figures.
"""
