"""Root's part of ending the device: restart, shutdown, factory reset."""
