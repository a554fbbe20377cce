"""How runs and approved actions are carried out: claimed, worked on outside of any transaction, recorded under their fence."""
