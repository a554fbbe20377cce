"""Mails from Nod itself to the people it knows: how they get into the page. What agents send goes through connectors, and only after a yes."""
