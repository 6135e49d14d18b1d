"""How plans, reports, stores and checks are shown, one module for each kind."""
