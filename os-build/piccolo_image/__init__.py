"""The image: Debian packages and the services become a root that is proven from power-on."""
