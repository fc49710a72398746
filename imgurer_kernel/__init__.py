"""A notebook workbench that finds, shows and resolves duplicate images."""
