def compute_iou_loss(pred, gt, SMOOTH=1e-6):
    if pred.dim() != 4 or pred.shape != (len(gt), 2, *gt.shape[1:]):
        shapes = f"pred {tuple(pred.shape)}, gt {tuple(gt.shape)}"
        raise ValueError(f"{shapes}: no [B, 2, H, W] and [B, H, W]")
    x = pred.float().softmax(dim=1)[:, 1]  # probability of flower
    x, y = x * (gt != VOID), (gt == FLOWER).float()
    intersection = (x * y).sum(dim=(1, 2))  # equation 1
    union = (x + y - x * y).sum(dim=(1, 2))  # equation 2
    iou = (intersection + SMOOTH) / (union + SMOOTH)
    return (1 - iou).mean()  # equation 3
