"""Words that cross a border: HTTP bodies and answers. Pydantic models, no behaviour, no I/O."""
