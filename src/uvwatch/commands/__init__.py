"""What each command asks for, in click's terms; the work itself is done in the modules below."""
