"""The store on disk: schema, geometry, shards, tables, and opening it."""
