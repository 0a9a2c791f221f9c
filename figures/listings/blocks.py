def conv_block(conv, *resize):
    return nn.Sequential(conv, *resize, nn.BatchNorm2d(conv.out_channels), nn.ReLU())


def check_images(x):
    if x.dim() != 4 or x.shape[2] % 4 or x.shape[3] % 4 or 0 in x.shape:
        raise ValueError(f"the input has shape {tuple(x.shape)}, expected [B, C, H, W] with H and W multiples of 4")
