def prepare_for_fine_tuning(net):
    """Freeze `net` (evaluation mode, no gradients) and replace its last layer by an untrained one with 2 classes."""
    net.eval().requires_grad_(False)
    net.classifier[4] = nn.Conv2d(256, 2, kernel_size=1)
    return net.to(DEVICE)
