class UNet(nn.Module):
    def __init__(self, kernel, num_filters, num_colours, num_in_channels):
        super().__init__()
        nic, nf, nc = num_in_channels, num_filters, num_colours
        self.block1 = down_block(nic, nf, kernel)
        self.block2 = down_block(nf, 2 * nf, kernel)
        self.block3 = up_block(2 * nf, nf, kernel)
        self.block4 = up_block(nf + nf, nc, kernel)
        self.block5 = nn.Conv2d(nic + nc, nc, kernel, padding="same")

    def forward(self, x):
        half = self.block1(x)  # [B, NF, 16, 16]
        quarter = self.block2(half)  # [B, 2 NF, 8, 8]
        up_half = self.block3(quarter)  # [B, NF, 16, 16]
        joined = torch.cat([half, up_half], dim=1)  # [B, 2 NF, 16, 16]
        up_full = self.block4(joined)  # [B, NC, 32, 32]
        joined = torch.cat([x, up_full], dim=1)  # [B, NIC + NC, 32, 32]
        return self.block5(joined)  # [B, NC, 32, 32]
