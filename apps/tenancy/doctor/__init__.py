"""What is wrong with the platform now, in sentences, and what to do: for whoever is called at night."""
