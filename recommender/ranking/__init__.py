"""The second stage: candidates of all sources, ranked by what was bought after them in earlier weeks."""
