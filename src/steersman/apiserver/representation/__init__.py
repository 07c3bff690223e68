"""How objects are shown: JSON, YAML, tables, metadata alone; chosen by the Accept header."""
