"""Still pictures of flows: the layout, computed here only, and the SVG drawn from it."""
