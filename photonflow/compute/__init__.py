"""Matrix units: what a product of matrices costs in time and joules."""
