"""A page to view recordings: on loopback, in a browser or in a notebook.

Data goes one way: :mod:`.montages` and :mod:`.pages` read what a page shows, :mod:`.places` lists
what there is to jump to, :mod:`.document` draws it and answers keys, :mod:`.server` shows it to one
machine alone.

It is built on Bokeh: its server synchronises a page and Python over
one connection, sends arrays as bytes, and draws tens of thousands of points on a canvas. Panel adds
templates and widgets which this page does not need.
"""
