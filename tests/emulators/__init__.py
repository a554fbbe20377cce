"""Real local servers that speak the protocols of the platforms, so that doors are tested over HTTP."""
