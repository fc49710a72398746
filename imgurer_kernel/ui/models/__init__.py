"""The state and actions of the panels, as traits and plain functions, without widgets.

A model calls the workbench in a job and sets traits; tests need no browser. Code that makes HTML or
a widget belongs in `imgurer_kernel.ui.panels` or `imgurer_kernel.ui.widgets`.
"""
