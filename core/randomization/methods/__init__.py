"""The methods: one file for each family, each a pure function of whole numbers."""
