def compute_iou_loss(pred, gt, SMOOTH=1e-6):
    x = pred.float().softmax(dim=1)[:, 1]  # probability of flower
    x, y = x * (gt != VOID), (gt == FLOWER).float()
    intersection = (x * y).sum(dim=(1, 2))  # equation 1
    union = (x + y - x * y).sum(dim=(1, 2))  # equation 2
    iou = (intersection + SMOOTH) / (union + SMOOTH)
    return (1 - iou).mean()  # equation 3
