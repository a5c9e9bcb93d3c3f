"""`result.json`: its schema, and its rows from reports and solutions."""
