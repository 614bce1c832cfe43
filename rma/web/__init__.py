"""The screens: portal, warehouse, finance, desk and admin, each over the services and nothing below them."""
