"""Root's part of the data partition: the words' slot, and opening it by the words."""
