"""The paths of the API, one module per kind of thing; importing one registers its routes."""
