"""The domain of Nod: what agents, suggestions and approvals are, and the rules that hold for them. No I/O in here."""
