"""From files to files: texts to ids, ids or texts to vectors, and ids to texts, in chunks of some megabytes."""
