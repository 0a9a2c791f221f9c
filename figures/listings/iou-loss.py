def compute_iou_loss(pred, gt, SMOOTH=1e-6, valid=None):
    """Soft IoU loss, equations 1 to 3 of the handout, per image; the mean over the batch, in 0..1.

    pred: logits [B, 2, H, W]; gt: 0 (background) or 1 (flower), [B, H, W].
    valid: optional [B, H, W] of 0 or 1; pixels at 0 count neither in the intersection nor in the union.
    """
    if pred.dim() != 4 or pred.shape[1] != 2 or gt.shape != (len(pred), *pred.shape[2:]):
        raise ValueError(f"pred {tuple(pred.shape)} and gt {tuple(gt.shape)} are not [B, 2, H, W] and [B, H, W]")
    if not ((gt == 0) | (gt == 1)).all():
        raise ValueError(f"gt has values from {gt.min()} to {gt.max()}, expected 0 or 1 (a void needs `valid`)")
    precision = torch.promote_types(pred.dtype, torch.float32)  # sums over an image overflow in half precision
    x, y = pred.softmax(dim=1, dtype=precision)[:, 1], gt.to(precision)
    if valid is not None:
        x, y = x * valid, y * valid
    intersection = (x * y).sum(dim=(1, 2))  # equation 1
    union = (x + y - x * y).sum(dim=(1, 2))  # equation 2
    return (1 - (intersection + SMOOTH) / (union + SMOOTH)).mean()  # equation 3


compute_IoU_loss = compute_iou_loss  # the handout's text uses this spelling


def segmentation_loss(logits, labels, loss):
    """The loss "cross_entropy" or "iou" of logits [B, 2, H, W] and labels [B, H, W]; void pixels are ignored."""
    if loss == "cross_entropy":
        return F.cross_entropy(logits, labels, ignore_index=VOID)
    if loss == "iou":
        valid = labels != VOID
        return compute_iou_loss(logits, labels * valid, valid=valid)
    raise ValueError(f"loss is {loss!r}, expected 'cross_entropy' or 'iou'")
