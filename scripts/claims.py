"""What must hold of the tables for each \\claim of the writeup.

To add one, write \\claim{its-name}{the sentence} in a2-writeup.tex, and "its-name": condition in
CLAIMS. A condition is plain Python: t("table", "row", "column") is a number of a shown table, t.row
and t.column are lists. One that asks for a missing number does not hold.
"""

from tables import Tables


def falls(differences):
    """On every seed; one alone agrees on nothing."""
    return len(differences) > 1 and max(differences) < 0


def rises(differences):
    return len(differences) > 1 and min(differences) > 0


def wavers(differences):
    return len(differences) > 1 and not falls(differences) and not rises(differences)


def improves(t, table):
    """On every seed the validation loss falls and the accuracy rises."""
    return falls(t.row(table, "val_loss")) and rises(t.row(table, "val_accuracy"))


CLAIMS = {
    "conv-below-pool": lambda t: improves(t, "convt-minus-pool"),
    "unet-below-conv": lambda t: improves(t, "unet-minus-convt"),
    "iou-image-leads": lambda t: (
        rises(t.row("gentle-starter-minus", "val_image_iou"))
        and rises(t.row("gentle-starter-minus", "test_image_iou"))
    ),
    "iou-mean-trails": lambda t: (
        falls(t.row("gentle-starter-minus", "val_mean_iou"))
        and falls(t.row("gentle-starter-minus", "test_mean_iou"))
    ),
}


def judge(results):
    """{claim: (whether these results bear it out, what it looked up)}."""
    judged = {}
    for name, condition in CLAIMS.items():
        tables = Tables(results)
        try:
            holds = bool(condition(tables))
        except LookupError:
            holds = False
        judged[name] = holds, tables.looked_up
    return judged


def in_words(looked_up):
    """What a claim looked up, a line for each place."""
    lines = ""
    for place, found in looked_up.items():
        rounded = [f"{one:.4g}" if isinstance(one, float) else str(one) for one in found]
        lines += f"\n      {place}: {', '.join(rounded) or 'missing'}"
    return lines
