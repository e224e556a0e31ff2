"""Sphinx's settings. `make docs` builds the site; nothing of the project is imported for it."""

project = "Universal user representations"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# Links to headings work as on the repository's pages.
myst_heading_anchors = 4
# Commands and folders are no Python.
highlight_language = "none"
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
