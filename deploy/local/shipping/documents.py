"""The document of a label. It names the sandbox and contains no address: the carrier stores none."""

from html import escape

from deploy.local.shipping.store import Row


def label_svg(row: Row) -> bytes:
    """Draw a label of four by six inches."""
    bars = "".join(
        f'<rect x="{24 + 10 * place}" y="380" width="{2 + ord(letter) % 5}" height="90"/>'
        for place, letter in enumerate(row.reference)
    )
    crossed = '<path d="M0 0L384 576M384 0L0 576" stroke="red" stroke-width="6"/>' if row.state == "voided" else ""
    lines = (
        ("SANDBOX - NOT A REAL LABEL", 40, 20),
        (f"{row.carrier} {row.service}", 100, 24),
        (f"Shipment {row.shipment_id}", 150, 13),
        (f"Order {row.order_id}", 180, 13),
        ("The addresses are printed by a real carrier.", 230, 13),
        (row.tracking_number, 510, 26),
    )
    texts = "".join(f'<text x="24" y="{y}" font-size="{high}">{escape(text)}</text>' for text, y, high in lines)
    paper = '<rect width="384" height="576" fill="white" stroke="black"/>'
    size = 'width="4in" height="6in" viewBox="0 0 384 576" font-family="sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{paper}{texts}{bars}{crossed}</svg>'.encode()
