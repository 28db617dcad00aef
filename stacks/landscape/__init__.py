"""What the settings of a GAN are worth: a search over recipe fields, as arXiv 1807.04720 did."""
