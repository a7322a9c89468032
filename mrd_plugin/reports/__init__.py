"""Pages that show a run, and the figures on them."""
