"""From files to files: texts to ids, ids or texts to vectors, ids to texts, some megabytes at a time."""
