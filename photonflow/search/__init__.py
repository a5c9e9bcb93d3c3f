"""Design spaces, objectives, search, drive solves and what a parameter is worth."""
