"""What runs in the sandbox beside student code. It holds no hidden case, no reference and no verdict."""
