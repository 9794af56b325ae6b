"""The command `irodori`: one file a group of commands."""
