def compute_iou_loss(pred, gt, SMOOTH=1e-6, valid=None):  # docstring cut
    fit = pred.dim() == 4 and pred.shape == (len(gt), 2, *gt.shape[1:])
    require(fit, f"pred {tuple(pred.shape)} and gt {tuple(gt.shape)} are not [B, 2, H, W] and [B, H, W]")
    precision = torch.promote_types(pred.dtype, torch.float32)  # sums over an image overflow in half precision
    x, y = pred.softmax(dim=1, dtype=precision)[:, 1], gt.to(precision)
    if valid is not None:
        x, y = x * valid, y * valid
    intersection = (x * y).sum(dim=(1, 2))  # equation 1
    union = (x + y - x * y).sum(dim=(1, 2))  # equation 2
    return (1 - (intersection + SMOOTH) / (union + SMOOTH)).mean()  # equation 3

def iou_loss(logits, labels):  # docstring cut
    return compute_iou_loss(logits, labels == FLOWER, valid=labels != VOID)

compute_IoU_loss = compute_iou_loss  # the handout's text uses this spelling
LOSSES["iou"] = [iou_loss, compute_iou_loss]
