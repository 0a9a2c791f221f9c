def conv_block(conv, *resize):  # docstring cut
    return nn.Sequential(conv, *resize, nn.BatchNorm2d(conv.out_channels), nn.ReLU())
