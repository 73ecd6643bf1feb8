"""Modules that take the place of other libraries' modules: same names, same results."""
