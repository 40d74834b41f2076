"""The report for people: small sketches for asset pages, plots as inline SVG, and one self-contained HTML page."""
