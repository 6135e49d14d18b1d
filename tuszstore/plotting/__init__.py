"""Looking at a store: pictures, pages and objects of other libraries."""
