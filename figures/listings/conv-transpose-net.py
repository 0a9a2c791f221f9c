def down_block(in_channels, out_channels, kernel):
    padding = (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(
            in_channels, out_channels, kernel, stride=2, padding=padding
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def up_block(in_channels, out_channels, kernel):
    padding = (kernel - 1) // 2
    return nn.Sequential(
        nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel,
            stride=2,
            padding=padding,
            output_padding=kernel % 2,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class ConvTransposeNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        self.block1 = down_block(nic, nf, kernel)
        self.block2 = down_block(nf, 2 * nf, kernel)
        self.block3 = up_block(2 * nf, nf, kernel)
        self.block4 = up_block(nf, nc, kernel)
        self.block5 = nn.Conv2d(nc, nc, kernel, padding="same")

    def forward(self, x):
        x = self.block1(x)  # [B, NF, 16, 16]
        x = self.block2(x)  # [B, 2 NF, 8, 8]
        x = self.block3(x)  # [B, NF, 16, 16]
        x = self.block4(x)  # [B, NC, 32, 32]
        return self.block5(x)  # [B, NC, 32, 32]
