"""What is on the disk: originals, thumbnails, the catalog; and how pictures get there.

Whatever reads or writes the store's folder is in here; what pictures have in common is not.
"""
