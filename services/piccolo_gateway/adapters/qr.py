"""QR codes by segno, imported when the first one is drawn."""

from __future__ import annotations


def draw(text: str) -> str:
    """A text as a QR code: one SVG element, dark on white, with the quiet zone that readers need."""
    import segno

    return segno.make_qr(text, error="m").svg_inline(scale=4, light="#fff", omitsize=True)
