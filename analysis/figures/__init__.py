"""Figures for papers: for each what is shown (`*_data`, tested) and the drawing (`*_figure`)."""
