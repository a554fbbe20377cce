"""How a run is carried out: graphs, steps, claims."""
