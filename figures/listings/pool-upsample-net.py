def conv_block(conv, *resize):
    norm = nn.BatchNorm2d(conv.out_channels)
    return nn.Sequential(conv, *resize, norm, nn.ReLU())


def check_images(x):
    if x.dim() != 4 or x.shape[2] % 4 or x.shape[3] % 4:
        shape = tuple(x.shape)
        raise ValueError(f"{shape} is no [B, C, H, W], H and W multiples of 4")


class PoolUpsampleNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}, but must be odd")
        nic, nf, nc = num_in_channels, num_filters, num_colours
        same = {"kernel_size": kernel, "padding": kernel // 2}
        halve, double = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.down1 = conv_block(nn.Conv2d(nic, nf, **same), halve)
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, **same), halve)
        self.up1 = conv_block(nn.Conv2d(2 * nf, nf, **same), double)
        self.up2 = conv_block(nn.Conv2d(nf, nc, **same), double)
        self.final = nn.Conv2d(nc, nc, **same)

    def forward(self, x):
        check_images(x)
        x = self.down1(x)  # [B, NF, 16, 16]
        x = self.down2(x)  # [B, 2 NF, 8, 8]
        x = self.up1(x)  # [B, NF, 16, 16]
        x = self.up2(x)  # [B, NC, 32, 32]
        return self.final(x)  # [B, NC, 32, 32]
