"""Where pictures come from: sources that list posts, filters on what they say, and a polite download."""
