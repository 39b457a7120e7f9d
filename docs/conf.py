"""How Sphinx builds these pages. Nothing is fetched: no fonts, scripts or inventories."""

import logging
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

# A style of Pygments would send the log of all libraries to what the gallery captures, unless the
# root has a handler; and the program's own progress names temporary folders.
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger("painprint").addFilter(lambda record: record.levelno >= logging.WARNING)

project = "painprint"
author = "painprint developers"
version = release = installed_version("painprint")
language = "en-GB"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "example_pages",
    "from_the_code",
    "math_as_outlines",
]
exclude_patterns = ["_build", "_ext", "gallery"]
nitpicky = False
suppress_warnings = ["ref.python"]  # two classes of one name, in the types of docstrings
smartquotes = False
highlight_language = "none"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_typehints = "none"  # shapes and units stand in the docstrings
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 100_000,  # times say something of a machine, nothing of the program
    "write_computation_times": False,
    "show_signature": False,
    "capture_repr": ("_repr_html_",),
    "remove_config_comments": True,
    "image_scrapers": ("matplotlib",),
    "parallel": False,
}

html_theme = "furo"
html_title = f"painprint {release}"
html_static_path = ["_static"]
html_css_files = ["painprint.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_last_updated_fmt = None
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b2182b", "color-brand-content": "#2166ac"},
    "dark_css_variables": {"color-brand-primary": "#f4a582", "color-brand-content": "#92c5de"},
}
