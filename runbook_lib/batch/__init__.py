"""Many applications rolled back as one: in reverse order of dependency, on record, and resumable at any moment."""
