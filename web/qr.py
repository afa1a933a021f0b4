"""Square codes (QR) as one path of an SVG, drawn by the library that makes our PDFs."""

from __future__ import annotations

from typing import Final

_QUIET: Final = 4  # modules of white around it, ISO/IEC 18004


def path_of(text: str) -> tuple[int, str]:
    """Width of the code in modules, quiet zone included, and the path of its black ones."""
    # Imported here: it takes longer than a page that shows no code.
    from reportlab.graphics.barcode.qrencoder import QR8bitByte, QRCode, QRErrorCorrectLevel

    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(QR8bitByte(text))
    code.make()
    count: int = code.getModuleCount()
    black = (
        f"M{column + _QUIET} {row + _QUIET}h1v1h-1z"
        for row in range(count)
        for column in range(count)
        if code.isDark(row, column)
    )
    return count + 2 * _QUIET, "".join(black)
