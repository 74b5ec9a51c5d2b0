"""What the memory does, one module a noun: functions over a view (`Rows`) or a write (`Transaction`)."""
