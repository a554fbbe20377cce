"""Who people are, how they prove it, and the workspaces that keep their things apart."""
