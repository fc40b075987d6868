"""The dashboard in a real browser: stories that Node plays in Chromium, on servers of the harness."""
