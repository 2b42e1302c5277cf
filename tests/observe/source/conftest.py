"""The trees here are material for tests, and none of their files is a test itself."""

collect_ignore_glob = ["trees/*"]
