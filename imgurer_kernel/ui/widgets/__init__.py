"""Small anywidgets, each a .py, a .js and a .css of the same name, independent of any store.

``common.js``, ``common.css`` and the files of `tile_board` are prepended to those that need them:
there is no build step.
"""
