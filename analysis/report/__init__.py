"""The report of studies: one HTML file with everything in it, that opens anywhere and asks nothing of any network."""
