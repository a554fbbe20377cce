"""PostgreSQL: tables, policies, mapping, repositories, vault and the embedded servers. Storage never decides."""
