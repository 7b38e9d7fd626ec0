"""What runs SQL: DuckDB over landed files, and dbt over published products."""
