class PoolUpsampleNet(nn.Module):  # docstring cut
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        require(kernel > 0 and kernel % 2 == 1, f"kernel is {kernel}: only an odd one can keep the size here")
        nic, nf, nc, padding = num_in_channels, num_filters, num_colours, kernel // 2
        self.down1 = conv_block(nn.Conv2d(nic, nf, kernel, padding=padding), nn.MaxPool2d(2))
        self.down2 = conv_block(nn.Conv2d(nf, 2 * nf, kernel, padding=padding), nn.MaxPool2d(2))
        self.up1 = conv_block(nn.Conv2d(2 * nf, nf, kernel, padding=padding), nn.Upsample(scale_factor=2))
        self.up2 = conv_block(nn.Conv2d(nf, nc, kernel, padding=padding), nn.Upsample(scale_factor=2))
        self.final = nn.Conv2d(nc, nc, kernel, padding=padding)

    def forward(self, x):
        check_images(x)  # [B, NIC, 32, 32], say
        x = self.down1(x)  # [B, NF, 16, 16]
        x = self.down2(x)  # [B, 2 NF, 8, 8]
        x = self.up1(x)  # [B, NF, 16, 16]
        x = self.up2(x)  # [B, NC, 32, 32]
        return self.final(x)  # [B, NC, 32, 32]
