"""What commands tell on their way and at the end."""
