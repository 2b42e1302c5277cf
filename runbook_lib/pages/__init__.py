"""What people look at: the archive's list, a page for each run, a notebook as HTML; views, never evidence."""
