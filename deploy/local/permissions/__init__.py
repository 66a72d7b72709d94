"""What the roles of the templates permit, beside the calls that the platform was seen to make with them."""
