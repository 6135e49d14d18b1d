"""A page for viewing recordings, served on loopback, in a browser or in a notebook.

Data flows one way: :mod:`.montages` and :mod:`.pages` read the data of a page, :mod:`.places` lists
places to jump to, :mod:`.document` draws the page and handles keys, and :mod:`.server` serves it to
this machine only.

It is built on Bokeh, whose server synchronises a page with Python over one connection, sends arrays
as bytes, and draws tens of thousands of points on a canvas. Panel would add templates and widgets
that this page does not need.
"""
