"""Teachers with an image and a text tower."""
