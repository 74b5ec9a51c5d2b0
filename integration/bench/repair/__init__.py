"""How fast what lay with a lost member is whole again."""
