"""What a user holds: a store, or another collection of windows that is read like one."""
