"""Scripts that write tables of pairs for data sets whose folders say no pairs."""
