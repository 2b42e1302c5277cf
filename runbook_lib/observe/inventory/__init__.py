"""What a house knows of its machines and applications: facts, tables, profiles, monitoring; read, never judged."""
