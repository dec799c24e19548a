"""Sources of modules in cells: checked at definition, with their place and the notebook names hidden from them."""
