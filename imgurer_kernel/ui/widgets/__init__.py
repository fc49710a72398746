"""Small anywidgets, each a .py, a .js and a .css of the same name; they know no store.

``common.js``, ``common.css`` and the files of `tile_board` are joined in front of those that
need them: there is no build step.
"""
